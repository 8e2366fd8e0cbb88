/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman_do_many(): the jobs of an array, run by as many workers as are free, and a row for each in
 * the array's order. A job that fails is told in its row, and hides no other's result. When no job
 * could be sent at all it is an error, as for gman_do(). An array that is too long for one call of
 * the library goes in portions: from the second on, what befalls one is told in its rows, since
 * there are results by then.
 */
#include "ext_postgres/glue.h"

#include <catalog/pg_type.h>
#include <funcapi.h>
#include <mb/pg_wchar.h>
#include <utils/array.h>
#include <utils/builtins.h>
#include <utils/timestamp.h>

static gman_job_part* parts_of(ArrayType* array, size_t* count) {
  Datum* values;
  bool* nulls;
  int elements;
  deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &elements);
  gman_job_part* parts = palloc0(sizeof(gman_job_part) * (Size)Max(elements, 1));
  for (int i = 0; i < elements; i++) {
    if (nulls[i])
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                      errmsg("workload %d of gman_do_many() must not be NULL", i + 1)));
    text* value = DatumGetTextPP(values[i]);
    parts[i].workload = (gman_bytes){.data = VARDATA_ANY(value), .size = VARSIZE_ANY_EXHDR(value)};
  }
  *count = (size_t)elements;
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

/* A row has a result or an error, or neither when nothing was sent. */
static void put_row(FunctionCallInfo fcinfo, int64 number, text* result, const char* error) {
  ReturnSetInfo* rows = (ReturnSetInfo*)fcinfo->resultinfo;
  Datum values[] = {Int64GetDatum(number), PointerGetDatum(result),
                    error != NULL ? CStringGetTextDatum(error) : (Datum)0};
  bool nulls[lengthof(values)] = {false, result == NULL, error == NULL};
  tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

static void put_outcome(FunctionCallInfo fcinfo, int64 number, const gman_job_outcome* outcome) {
  if (outcome->status != GMAN_OK)
    put_row(fcinfo, number, NULL, printable(bytes_of(outcome->message)));
  else if (is_text(outcome->data))
    put_row(fcinfo, number, varlena_from_bytes(outcome->data), NULL);
  else
    put_row(
        fcinfo, number, NULL,
        psprintf("the result of the job is no text in encoding \"%s\"", GetDatabaseEncodingName()));
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
  if (first == 1 && !has_outcomes(status, outcomes, count)) raise_failure(client, &batch->common);
  for (size_t i = 0; i < batch->count; i++) {
    if (i < count)
      put_outcome(fcinfo, first + (int64)i, &outcomes[i]);
    else
      put_row(fcinfo, first + (int64)i, NULL, printable(bytes_of(gman_error_get(client)->message)));
  }
}

/* In the portions that one call of the library takes. */
static void run_all(FunctionCallInfo fcinfo, const gman_job* common, gman_job_part* parts,
                    size_t count) {
  Countdown countdown = countdown_start(call_deadline_ms(common));
  JobBatch batch = {.common = *common};
  for (size_t done = 0; done < count; done += batch.count) {
    batch.parts = parts + done;
    batch.count = count_of_call(batch.parts, count - done);
    if (done > 0 && countdown_is_over(&countdown)) {
      for (size_t i = 0; i < batch.count; i++)
        put_row(fcinfo, (int64)(done + i) + 1, NULL, "not sent: the deadline of the call passed");
    } else {
      batch.common.deadline_ms = countdown_left_ms(&countdown);
      run_jobs(fcinfo, &batch, (int64)done + 1);
    }
  }
}

/* As gman.enabled has it, nothing is sent: rows without results. */
static void skip_jobs(FunctionCallInfo fcinfo, const gman_job* common, const gman_job_part* parts,
                      size_t count) {
  for (size_t i = 0; i < count; i++) {
    gman_job job = *common;
    job.workload = parts[i].workload;
    deliver_foreground(&job);
    put_row(fcinfo, (int64)i + 1, NULL, NULL);
  }
}

static void tell_number(void* number) {
  errcontext("workload %zu of gman_do_many()", *(size_t*)number);
}

/* One that no server would take is an error before anything is sent. */
static void check_jobs(const gman_job* common, const gman_job_part* parts, size_t count) {
  size_t number;
  ErrorContextCallback context = {
      .previous = error_context_stack, .callback = tell_number, .arg = &number};
  error_context_stack = &context;
  for (number = 1; number <= count; number++) {
    gman_job job = *common;
    job.workload = parts[number - 1].workload;
    call_check(&job);
  }
  error_context_stack = context.previous;
}

PG_FUNCTION_INFO_V1(pg_gman_do_many);

Datum pg_gman_do_many(PG_FUNCTION_ARGS) {
  gman_job common = {.function = text_argument(fcinfo, 0, "function")};
  check_not_null(fcinfo, 1, "workloads");
  if (!PG_ARGISNULL(2)) common.deadline_ms = options_deadline_ms(PG_GETARG_INTERVAL_P(2));
  InitMaterializedSRF(fcinfo, 0);
  size_t count;
  gman_job_part* parts = parts_of(PG_GETARG_ARRAYTYPE_P(1), &count);
  if (settings_enabled() != ENABLED_ON) {
    skip_jobs(fcinfo, &common, parts, count);
    return (Datum)0;
  }
  check_jobs(&common, parts, count);
  run_all(fcinfo, &common, parts, count);
  return (Datum)0;
}
