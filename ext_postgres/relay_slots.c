/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What all processes know of the relays inside of the server, in shared memory, and gman_relays(),
 * which shows it.
 *
 * A COMMIT wakes the worker of its database by the worker's latch. Whether a transaction wrote the
 * outbox is seen by its lock on that table, which every way to write it takes: the extension's
 * functions, gman.enqueue(), INSERT, COPY, a subscription. So nothing is counted on the way, and a
 * transaction that wrote nothing, or is in a database without a worker, looks no further.
 */
#include "ext_postgres/relay.h"

#include <access/xact.h>
#include <funcapi.h>
#include <miscadmin.h>
#include <storage/ipc.h>
#include <storage/latch.h>
#include <storage/lock.h>
#include <storage/lwlock.h>
#include <storage/proc.h>
#include <storage/shmem.h>
#include <utils/builtins.h>
#include <utils/timestamp.h>

#define NAME_OF_MEMORY "gman relays"

typedef struct Slot {
  bool is_used;
  int pid; /* 0: no worker */
  Latch* latch;
  TimestampTz since;
  relay_counters counters;
  char database[NAMEDATALEN];
  char reason[RELAY_REASON_BYTES];
} Slot;

typedef struct Slots {
  LWLock* lock;
  /* Of those that have a worker, for a look without the lock: InvalidOid for the others. */
  pg_atomic_uint32 served[RELAYS_MAX];
  pg_atomic_uint32 wakes[RELAYS_MAX];
  Slot slots[RELAYS_MAX];
} Slots;

static Slots* shared;
static int attached = -1; /* the slot of this process, when it is a worker */
static bool wakes_at_commit;

static shmem_request_hook_type previous_request;
static shmem_startup_hook_type previous_startup;

static void request(void) {
  if (previous_request != NULL) previous_request();
  RequestAddinShmemSpace(sizeof(Slots));
  RequestNamedLWLockTranche(NAME_OF_MEMORY, 1);
}

static void start(void) {
  if (previous_startup != NULL) previous_startup();
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  bool found;
  shared = ShmemInitStruct(NAME_OF_MEMORY, sizeof(Slots), &found);
  if (!found) {
    memset(shared, 0, sizeof(Slots));
    shared->lock = &GetNamedLWLockTranche(NAME_OF_MEMORY)->lock;
    for (int i = 0; i < RELAYS_MAX; i++) {
      pg_atomic_init_u32(&shared->served[i], InvalidOid);
      pg_atomic_init_u32(&shared->wakes[i], 0);
    }
  }
  LWLockRelease(AddinShmemInitLock);
}

/* ---- Waking */

static int slot_of_this_database(void) {
  if (!OidIsValid(MyDatabaseId)) return -1;
  for (int i = 0; i < RELAYS_MAX; i++) {
    if (pg_atomic_read_u32(&shared->served[i]) == MyDatabaseId) return i;
  }
  return -1;
}

static bool has_written_outbox(void) {
  Oid table = outbox_table();
  if (!OidIsValid(table)) return false;
  LOCKTAG tag;
  SET_LOCKTAG_RELATION(tag, MyDatabaseId, table);
#if PG_VERSION_NUM >= 170000
  return LockHeldByMe(&tag, RowExclusiveLock, false);
#else
  return LockHeldByMe(&tag, RowExclusiveLock);
#endif
}

static void wake(void) {
  LWLockAcquire(shared->lock, LW_SHARED);
  int slot = slot_of_this_database();
  if (slot >= 0 && shared->slots[slot].latch != NULL) {
    pg_atomic_fetch_add_u32(&shared->wakes[slot], 1);
    SetLatch(shared->slots[slot].latch);
  }
  LWLockRelease(shared->lock);
}

/* Locks are there before the commit only, and the rows are visible after it only. */
static void at_transaction_end(XactEvent event, void* argument) {
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
      wakes_at_commit = attached < 0 && TransactionIdIsValid(GetTopTransactionIdIfAny()) &&
                        slot_of_this_database() >= 0 && has_written_outbox();
      return;
    case XACT_EVENT_COMMIT:
      if (wakes_at_commit) wake();
      wakes_at_commit = false;
      return;
    case XACT_EVENT_ABORT: wakes_at_commit = false; return;
    case XACT_EVENT_PRE_PREPARE:
    case XACT_EVENT_PREPARE:
    case XACT_EVENT_PARALLEL_COMMIT:
    case XACT_EVENT_PARALLEL_ABORT:
    case XACT_EVENT_PARALLEL_PRE_COMMIT: return;
  }
}

void relay_slots_register(void) {
  previous_request = shmem_request_hook;
  shmem_request_hook = request;
  previous_startup = shmem_startup_hook;
  shmem_startup_hook = start;
  RegisterXactCallback(at_transaction_end, NULL);
}

/* ---- The launcher's */

void relay_slots_clear(void) {
  for (int i = 0; i < RELAYS_MAX; i++) relay_slot_free(i);
}

void relay_slot_waits(int slot, const char* database, const char* reason) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  Slot* of = &shared->slots[slot];
  of->is_used = true;
  strlcpy(of->database, database, sizeof of->database);
  strlcpy(of->reason, reason, sizeof of->reason);
  LWLockRelease(shared->lock);
}

void relay_slot_free(int slot) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  pg_atomic_write_u32(&shared->served[slot], InvalidOid);
  memset(&shared->slots[slot], 0, sizeof(Slot));
  LWLockRelease(shared->lock);
}

/* ---- A worker's. A launcher that was ended may have given the slot to another meanwhile. */

static void detach(int code, Datum argument) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  Slot* of = &shared->slots[attached];
  if (of->pid == MyProcPid) {
    pg_atomic_write_u32(&shared->served[attached], InvalidOid);
    of->pid = 0;
    of->latch = NULL;
  }
  LWLockRelease(shared->lock);
}

void relay_slot_attach(int slot) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  Slot* of = &shared->slots[slot];
  of->pid = MyProcPid;
  of->latch = MyLatch;
  of->since = GetCurrentTimestamp();
  of->counters = (relay_counters){0};
  of->reason[0] = '\0';
  pg_atomic_write_u32(&shared->served[slot], MyDatabaseId);
  LWLockRelease(shared->lock);
  attached = slot;
  before_shmem_exit(detach, 0);
}

bool relay_slot_was_woken(int slot) {
  static uint32 seen;
  uint32 wakes = pg_atomic_read_u32(&shared->wakes[slot]);
  bool is_news = wakes != seen;
  seen = wakes;
  return is_news;
}

void relay_slot_tell(int slot, const relay_counters* counters) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  if (shared->slots[slot].pid == MyProcPid) shared->slots[slot].counters = *counters;
  LWLockRelease(shared->lock);
}

void relay_slot_tell_warning(int slot, const char* text) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  Slot* of = &shared->slots[slot];
  if (of->pid == MyProcPid) strlcpy(of->reason, text, sizeof of->reason);
  LWLockRelease(shared->lock);
}

/* ---- gman_relays() */

static void put_row(ReturnSetInfo* rows, const Slot* slot) {
  bool is_running = slot->pid != 0;
  Datum values[] = {CStringGetTextDatum(slot->database),
                    Int32GetDatum(slot->pid),
                    TimestampTzGetDatum(slot->since),
                    Int64GetDatum((int64)slot->counters.leased),
                    Int64GetDatum((int64)slot->counters.delivered),
                    Int64GetDatum((int64)slot->counters.returned),
                    Int64GetDatum((int64)slot->counters.died),
                    Int64GetDatum((int64)slot->counters.under_way),
                    CStringGetTextDatum(printable(bytes_of(slot->reason)))};
  bool nulls[lengthof(values)] = {false};
  nulls[1] = nulls[2] = nulls[7] = !is_running;
  nulls[8] = slot->reason[0] == '\0';
  tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(pg_gman_relays);

Datum pg_gman_relays(PG_FUNCTION_ARGS) {
  if (shared == NULL)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the server runs no relays: gman is not in shared_preload_libraries"),
                    errhint("Add it in postgresql.conf and restart, or run gman-relay.")));
  InitMaterializedSRF(fcinfo, 0);
  Slot* copy = palloc(sizeof shared->slots);
  LWLockAcquire(shared->lock, LW_SHARED);
  memcpy(copy, shared->slots, sizeof shared->slots);
  LWLockRelease(shared->lock);
  for (int i = 0; i < RELAYS_MAX; i++) {
    if (copy[i].is_used) put_row((ReturnSetInfo*)fcinfo->resultinfo, &copy[i]);
  }
  return (Datum)0;
}
