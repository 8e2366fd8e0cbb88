/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A call, from its start to its end. The backend waits on its latch and on the client's descriptor
 * at once, so a cancel, a statement_timeout and a terminate are obeyed as soon as they arrive.
 */
#include "ext_postgres/glue.h"

#include <miscadmin.h>
#include <storage/latch.h>
#include <utils/memutils.h>
#include <utils/wait_event.h>

/* The name under which pg_stat_activity shows a wait for a job server. */
static uint32 wait_event(void) {
#if PG_VERSION_NUM >= 170000
  static uint32 event;
  if (event == 0) event = WaitEventExtensionNew("GmanCall");
  return event;
#else
  return PG_WAIT_EXTENSION;
#endif
}

/* What a wait waits for, made once: neither latch nor client change while the backend lives.
   WaitLatchOrSocket() would make it for each wait, and so double the system calls of a call. */
static WaitEventSet* wait_set(const gman_client* client) {
  static WaitEventSet* set;
  if (set != NULL) return set;
#if PG_VERSION_NUM >= 170000
  WaitEventSet* made = CreateWaitEventSet(NULL, 3);
#else
  WaitEventSet* made = CreateWaitEventSet(TopMemoryContext, 3);
#endif
  AddWaitEventToSet(made, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
  if (IsUnderPostmaster) {
    AddWaitEventToSet(made, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
  }
  AddWaitEventToSet(made, WL_SOCKET_READABLE, gman_fd(client), NULL, NULL);
  return set = made;
}

static gman_status wait_for_end(gman_client* client, gman_status status) {
  while (status == GMAN_AGAIN) {
    WaitEvent happened;
    int count =
        WaitEventSetWait(wait_set(client), gman_timeout_ms(client), &happened, 1, wait_event());
    if (count > 0 && (happened.events & WL_LATCH_SET)) ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    status = gman_step(client);
  }
  return status;
}

/* An interrupt leaves by a long jump, and must not leave a call running: the job server would go on
   answering a connection that nobody reads, and the next call would find the client busy. */
static const gman_result_data* finish(gman_client* client, gman_status status,
                                      const gman_job* job) {
  PG_TRY();
  { status = wait_for_end(client, status); }
  PG_CATCH();
  {
    gman_cancel_call(client);
    PG_RE_THROW();
  }
  PG_END_TRY();
  const gman_result_data* result = gman_result(client);
  if (job != NULL) raise_warnings(result, job);
  if (status != GMAN_OK) raise_failure(client, job);
  return result;
}

const gman_result_data* call_job(const gman_job* job) {
  gman_client* client = client_get();
  return finish(client, gman_start_job(client, job), job);
}

const gman_result_data* call_ping(void) {
  gman_client* client = client_get();
  return finish(client, gman_start_ping(client), NULL);
}
