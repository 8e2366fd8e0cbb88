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

/* Made once: neither latch nor client change while the backend lives. WaitLatchOrSocket() would
   make it for each wait, and so double the system calls of a call. */
static WaitEventSet* wait_set(const gman_client* client) {
  static WaitEventSet* set;
  if (set == NULL) set = waiting_set_new(gman_fd(client));
  return set;
}

static gman_status wait_for_end(gman_client* client, gman_status status) {
  static uint32 event;
  while (status == GMAN_AGAIN) {
    WaitEvent happened;
    int count = WaitEventSetWait(wait_set(client), gman_timeout_ms(client), &happened, 1,
                                 waiting_event(&event, "GmanCall"));
    if (count > 0 && (happened.events & WL_LATCH_SET)) ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    status = gman_step(client);
  }
  return status;
}

/* An interrupt leaves by a long jump, and must not leave a call running: the job server would go on
   answering a connection that nobody reads, and the next call would find the client busy. */
static gman_status run(gman_client* client, gman_status status) {
  PG_TRY();
  { status = wait_for_end(client, status); }
  PG_CATCH();
  {
    gman_cancel_call(client);
    PG_RE_THROW();
  }
  PG_END_TRY();
  return status;
}

gman_status call_try_job(const gman_job* job) {
  gman_client* client = client_get();
  return run(client, gman_start_job(client, job));
}

gman_status call_try_query(const gman_query* query) {
  gman_client* client = client_get();
  return run(client, gman_start_query(client, query));
}

/* Each server has its part of the time, so that one that is silent leaves some to the next. */
gman_status call_try_ping(int32 total_ms) {
  gman_client* client = client_get();
  int32 servers = (int32)Max(gman_server_count(client), 1);
  gman_query ping = {.kind = GMAN_QUERY_PING,
                     .deadline_ms = total_ms,
                     .server_timeout_ms = Max(total_ms / servers, 1)};
  return call_try_query(&ping);
}

const gman_result_data* call_job(const gman_job* job) {
  gman_status status = call_try_job(job);
  gman_client* client = client_get();
  const gman_result_data* result = gman_result(client);
  raise_warnings(result, job);
  if (status != GMAN_OK) raise_failure(client, job);
  return result;
}

const gman_result_data* call_ping(void) {
  gman_client* client = client_get();
  gman_status status = run(client, gman_start_ping(client));
  if (status != GMAN_OK) raise_failure(client, NULL);
  return gman_result(client);
}

Countdown countdown_start(int32 total_ms) {
  Countdown countdown = {.total_ms = total_ms};
  INSTR_TIME_SET_CURRENT(countdown.start);
  return countdown;
}

static int64 left_ms(const Countdown* countdown) {
  instr_time spent;
  INSTR_TIME_SET_CURRENT(spent);
  INSTR_TIME_SUBTRACT(spent, countdown->start);
  return countdown->total_ms - (int64)INSTR_TIME_GET_MILLISEC(spent);
}

bool countdown_is_over(const Countdown* countdown) {
  return countdown->total_ms > 0 && left_ms(countdown) <= 0;
}

int32 countdown_left_ms(const Countdown* countdown) {
  return countdown->total_ms > 0 ? (int32)Max(left_ms(countdown), 1) : 0;
}

int32 call_deadline_ms(const gman_job* job) {
  return job->deadline_ms > 0 ? job->deadline_ms : settings_deadline_ms();
}

static gman_status send_batch(gman_client* client, const JobBatch* batch) {
  return run(client, gman_start_jobs(client, &batch->common, batch->parts, batch->count));
}

/* A unique in mode until_start promises that a change is never joined to a job that has read the
   row before it. A server without that mode would join it, so it gets no unique at all. */
static bool lose_uniques(JobBatch* batch) {
  bool had_any = false;
  for (size_t i = 0; i < batch->count; i++) {
    had_any = had_any || batch->parts[i].unique.size > 0;
    batch->parts[i].unique.size = 0;
  }
  return had_any;
}

gman_status call_try_batch(JobBatch* batch, size_t* accepted) {
  gman_client* client = client_get();
  Countdown countdown = countdown_start(call_deadline_ms(&batch->common));
  gman_status status = send_batch(client, batch);
  size_t count;
  const gman_job_outcome* outcomes = gman_job_outcomes(client, &count);
  /* Without an outcome nothing was sent: the server does not know what it was asked for. */
  if (status == GMAN_SERVER_ERROR && count == 0 &&
      batch->common.unique_mode == GMAN_UNIQUE_UNTIL_START && lose_uniques(batch)) {
    batch->common.deadline_ms = countdown_left_ms(&countdown);
    status = send_batch(client, batch);
    outcomes = gman_job_outcomes(client, &count);
  }
  *accepted = 0;
  for (size_t i = 0; i < count; i++) *accepted += outcomes[i].handle.size > 0;
  return status;
}

gman_status call_try_foreground(const JobBatch* batch) {
  return send_batch(client_get(), batch);
}

void call_check(const gman_job* job) {
  gman_client* client = client_get();
  if (gman_job_check(client, job) != GMAN_OK) raise_failure(client, job);
}

void call_check_in_batch(const gman_job* job) {
  call_check(job);
  size_t bytes = job->unique.size + job->workload.size;
  if (bytes > GMAN_WORKLOAD_BYTES_MAX)
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("unique key and workload of %zu bytes together are above the limit of "
                           "%u bytes",
                           bytes, GMAN_WORKLOAD_BYTES_MAX)));
}
