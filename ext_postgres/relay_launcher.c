/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The launcher: one process that has a worker for each database of gman.relay_databases, starts
 * again those that died, and ends those that are no longer in the list. It is connected to no
 * database, so it keeps none from being dropped.
 */
#include "ext_postgres/relay.h"

#include <access/genam.h>
#include <access/htup_details.h>
#include <access/skey.h>
#include <access/stratnum.h>
#include <access/table.h>
#include <access/xact.h>
#include <catalog/pg_database.h>
#include <miscadmin.h>
#include <postmaster/bgworker.h>
#include <postmaster/interrupt.h>
#include <storage/ipc.h>
#include <storage/latch.h>
#include <utils/fmgroids.h>
#include <utils/memutils.h>
#include <utils/rel.h>
#include <utils/relcache.h>
#include <utils/timestamp.h>

/* From the first death to the next start, doubled by each that follows soon. */
#define RESTART_MS_FIRST 100
#define RESTART_MS_MAX 10000
/* Who has lived for so long has begun well. */
#define LIVED_WELL_MS 60000
#define LAUNCHER_RESTART_SECONDS 1
/* A database that does not exist, or a slot that nobody has: it is looked for again. */
#define LOOK_AGAIN_MS 5000

typedef struct Entry {
  char database[NAMEDATALEN]; /* empty: nobody's */
  bool is_wanted;
  BackgroundWorkerHandle* handle; /* NULL: no worker */
  TimestampTz started_at;
  TimestampTz start_at; /* not before */
  int restart_ms;
} Entry;

/* An entry's number is its slot's. */
static Entry entries[RELAYS_MAX];

PGDLLEXPORT void pg_gman_relay_launcher(Datum argument);

void relay_launcher_register(void) {
  BackgroundWorker launcher = {
      .bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
      .bgw_start_time = BgWorkerStart_RecoveryFinished,
      .bgw_restart_time = LAUNCHER_RESTART_SECONDS,
  };
  strlcpy(launcher.bgw_name, "gman relay launcher", BGW_MAXLEN);
  strlcpy(launcher.bgw_type, "gman relay launcher", BGW_MAXLEN);
  strlcpy(launcher.bgw_library_name, "gman", BGW_MAXLEN);
  strlcpy(launcher.bgw_function_name, "pg_gman_relay_launcher", BGW_MAXLEN);
  RegisterBackgroundWorker(&launcher);
}

/* Which databases there are to be. */

static Entry* entry_of(const char* database) {
  Entry* unused = NULL;
  for (int i = 0; i < RELAYS_MAX; i++) {
    if (strcmp(entries[i].database, database) == 0) return &entries[i];
    if (unused == NULL && entries[i].database[0] == '\0') unused = &entries[i];
  }
  if (unused != NULL) {
    strlcpy(unused->database, database, sizeof unused->database);
    unused->restart_ms = RESTART_MS_FIRST;
    unused->start_at = 0;
  }
  return unused;
}

static int slot_of(const Entry* entry) {
  return (int)(entry - entries);
}

/* A list that changes while workers of the one before are still ending may not fit at once: what is
   left out is taken at the next look. */
static void read_list(void) {
  MemoryContext context =
      AllocSetContextCreate(TopMemoryContext, "gman relay databases", ALLOCSET_SMALL_SIZES);
  MemoryContext before = MemoryContextSwitchTo(context);
  for (int i = 0; i < RELAYS_MAX; i++) entries[i].is_wanted = false;
  ListCell* cell;
  foreach (cell, relay_databases()) {
    Entry* entry = entry_of(lfirst(cell));
    if (entry != NULL) entry->is_wanted = true;
  }
  MemoryContextSwitchTo(before);
  MemoryContextDelete(context);
}

/* ---- One worker */

/* Without the index where it cannot be opened yet: after a start, until somebody has connected to a
   database, only shared tables can be, and not what is known of them by other ones. */
static Oid oid_of_database(const char* database) {
  Oid oid = InvalidOid;
  StartTransactionCommand();
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_database_datname, BTEqualStrategyNumber, F_NAMEEQ,
              CStringGetDatum(database));
  Relation all = table_open(DatabaseRelationId, AccessShareLock);
  SysScanDesc scan =
      systable_beginscan(all, DatabaseNameIndexId, criticalSharedRelcachesBuilt, NULL, 1, &key);
  HeapTuple found = systable_getnext(scan);
  if (HeapTupleIsValid(found)) oid = ((Form_pg_database)GETSTRUCT(found))->oid;
  systable_endscan(scan);
  table_close(all, AccessShareLock);
  CommitTransactionCommand();
  return oid;
}

static void put_off(Entry* entry, int ms, const char* reason) {
  entry->start_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
  relay_slot_waits(slot_of(entry), entry->database, reason);
}

static void start_worker(Entry* entry) {
  Oid database = oid_of_database(entry->database);
  if (!OidIsValid(database)) return put_off(entry, LOOK_AGAIN_MS, "there is no such database");
  BackgroundWorker worker = {
      .bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
      .bgw_start_time = BgWorkerStart_RecoveryFinished,
      .bgw_restart_time = BGW_NEVER_RESTART,
      .bgw_main_arg = Int32GetDatum(slot_of(entry)),
      .bgw_notify_pid = MyProcPid,
  };
  snprintf(worker.bgw_name, BGW_MAXLEN, "gman relay of %s", entry->database);
  strlcpy(worker.bgw_type, "gman relay", BGW_MAXLEN);
  strlcpy(worker.bgw_library_name, "gman", BGW_MAXLEN);
  strlcpy(worker.bgw_function_name, RELAY_WORKER_MAIN, BGW_MAXLEN);
  memcpy(worker.bgw_extra, &database, sizeof database);
  relay_slot_waits(slot_of(entry), entry->database, "");
  if (!RegisterDynamicBackgroundWorker(&worker, &entry->handle)) {
    entry->handle = NULL;
    put_off(entry, LOOK_AGAIN_MS, "no worker is left: raise max_worker_processes");
    return;
  }
  entry->started_at = GetCurrentTimestamp();
}

static void worker_ended(Entry* entry) {
  pfree(entry->handle);
  entry->handle = NULL;
  if (TimestampDifferenceExceeds(entry->started_at, GetCurrentTimestamp(), LIVED_WELL_MS))
    entry->restart_ms = RESTART_MS_FIRST;
  if (entry->is_wanted) put_off(entry, entry->restart_ms, "its worker has ended: see the log");
  entry->restart_ms = Min(entry->restart_ms * 2, RESTART_MS_MAX);
}

static bool is_running(Entry* entry) {
  pid_t pid;
  return entry->handle != NULL && GetBackgroundWorkerPid(entry->handle, &pid) != BGWH_STOPPED;
}

static void look_at(Entry* entry) {
  if (entry->database[0] == '\0') return;
  if (entry->handle != NULL && !is_running(entry)) worker_ended(entry);
  if (entry->is_wanted) {
    if (entry->handle == NULL && GetCurrentTimestamp() >= entry->start_at) start_worker(entry);
  } else if (entry->handle != NULL) {
    TerminateBackgroundWorker(entry->handle);
  } else {
    relay_slot_free(slot_of(entry));
    entry->database[0] = '\0';
  }
}

/* ---- All of them */

static long ms_until_next_start(void) {
  TimestampTz now = GetCurrentTimestamp();
  long next = LOOK_AGAIN_MS;
  for (int i = 0; i < RELAYS_MAX; i++) {
    const Entry* entry = &entries[i];
    if (entry->database[0] == '\0' || entry->handle != NULL) continue;
    next = Min(next, TimestampDifferenceMilliseconds(now, entry->start_at));
  }
  return next;
}

/* A launcher that comes after this one does not know these workers. */
static void end_workers(int code, Datum argument) {
  for (int i = 0; i < RELAYS_MAX; i++) {
    if (entries[i].handle != NULL) TerminateBackgroundWorker(entries[i].handle);
  }
}

void pg_gman_relay_launcher(Datum argument) {
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnection(NULL, NULL, 0);
  relay_slots_clear();
  before_shmem_exit(end_workers, 0);
  uint32 event = 0;
  /* An exit with status 0 would be for good, also where somebody has ended this process alone. */
  while (!ShutdownRequestPending) {
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
      ConfigReloadPending = false;
      ProcessConfigFile(PGC_SIGHUP);
    }
    read_list();
    for (int i = 0; i < RELAYS_MAX; i++) look_at(&entries[i]);
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms_until_next_start(),
              waiting_event(&event, "GmanRelayLauncher"));
    ResetLatch(MyLatch);
  }
  proc_exit(1);
}
