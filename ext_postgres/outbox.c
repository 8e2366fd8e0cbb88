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
#include <catalog/namespace.h>
#include <catalog/pg_class.h>
#include <catalog/pg_type.h>
#include <commands/async.h>
#include <executor/spi.h>
#include <miscadmin.h>
#include <utils/array.h>
#include <utils/builtins.h>
#include <utils/lsyscache.h>
#include <utils/syscache.h>
#include <utils/timestamp.h>

/* What outbox.sql names it, for relays that listen. */
#define CHANNEL "gman_outbox"

/* Every name is qualified and there is no operator, since the session's search_path decides what
   those mean. One row comes back, however many go in. */
static const char insert_text[] =
    "WITH made AS ("
    " INSERT INTO gman.outbox (function_name, priority, run_at, unique_key, workload)"
    " SELECT $1, $2::gman.job_priority, coalesce($3, pg_catalog.now()), part.unique_key,"
    " part.workload"
    " FROM ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($5))"
    " AS part (unique_key, workload)"
    " RETURNING id)"
    " SELECT setting.notify, pg_catalog.concat(setting.database_uuid, ':',"
    " (SELECT pg_catalog.max(made.id) FROM made))"
    " FROM gman.outbox_setting AS setting";

static Oid outbox_table(void) {
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

static Oid owner_of_outbox(void) {
  Oid table = outbox_table();
  if (!OidIsValid(table))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("there is no outbox for the job: table gman.outbox does not exist"),
                    errhint("Install it: SELECT gman_outbox_install().")));
  return owner_of(table);
}

static SPIPlanPtr insert_plan(void) {
  static SPIPlanPtr plan;
  if (plan != NULL) return plan;
  Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTARRAYOID, BYTEAARRAYOID};
  SPIPlanPtr made = SPI_prepare(insert_text, lengthof(types), types);
  if (made == NULL || SPI_keepplan(made) != 0)
    elog(ERROR, "could not prepare the insert into gman.outbox: %s",
         SPI_result_code_string(SPI_result));
  return plan = made;
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

/* Inserts a batch, and returns what the relay makes the unique of its last job, if it has none of
   its own. Requires: SPI is connected. */
static char* insert(const JobBatch* batch) {
  const gman_job* common = &batch->common;
  Datum values[] = {
      PointerGetDatum(varlena_from_bytes(common->function)),
      CStringGetTextDatum(priority_name((gman_priority)common->priority)),
      TimestampTzGetDatum(options_time_of_ms(common->run_at_ms)),
      array_of(batch, unique_of_part, TEXTOID),
      array_of(batch, workload_of_part, BYTEAOID),
  };
  char nulls[lengthof(values) + 1] = "     ";
  if (common->run_at_ms == 0) nulls[2] = 'n';
  int done = SPI_execute_plan(insert_plan(), values, nulls, false, 0);
  if (done != SPI_OK_SELECT)
    elog(ERROR, "could not insert into gman.outbox: %s", SPI_result_code_string(done));
  if (SPI_processed != 1)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("gman.outbox_setting must have one row, and has %llu",
                           (unsigned long long)SPI_processed),
                    errhint("Run sql/postgres/outbox.sql, or SELECT gman_outbox_install().")));
  HeapTuple row = SPI_tuptable->vals[0];
  bool is_null;
  if (DatumGetBool(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &is_null)))
    Async_Notify(CHANNEL, "");
  return SPI_getvalue(row, SPI_tuptable->tupdesc, 2);
}

/* Its result lives in the caller's memory context. */
static text* insert_as_owner(const JobBatch* batch) {
  MemoryContext callers = CurrentMemoryContext;
  Oid user;
  int security;
  GetUserIdAndSecContext(&user, &security);
  Oid owner = owner_of_outbox();
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  SetUserIdAndSecContext(owner, security | SECURITY_LOCAL_USERID_CHANGE |
                                    SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
  const char* name = insert(batch);
  SetUserIdAndSecContext(user, security);
  MemoryContext spi = MemoryContextSwitchTo(callers);
  text* unique = cstring_to_text(name);
  MemoryContextSwitchTo(spi);
  SPI_finish();
  count_sent(DELIVERY_OUTBOX, (int64)batch->count);
  return unique;
}

text* outbox_put(const gman_job* job) {
  gman_job_part part = {.unique = job->unique, .workload = job->workload};
  JobBatch batch = {.common = *job, .parts = &part, .count = 1};
  text* made = insert_as_owner(&batch);
  return job->unique.size > 0 ? varlena_from_bytes(job->unique) : made;
}

void outbox_put_batch(const JobBatch* batch) {
  pfree(insert_as_owner(batch));
}
