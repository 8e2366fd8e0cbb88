/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman_do() and its siblings, as SQL calls them: three priorities, for text and for bytea, waiting
 * for the result or not, at once or at a time. How a job gets to its server is told in deliver.c.
 */
#include "ext_postgres/glue.h"

#include <utils/timestamp.h>

static gman_job job_of(FunctionCallInfo fcinfo, gman_priority priority) {
  gman_job job = {.priority = priority};
  job.function = text_argument(fcinfo, 0, "function");
  job.workload = text_argument(fcinfo, 1, "workload");
  return job;
}

/* The result's bytes belong to the client; NULL when nothing was sent. */
static const gman_result_data* do_foreground(FunctionCallInfo fcinfo, gman_priority priority) {
  gman_job job = job_of(fcinfo, priority);
  if (!PG_ARGISNULL(2)) job.unique = text_argument(fcinfo, 2, "unique_key");
  if (!PG_ARGISNULL(3)) job.deadline_ms = options_deadline_ms(PG_GETARG_INTERVAL_P(3));
  return deliver_foreground(&job);
}

static Datum do_text(FunctionCallInfo fcinfo, gman_priority priority) {
  const gman_result_data* result = do_foreground(fcinfo, priority);
  if (result == NULL) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(text_from_bytes(result->data, "the result of the job"));
}

static Datum do_bytea(FunctionCallInfo fcinfo, gman_priority priority) {
  const gman_result_data* result = do_foreground(fcinfo, priority);
  if (result == NULL) PG_RETURN_NULL();
  PG_RETURN_BYTEA_P(varlena_from_bytes(result->data));
}

/* The unique and the options stand side by side, from the argument `number` on. */
static Datum submit(FunctionCallInfo fcinfo, gman_job* job, int number, OptionsOf whose) {
  JobOptions options = {.delivery = settings_delivery(),
                        .priority = (gman_priority)job->priority,
                        .run_at_ms = job->run_at_ms};
  if (!PG_ARGISNULL(number)) job->unique = text_argument(fcinfo, number, "unique_key");
  if (!PG_ARGISNULL(number + 1)) options_read(PG_GETARG_JSONB_P(number + 1), whose, &options);
  job->background = 1;
  job->priority = options.priority;
  job->run_at_ms = options.run_at_ms;
  job->deadline_ms = options.deadline_ms;
  text* name = deliver_job(job, options.delivery);
  if (name == NULL) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(name);
}

static Datum do_background(FunctionCallInfo fcinfo, gman_priority priority) {
  gman_job job = job_of(fcinfo, priority);
  return submit(fcinfo, &job, 2, OPTIONS_OF_CALL);
}

PG_FUNCTION_INFO_V1(pg_gman_do);
PG_FUNCTION_INFO_V1(pg_gman_do_high);
PG_FUNCTION_INFO_V1(pg_gman_do_low);
PG_FUNCTION_INFO_V1(pg_gman_do_bytea);
PG_FUNCTION_INFO_V1(pg_gman_do_high_bytea);
PG_FUNCTION_INFO_V1(pg_gman_do_low_bytea);
PG_FUNCTION_INFO_V1(pg_gman_do_background);
PG_FUNCTION_INFO_V1(pg_gman_do_high_background);
PG_FUNCTION_INFO_V1(pg_gman_do_low_background);
PG_FUNCTION_INFO_V1(pg_gman_do_at);

Datum pg_gman_do(PG_FUNCTION_ARGS) {
  return do_text(fcinfo, GMAN_PRIORITY_NORMAL);
}
Datum pg_gman_do_high(PG_FUNCTION_ARGS) {
  return do_text(fcinfo, GMAN_PRIORITY_HIGH);
}
Datum pg_gman_do_low(PG_FUNCTION_ARGS) {
  return do_text(fcinfo, GMAN_PRIORITY_LOW);
}

Datum pg_gman_do_bytea(PG_FUNCTION_ARGS) {
  return do_bytea(fcinfo, GMAN_PRIORITY_NORMAL);
}
Datum pg_gman_do_high_bytea(PG_FUNCTION_ARGS) {
  return do_bytea(fcinfo, GMAN_PRIORITY_HIGH);
}
Datum pg_gman_do_low_bytea(PG_FUNCTION_ARGS) {
  return do_bytea(fcinfo, GMAN_PRIORITY_LOW);
}

Datum pg_gman_do_background(PG_FUNCTION_ARGS) {
  return do_background(fcinfo, GMAN_PRIORITY_NORMAL);
}
Datum pg_gman_do_high_background(PG_FUNCTION_ARGS) {
  return do_background(fcinfo, GMAN_PRIORITY_HIGH);
}
Datum pg_gman_do_low_background(PG_FUNCTION_ARGS) {
  return do_background(fcinfo, GMAN_PRIORITY_LOW);
}

Datum pg_gman_do_at(PG_FUNCTION_ARGS) {
  gman_job job = job_of(fcinfo, GMAN_PRIORITY_NORMAL);
  check_not_null(fcinfo, 2, "run_at");
  job.run_at_ms = options_run_at_ms(PG_GETARG_TIMESTAMPTZ(2));
  return submit(fcinfo, &job, 3, OPTIONS_OF_CALL_AT);
}
