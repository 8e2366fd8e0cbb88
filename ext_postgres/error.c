/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Failures of the library as errors of PostgreSQL: its message, which names server, function and
 * handle, its hint, and the SQLSTATE that a program can act on. docs/POSTGRESQL.md has the table.
 */
#include "ext_postgres/glue.h"

static bool is_over_a_limit(const gman_job* job) {
  return job->function.size > GMAN_FUNCTION_BYTES_MAX || job->unique.size > GMAN_UNIQUE_BYTES_MAX ||
         job->workload.size > settings_workload_bytes_max();
}

static int sqlstate_of(gman_status status, const gman_job* job) {
  switch (status) {
    case GMAN_INVALID_ARGUMENT:
      return job != NULL && is_over_a_limit(job) ? ERRCODE_PROGRAM_LIMIT_EXCEEDED
                                                 : ERRCODE_INVALID_PARAMETER_VALUE;
    case GMAN_NO_SERVERS:
    case GMAN_UNREACHABLE: return ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION;
    case GMAN_CONNECTION_LOST: return ERRCODE_CONNECTION_FAILURE;
    case GMAN_PROTOCOL_ERROR: return ERRCODE_PROTOCOL_VIOLATION;
    case GMAN_SERVER_ERROR: return ERRCODE_SYSTEM_ERROR;
    case GMAN_JOB_FAILED:
    case GMAN_JOB_EXCEPTION: return ERRCODE_EXTERNAL_ROUTINE_EXCEPTION;
    case GMAN_DEADLINE:
    case GMAN_CANCELLED: return ERRCODE_QUERY_CANCELED;
    case GMAN_OUT_OF_MEMORY: return ERRCODE_OUT_OF_MEMORY;
    case GMAN_OK:
    case GMAN_AGAIN:
    case GMAN_INTERNAL_ERROR: break;
  }
  return ERRCODE_INTERNAL_ERROR;
}

bool is_failure_of_the_way(gman_status status) {
  switch (status) {
    case GMAN_NO_SERVERS:
    case GMAN_UNREACHABLE:
    case GMAN_CONNECTION_LOST:
    case GMAN_PROTOCOL_ERROR:
    case GMAN_SERVER_ERROR:
    case GMAN_DEADLINE: return true;
    case GMAN_OK:
    case GMAN_AGAIN:
    case GMAN_INVALID_ARGUMENT:
    case GMAN_JOB_FAILED:
    case GMAN_JOB_EXCEPTION:
    case GMAN_CANCELLED:
    case GMAN_OUT_OF_MEMORY:
    case GMAN_INTERNAL_ERROR: break;
  }
  return false;
}

void report_failure(int level, gman_client* client, const gman_job* job) {
  const gman_error_data* error = gman_error_get(client);
  const char* message = printable(bytes_of(error->message));
  const char* hint = printable(bytes_of(error->hint));
  ereport(level, (errcode(sqlstate_of(error->status, job)), errmsg_internal("%s", message),
                  hint[0] == '\0' ? 0 : errhint("%s", hint)));
}

void raise_outcome(const gman_job_outcome* outcome, size_t number, size_t count) {
  ereport(ERROR,
          (errcode(sqlstate_of(outcome->status, NULL)),
           errmsg_internal("%s", printable(bytes_of(outcome->message))),
           errdetail("It is job %zu of %zu.", number, count),
           outcome->hint[0] == '\0' ? 0 : errhint("%s", printable(bytes_of(outcome->hint)))));
  pg_unreachable();
}

void raise_failure(gman_client* client, const gman_job* job) {
  report_failure(ERROR, client, job);
  pg_unreachable();
}

void raise_warnings(const gman_result_data* result, const gman_job* job) {
  gman_bytes warning = result->warning;
  if (warning.size == 0) return;
  warning.size--; /* each warning is ended by a line feed, also the last */
  ereport(WARNING, (errmsg_internal("%s", printable(warning)),
                    errdetail("Sent by the worker of job %s of function \"%s\".",
                              printable(result->handle), printable(job->function))));
}
