/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Delivery `outbox`: a job is a row of gman.outbox, in the transaction of the data that it is
 * about, and gman-relay ships it after COMMIT.
 *
 * The outbox is no part of the extension and is found by its name. Rows are inserted as its owner,
 * as PostgreSQL does for foreign keys: whoever may ask for a job, or write a table with a trigger,
 * needs no grant on it. Should somebody else have made a table of that name, its triggers run as
 * that somebody, in a security-restricted operation, and not as who asked for the job.
 */
#include "ext_postgres/glue.h"

#include <access/htup_details.h>
#include <access/xact.h>
#include <catalog/namespace.h>
#include <catalog/pg_class.h>
#include <catalog/pg_type.h>
#include <commands/async.h>
#include <executor/spi.h>
#include <miscadmin.h>
#include <nodes/makefuncs.h>
#include <storage/lockdefs.h>
#include <utils/array.h>
#include <utils/builtins.h>
#include <utils/lsyscache.h>
#include <utils/syscache.h>
#include <utils/timestamp.h>

/* What outbox.sql names it, for relays that listen. */
#define CHANNEL "gman_outbox"

/* A uuid as text, and its NUL. */
#define UUID_TEXT_BYTES 37

/* Every name is qualified and there is no operator, since the session's search_path decides what
   those mean. What many rows have in common stands in a sub-select, which is evaluated once. */
static const char insert_one[] =
    "INSERT INTO gman.outbox (function_name, priority, run_at, unique_key, workload)"
    " VALUES ($1, $2::gman.job_priority, coalesce($3, pg_catalog.now()), $4, $5) RETURNING id";
static const char insert_many[] =
    "INSERT INTO gman.outbox (function_name, priority, run_at, unique_key, workload)"
    " SELECT $1, (SELECT $2::gman.job_priority), (SELECT coalesce($3, pg_catalog.now())),"
    " pg_catalog.unnest($4), pg_catalog.unnest($5)";
static const char select_setting[] =
    "SELECT setting.notify, setting.database_uuid::pg_catalog.text"
    " FROM gman.outbox_setting AS setting";

/* What the outbox says of itself, read once a transaction. */
static struct Setting {
  bool is_known;
  bool notifies;
  char uuid[UUID_TEXT_BYTES];
} setting;

static void forget_setting(XactEvent event, void* argument) {
  setting.is_known = false;
}

Oid outbox_table(void) {
  Oid schema = get_namespace_oid("gman", true);
  return OidIsValid(schema) ? get_relname_relid("outbox", schema) : InvalidOid;
}

bool outbox_exists(void) {
  return OidIsValid(outbox_table());
}

static Oid owner_of(Oid table) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for relation %u", table);
  Oid owner = ((Form_pg_class)GETSTRUCT(tuple))->relowner;
  ReleaseSysCache(tuple);
  return owner;
}

Oid owner_of_outbox(void) {
  Oid table = outbox_table();
  if (!OidIsValid(table))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("there is no outbox for the job: table gman.outbox does not exist"),
                    errhint("Install it: SELECT gman_outbox_install().")));
  return owner_of(table);
}

static SPIPlanPtr kept_plan(SPIPlanPtr* kept, const char* statement, int count, Oid* types) {
  if (*kept != NULL) return *kept;
  SPIPlanPtr made = SPI_prepare(statement, count, types);
  if (made == NULL || SPI_keepplan(made) != 0)
    elog(ERROR, "could not prepare a statement for gman.outbox: %s",
         SPI_result_code_string(SPI_result));
  return *kept = made;
}

static void execute(SPIPlanPtr plan, Datum* values, const char* nulls, int expected) {
  int done = SPI_execute_plan(plan, values, nulls, false, 0);
  if (done != expected)
    elog(ERROR, "a statement for gman.outbox came to %s", SPI_result_code_string(done));
}

static _Noreturn void refuse_setting(const char* what) {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("gman.outbox_setting %s", what),
                  errhint("Run sql/postgres/outbox.sql, or SELECT gman_outbox_install().")));
  pg_unreachable();
}

/* A view in its place would run its functions as the owner of gman.outbox. The lock keeps what was
   looked at until the end of the transaction. */
static void check_setting_table(Oid owner) {
  Oid table = RangeVarGetRelid(makeRangeVar("gman", "outbox_setting", -1), AccessShareLock, true);
  if (!OidIsValid(table)) refuse_setting("does not exist");
  if (get_rel_relkind(table) != RELKIND_RELATION) refuse_setting("is no table");
  if (owner_of(table) != owner) refuse_setting("has another owner than gman.outbox");
}

static void read_setting(Oid owner) {
  static SPIPlanPtr plan;
  if (plan == NULL) RegisterXactCallback(forget_setting, NULL);
  check_setting_table(owner);
  execute(kept_plan(&plan, select_setting, 0, NULL), NULL, NULL, SPI_OK_SELECT);
  if (SPI_processed != 1)
    refuse_setting(psprintf("must have one row, and has %llu", (unsigned long long)SPI_processed));
  HeapTuple row = SPI_tuptable->vals[0];
  bool is_null;
  Datum notifies = SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &is_null);
  const char* uuid = SPI_getvalue(row, SPI_tuptable->tupdesc, 2);
  if (is_null || uuid == NULL) refuse_setting("has a row with a NULL");
  setting.notifies = DatumGetBool(notifies);
  strlcpy(setting.uuid, uuid, sizeof setting.uuid);
  setting.is_known = true;
}

static Datum array_of(const JobBatch* batch, gman_bytes (*get)(const gman_job_part*), Oid type) {
  Datum* values = palloc(batch->count * sizeof(Datum));
  bool* nulls = palloc(batch->count * sizeof(bool));
  for (size_t i = 0; i < batch->count; i++) {
    gman_bytes bytes = get(&batch->parts[i]);
    nulls[i] = bytes.data == NULL;
    values[i] = nulls[i] ? (Datum)0 : PointerGetDatum(varlena_from_bytes(bytes));
  }
  int size = (int)batch->count;
  int lower_bound = 1;
  return PointerGetDatum(
      construct_md_array(values, nulls, 1, &size, &lower_bound, type, -1, false, TYPALIGN_INT));
}

static gman_bytes unique_of_part(const gman_job_part* part) {
  return part->unique.size > 0 ? part->unique : (gman_bytes){.data = NULL, .size = 0};
}

static gman_bytes workload_of_part(const gman_job_part* part) {
  return part->workload.size > 0 ? part->workload : (gman_bytes){.data = "", .size = 0};
}

/* What jobs have in common: the first three parameters of both statements. */
static void put_common(const gman_job* job, Datum* values, char* nulls) {
  values[0] = PointerGetDatum(varlena_from_bytes(job->function));
  values[1] = CStringGetTextDatum(priority_name((gman_priority)job->priority));
  values[2] = TimestampTzGetDatum(options_time_of_ms(job->run_at_ms));
  if (job->run_at_ms == 0) nulls[2] = 'n';
}

/* A job that is no row would be lost in silence. */
static void check_rows(size_t jobs) {
  if (SPI_processed == jobs) return;
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("gman.outbox took %llu of %zu jobs", (unsigned long long)SPI_processed, jobs),
           errhint("Does a trigger or a rule on gman.outbox drop them?")));
}

/* Returns the row's id. */
static int64 insert_job(const gman_job* common, const gman_job_part* part) {
  static SPIPlanPtr plan;
  Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, BYTEAOID};
  Datum values[lengthof(types)];
  char nulls[] = "     ";
  put_common(common, values, nulls);
  values[3] = PointerGetDatum(varlena_from_bytes(part->unique));
  if (part->unique.size == 0) nulls[3] = 'n';
  values[4] = PointerGetDatum(varlena_from_bytes(part->workload));
  execute(kept_plan(&plan, insert_one, lengthof(types), types), values, nulls,
          SPI_OK_INSERT_RETURNING);
  check_rows(1);
  bool is_null;
  return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
}

static void insert_batch(const JobBatch* batch) {
  static SPIPlanPtr plan;
  Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTARRAYOID, BYTEAARRAYOID};
  Datum values[lengthof(types)];
  char nulls[] = "     ";
  put_common(&batch->common, values, nulls);
  values[3] = array_of(batch, unique_of_part, TEXTOID);
  values[4] = array_of(batch, workload_of_part, BYTEAOID);
  execute(kept_plan(&plan, insert_many, lengthof(types), types), values, nulls, SPI_OK_INSERT);
  check_rows(batch->count);
}

/* Returns the id of the row, when it is one. */
static int64 insert_as_owner(const JobBatch* batch) {
  outbox_soon_flush(); /* which was asked for before */
  Oid user;
  int security;
  GetUserIdAndSecContext(&user, &security);
  Oid owner = owner_of_outbox();
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  SetUserIdAndSecContext(owner, security | SECURITY_LOCAL_USERID_CHANGE |
                                    SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
  int64 id = 0;
  if (!setting.is_known) read_setting(owner);
  if (batch->count == 1)
    id = insert_job(&batch->common, batch->parts);
  else
    insert_batch(batch);
  if (setting.notifies) Async_Notify(CHANNEL, "");
  SetUserIdAndSecContext(user, security);
  SPI_finish();
  count_sent(DELIVERY_OUTBOX, (int64)batch->count);
  return id;
}

/* The relay makes a row's unique of its id, where it has none of its own. */
text* outbox_put(const gman_job* job) {
  gman_job_part part = {.unique = job->unique, .workload = job->workload};
  JobBatch batch = {.common = *job, .parts = &part, .count = 1};
  int64 id = insert_as_owner(&batch);
  if (job->unique.size > 0) return varlena_from_bytes(job->unique);
  return cstring_to_text(psprintf("%s:%lld", setting.uuid, (long long)id));
}

void outbox_put_batch(const JobBatch* batch) {
  insert_as_owner(batch);
}
