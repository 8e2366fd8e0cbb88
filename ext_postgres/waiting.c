/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a process of the server's waits for, and the name under which pg_stat_activity shows it.
 */
#include "ext_postgres/glue.h"

#include <miscadmin.h>
#include <storage/latch.h>
#include <utils/memutils.h>
#include <utils/wait_event.h>

WaitEventSet* waiting_set_new(int fd) {
#if PG_VERSION_NUM >= 170000
  WaitEventSet* made = CreateWaitEventSet(NULL, 3);
#else
  WaitEventSet* made = CreateWaitEventSet(TopMemoryContext, 3);
#endif
  AddWaitEventToSet(made, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
  if (IsUnderPostmaster) {
    AddWaitEventToSet(made, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
  }
  AddWaitEventToSet(made, WL_SOCKET_READABLE, fd, NULL, NULL);
  return made;
}

uint32 waiting_event(uint32* known, const char* name) {
#if PG_VERSION_NUM >= 170000
  if (*known == 0) *known = WaitEventExtensionNew(name);
#else
  *known = PG_WAIT_EXTENSION;
#endif
  return *known;
}
