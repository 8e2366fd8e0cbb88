/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman_do_many(): the jobs of an array, run by as many workers as are free, and a row for each in
 * the array's order. A job that fails is told in its row, and hides no other's result. When no job
 * could be sent at all it is an error, as for gman_do().
 */
#include "ext_postgres/glue.h"

#include <catalog/pg_type.h>
#include <funcapi.h>
#include <mb/pg_wchar.h>
#include <utils/array.h>
#include <utils/builtins.h>
#include <utils/timestamp.h>

static gman_job_part* parts_of(ArrayType* array, int* count) {
  Datum* values;
  bool* nulls;
  deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, count);
  gman_job_part* parts = palloc0(sizeof(gman_job_part) * (Size)Max(*count, 1));
  for (int i = 0; i < *count; i++) {
    if (nulls[i])
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                      errmsg("workload %d of gman_do_many() must not be NULL", i + 1)));
    text* value = DatumGetTextPP(values[i]);
    parts[i].workload = (gman_bytes){.data = VARDATA_ANY(value), .size = VARSIZE_ANY_EXHDR(value)};
  }
  return parts;
}

/* As many jobs, from the first on, as one call may have. */
static size_t count_of_call(const gman_job_part* parts, size_t left) {
  Size bytes = 0;
  size_t count = 0;
  while (count < left && count < GMAN_FOREGROUND_JOBS_MAX) {
    bytes += parts[count].workload.size;
    if (count > 0 && bytes > GMAN_WORKLOAD_BYTES_MAX) break;
    count++;
  }
  return count;
}

static void put_row(FunctionCallInfo fcinfo, int64 number, const gman_job_outcome* outcome) {
  ReturnSetInfo* rows = (ReturnSetInfo*)fcinfo->resultinfo;
  bool is_done = outcome != NULL && outcome->status == GMAN_OK;
  const char* error = outcome != NULL && !is_done ? printable(bytes_of(outcome->message)) : NULL;
  if (is_done && !is_text(outcome->data)) {
    is_done = false;
    error =
        psprintf("the result of the job is no text in encoding \"%s\"", GetDatabaseEncodingName());
  }
  Datum values[] = {
      Int64GetDatum(number),
      is_done ? PointerGetDatum(varlena_from_bytes(outcome->data)) : (Datum)0,
      error != NULL ? CStringGetTextDatum(error) : (Datum)0,
  };
  bool nulls[lengthof(values)] = {false, !is_done, error == NULL};
  tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

/* Whether the call has an outcome for each job that says more than that nothing was sent. */
static bool has_outcomes(gman_status status, const gman_job_outcome* outcomes, size_t count) {
  if (status == GMAN_OK) return true;
  for (size_t i = 0; i < count; i++) {
    if (outcomes[i].sent || outcomes[i].status == GMAN_OK) return true;
  }
  return false;
}

static void run_jobs(FunctionCallInfo fcinfo, const JobBatch* batch, int64 first) {
  gman_status status = call_try_foreground(batch);
  gman_client* client = client_get();
  size_t count;
  const gman_job_outcome* outcomes = gman_job_outcomes(client, &count);
  if (!has_outcomes(status, outcomes, count)) raise_failure(client, &batch->common);
  for (size_t i = 0; i < count; i++) put_row(fcinfo, first + (int64)i, &outcomes[i]);
}

/* As gman.enabled has it, nothing is sent: rows without results. */
static void skip_jobs(FunctionCallInfo fcinfo, const gman_job* common, const gman_job_part* parts,
                      int count) {
  for (int i = 0; i < count; i++) {
    gman_job job = *common;
    job.workload = parts[i].workload;
    deliver_foreground(&job);
    put_row(fcinfo, i + 1, NULL);
  }
}

PG_FUNCTION_INFO_V1(pg_gman_do_many);

Datum pg_gman_do_many(PG_FUNCTION_ARGS) {
  gman_job common = {.function = text_argument(fcinfo, 0, "function")};
  if (PG_ARGISNULL(1))
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("argument \"workloads\" of a gman function must not be NULL")));
  if (!PG_ARGISNULL(2)) common.deadline_ms = options_deadline_ms(PG_GETARG_INTERVAL_P(2));
  InitMaterializedSRF(fcinfo, 0);
  int count;
  gman_job_part* parts = parts_of(PG_GETARG_ARRAYTYPE_P(1), &count);
  if (settings_enabled() != ENABLED_ON) {
    skip_jobs(fcinfo, &common, parts, count);
    return (Datum)0;
  }
  for (size_t done = 0; done < (size_t)count;) {
    JobBatch batch = {.common = common,
                      .parts = parts + done,
                      .count = count_of_call(parts + done, (size_t)count - done)};
    run_jobs(fcinfo, &batch, (int64)done + 1);
    done += batch.count;
  }
  return (Datum)0;
}
