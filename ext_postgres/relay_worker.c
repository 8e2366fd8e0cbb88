/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A worker: ships the outbox of one database to the job servers, as gman-relay does, from within
 * the server.
 *
 * It waits by one set of events for its latch (a COMMIT, a signal) and for the engine's descriptor
 * (a job server). Each statement is a transaction of its own, run by SPI as the outbox's owner: the
 * process itself is a superuser's, and the table is somebody else's, with whatever triggers.
 */
#include "ext_postgres/relay.h"

#include <access/xact.h>
#include <catalog/pg_type.h>
#include <executor/spi.h>
#include <mb/pg_wchar.h>
#include <miscadmin.h>
#include <pgstat.h>
#include <postmaster/bgworker.h>
#include <postmaster/interrupt.h>
#include <storage/ipc.h>
#include <storage/latch.h>
#include <utils/backend_status.h>
#include <utils/builtins.h>
#include <utils/fmgrprotos.h>
#include <utils/memutils.h>
#include <utils/snapmgr.h>
#include <utils/uuid.h>

PGDLLEXPORT void pg_gman_relay_worker(Datum argument);

static int slot;
static char relay_uuid[UUID_LEN * 2 + 5]; /* its hyphens and its NUL */

/* ---- Statements */

static text* text_parameter(const relay_cell* cell) {
  const char* text = cell->data;
  if (GetDatabaseEncoding() != PG_SQL_ASCII)
    text = pg_any_to_server(cell->data, (int)cell->size, PG_UTF8);
  return cstring_to_text_with_len(text, (int)(text == cell->data ? cell->size : strlen(text)));
}

/* All parameters are texts, and each statement is known by the address of its constant. */
static SPIPlanPtr plan_of(const relay_statement* statement) {
  enum { PLANS_MAX = 8, PARAMETERS_MAX = 9 };
  static struct {
    const char* sql;
    SPIPlanPtr plan;
  } plans[PLANS_MAX];
  int at = 0;
  while (at < PLANS_MAX && plans[at].sql != NULL && plans[at].sql != statement->sql) at++;
  if (at == PLANS_MAX || statement->count > PARAMETERS_MAX)
    elog(ERROR, "the relay has more statements than were thought of");
  if (plans[at].plan == NULL) {
    Oid types[PARAMETERS_MAX];
    for (int i = 0; i < PARAMETERS_MAX; i++) types[i] = TEXTOID;
    SPIPlanPtr made = SPI_prepare(statement->sql, (int)statement->count, types);
    if (made == NULL || SPI_keepplan(made) != 0)
      elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
    plans[at].sql = statement->sql;
    plans[at].plan = made;
  }
  return plans[at].plan;
}

static relay_cell cell_at(HeapTuple row, TupleDesc columns, int number) {
  bool is_null;
  Datum value = SPI_getbinval(row, columns, number, &is_null);
  if (is_null) return (relay_cell){.data = NULL, .size = 0};
  if (SPI_gettypeid(columns, number) == BYTEAOID) {
    bytea* bytes = DatumGetByteaPP(value);
    return (relay_cell){.data = VARDATA_ANY(bytes), .size = VARSIZE_ANY_EXHDR(bytes)};
  }
  char* text = SPI_getvalue(row, columns, number);
  if (GetDatabaseEncoding() != PG_SQL_ASCII)
    text = pg_server_to_any(text, (int)strlen(text), PG_UTF8);
  return (relay_cell){.data = text, .size = strlen(text)};
}

static void hand_over_rows(relay_engine* engine) {
  if (SPI_tuptable == NULL) return;
  TupleDesc columns = SPI_tuptable->tupdesc;
  relay_cell* cells = palloc((Size)columns->natts * sizeof(relay_cell));
  for (uint64 i = 0; i < SPI_processed; i++) {
    for (int k = 0; k < columns->natts; k++) {
      cells[k] = cell_at(SPI_tuptable->vals[i], columns, k + 1);
    }
    relay_engine_row(engine, cells, (size_t)columns->natts);
  }
}

static void execute(relay_engine* engine, const relay_statement* statement) {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  Oid owner = owner_of_outbox();
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  Oid user;
  int security;
  GetUserIdAndSecContext(&user, &security);
  SetUserIdAndSecContext(owner, security | SECURITY_LOCAL_USERID_CHANGE |
                                    SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
  Datum* values = palloc(statement->count * sizeof(Datum));
  for (size_t i = 0; i < statement->count; i++) {
    values[i] = PointerGetDatum(text_parameter(&statement->parameters[i]));
  }
  int done = SPI_execute_plan(plan_of(statement), values, NULL, false, 0);
  if (done < 0) elog(ERROR, "a statement came to %s", SPI_result_code_string(done));
  hand_over_rows(engine);
  SetUserIdAndSecContext(user, security);
  SPI_finish();
  PopActiveSnapshot();
  CommitTransactionCommand();
}

/* What an error leaves is undone, and the engine hears of it: it will try again. */
static void answer(relay_engine* engine, const relay_statement* statement) {
  MemoryContext context = CurrentMemoryContext;
  pgstat_report_activity(STATE_RUNNING, statement->purpose);
  PG_TRY();
  {
    execute(engine, statement);
    relay_engine_done(engine);
  }
  PG_CATCH();
  {
    HOLD_INTERRUPTS();
    MemoryContextSwitchTo(context);
    ErrorData* error = CopyErrorData();
    FlushErrorState();
    AbortOutOfAnyTransaction();
    char reason[RELAY_REASON_BYTES];
    snprintf(reason, sizeof reason, "%s (SQLSTATE %s)", error->message,
             unpack_sql_state(error->sqlerrcode));
    FreeErrorData(error);
    RESUME_INTERRUPTS();
    relay_engine_failed(engine, reason);
  }
  PG_END_TRY();
  MemoryContextSwitchTo(context);
  pgstat_report_stat(false);
  pgstat_report_activity(STATE_IDLE, NULL);
}

/* ---- Between them */

/* Other processes may wait for this one to take note of something (DROP DATABASE does). A cancel
   has nothing to cancel here. */
static void obey_interrupts(void) {
  MemoryContext context = CurrentMemoryContext;
  PG_TRY();
  { CHECK_FOR_INTERRUPTS(); }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    FlushErrorState();
  }
  PG_END_TRY();
}

static void tell(relay_engine* engine) {
  static relay_counters told;
  relay_counters counters = relay_engine_counters(engine);
  if (memcmp(&counters, &told, sizeof told) != 0) {
    told = counters;
    relay_slot_tell(slot, &counters);
  }
  relay_event event;
  while (relay_engine_event(engine, &event)) {
    if (event.is_warning) relay_slot_tell_warning(slot, event.text);
    ereport(event.is_warning ? WARNING : LOG,
            (errmsg("%s: %s", MyBgworkerEntry->bgw_name, event.text)));
  }
}

/* ---- The process */

/* What was said before is done, or given back, before another list of servers is taken. */
static bool is_to_stop(const char* servers) {
  if (ConfigReloadPending) {
    ConfigReloadPending = false;
    ProcessConfigFile(PGC_SIGHUP);
    if (strcmp(relay_servers(), servers) != 0) return true;
  }
  return ShutdownRequestPending;
}

/* The machine is no more, and the process ends with it: the launcher starts another one. What it
   had leased comes back when the lease ends. */
static void raise_if_broken(const relay_engine* engine) {
  const char* why = relay_engine_broken(engine);
  if (why == NULL) return;
  ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                  errmsg("%s has failed: %s", MyBgworkerEntry->bgw_name, why),
                  errhint("Another one is started, and ships what this one has left.")));
}

/* Until it is told to stop, or is to go to other servers. */
static void serve(void) {
  char* servers = pstrdup(relay_servers());
  char reason[RELAY_REASON_BYTES];
  relay_engine* engine = relay_engine_new(servers, relay_uuid, reason, sizeof reason);
  if (engine == NULL)
    ereport(ERROR, (errmsg("%s could not begin: %s", MyBgworkerEntry->bgw_name, reason)));
  static uint32 event;
  WaitEventSet* set = waiting_set_new(relay_engine_fd(engine));
  while (!relay_engine_is_over(engine)) {
    obey_interrupts();
    if (is_to_stop(servers)) relay_engine_stop(engine);
    if (relay_slot_was_woken(slot)) relay_engine_wake(engine);
    relay_engine_step(engine);
    const relay_statement* statement = relay_engine_ask(engine);
    if (statement != NULL) answer(engine, statement);
    raise_if_broken(engine);
    tell(engine);
    if (statement != NULL || relay_engine_is_over(engine)) continue;
    int timeout_ms = relay_engine_timeout_ms(engine);
    /* Nothing would wake one that broke since it was last looked at. */
    raise_if_broken(engine);
    WaitEvent happened;
    int count = WaitEventSetWait(set, timeout_ms, &happened, 1, waiting_event(&event, "GmanRelay"));
    if (count > 0 && (happened.events & WL_LATCH_SET)) ResetLatch(MyLatch);
  }
  FreeWaitEventSet(set);
  relay_engine_free(engine);
  pfree(servers);
}

static void begin_session(void) {
  pgstat_report_appname("gman relay");
  SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_OVERRIDE);
  SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_OVERRIDE);
  SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
  const char* value;
  for (size_t i = 0;; i++) {
    const char* name = relay_engine_setting(i, &value);
    if (name == NULL) break;
    SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
  }
  Datum uuid = DirectFunctionCall1(gen_random_uuid, (Datum)0);
  strlcpy(relay_uuid, DatumGetCString(DirectFunctionCall1(uuid_out, uuid)), sizeof relay_uuid);
}

void pg_gman_relay_worker(Datum argument) {
  slot = DatumGetInt32(argument);
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
  BackgroundWorkerUnblockSignals();
  Oid database;
  memcpy(&database, MyBgworkerEntry->bgw_extra, sizeof database);
  BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
  begin_session();
  relay_slot_attach(slot);
  pgstat_report_activity(STATE_IDLE, NULL);
  ereport(LOG, (errmsg("%s: leases rows as %s", MyBgworkerEntry->bgw_name, relay_uuid)));
  while (!ShutdownRequestPending) serve();
  proc_exit(0);
}
