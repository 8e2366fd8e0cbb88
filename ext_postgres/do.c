/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman_do() and its five siblings: three priorities, waiting for the result or not. They send at
 * call time: a ROLLBACK does not recall the job.
 */
#include "ext_postgres/glue.h"

#include <datatype/timestamp.h>
#include <utils/timestamp.h>

/* A deadline in milliseconds; less than one counts as one. Months count as 30 days, as everywhere
   in PostgreSQL where an interval becomes a number. */
static int32 milliseconds(const Interval* interval) {
  int64 days = (int64)interval->month * DAYS_PER_MONTH + interval->day;
  int64 ms = days * (SECS_PER_DAY * INT64CONST(1000)) + interval->time / 1000 +
             (interval->time % 1000 > 0 ? 1 : 0);
  if (ms <= 0 || ms > PG_INT32_MAX)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("deadline must be longer than zero and at most %d ms", PG_INT32_MAX),
                    errhint("Leave it out, or pass NULL, for the setting gman.deadline.")));
  return (int32)ms;
}

static gman_job job_of(FunctionCallInfo fcinfo, gman_priority priority) {
  gman_job job = {.priority = priority};
  job.function = text_argument(fcinfo, 0, "function");
  job.workload = text_argument(fcinfo, 1, "workload");
  if (!PG_ARGISNULL(2)) job.unique = text_argument(fcinfo, 2, "unique_key");
  return job;
}

static Datum do_foreground(FunctionCallInfo fcinfo, gman_priority priority) {
  gman_job job = job_of(fcinfo, priority);
  if (!PG_ARGISNULL(3)) job.deadline_ms = milliseconds(PG_GETARG_INTERVAL_P(3));
  PG_RETURN_TEXT_P(text_from_bytes(call_job(&job)->data, "the result of the job"));
}

static Datum do_background(FunctionCallInfo fcinfo, gman_priority priority) {
  gman_job job = job_of(fcinfo, priority);
  job.background = 1;
  PG_RETURN_TEXT_P(text_from_bytes(call_job(&job)->handle, "the handle of the job"));
}

PG_FUNCTION_INFO_V1(pg_gman_do);
PG_FUNCTION_INFO_V1(pg_gman_do_high);
PG_FUNCTION_INFO_V1(pg_gman_do_low);
PG_FUNCTION_INFO_V1(pg_gman_do_background);
PG_FUNCTION_INFO_V1(pg_gman_do_high_background);
PG_FUNCTION_INFO_V1(pg_gman_do_low_background);

Datum pg_gman_do(PG_FUNCTION_ARGS) {
  return do_foreground(fcinfo, GMAN_PRIORITY_NORMAL);
}
Datum pg_gman_do_high(PG_FUNCTION_ARGS) {
  return do_foreground(fcinfo, GMAN_PRIORITY_HIGH);
}
Datum pg_gman_do_low(PG_FUNCTION_ARGS) {
  return do_foreground(fcinfo, GMAN_PRIORITY_LOW);
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
