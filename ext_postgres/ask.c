/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Questions to job servers: gman_servers(), gman_functions(), gman_workers(), gman_job_status() and
 * gman_cancel(). Each server of the list is asked, since a job, or a worker, may be at any of them.
 * One that cannot be asked is a warning, and the others' answers stand.
 */
#include "ext_postgres/glue.h"

#include <catalog/pg_type.h>
#include <funcapi.h>
#include <utils/array.h>
#include <utils/builtins.h>

/* How it ended, unless the question itself is wrong. */
static gman_status ask(int kind, size_t server, gman_bytes text) {
  gman_query query = {.kind = kind, .server = server, .text = text};
  gman_status status = call_try_query(&query);
  if (status != GMAN_OK && !is_failure_of_the_way(status)) raise_failure(client_get(), NULL);
  return status;
}

static const char* server_name(size_t server) {
  gman_server_data data;
  if (gman_server_get(client_get(), server, &data) != GMAN_OK) return "";
  return data.name;
}

/* The rows that an admin command answers with, as bytes without NUL; NULL when the server cannot be
   asked. */
static char* ask_admin(size_t server, const char* line) {
  if (ask(GMAN_QUERY_ADMIN, server, bytes_of(line)) == GMAN_OK) {
    gman_bytes answer = gman_result(client_get())->data;
    char* rows = text_to_cstring(varlena_from_bytes(answer));
    for (size_t i = 0; i < answer.size; i++) {
      if (rows[i] == '\0') rows[i] = '?';
    }
    return rows;
  }
  report_failure(WARNING, client_get(), NULL);
  return NULL;
}

/* Names are whatever bytes workers have chosen: one that is no text here hides no other. */
static Datum field_datum(const char* field) {
  return CStringGetTextDatum(printable(bytes_of(field)));
}

/* The next part of a text, which it is cut from; NULL at the end. */
static char* next_part(char** text, const char* ends) {
  char* part = strsep(text, ends);
  return part == NULL || *part == '\0' ? NULL : part;
}

static void put_row(FunctionCallInfo fcinfo, Datum* values, bool* nulls) {
  ReturnSetInfo* rows = (ReturnSetInfo*)fcinfo->resultinfo;
  tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

/* ---- gman_servers() */

static void put_server(FunctionCallInfo fcinfo, size_t server) {
  gman_client* client = client_get();
  gman_server_data known;
  if (gman_server_get(client, server, &known) != GMAN_OK) raise_failure(client, NULL);
  int32 cooling_off_ms = known.cooling_off_ms;
  Datum name = CStringGetTextDatum(known.name);
  bool answers = ask(GMAN_QUERY_PING, server, (gman_bytes){.data = NULL, .size = 0}) == GMAN_OK;
  double latency_ms = gman_result(client)->round_trip_ms;
  Datum error = CStringGetTextDatum(printable(bytes_of(gman_error_get(client)->message)));
  Datum version = (Datum)0;
  bool tells = answers && ask(GMAN_QUERY_ADMIN, server, bytes_of("version")) == GMAN_OK;
  if (tells) {
    const char* answer = printable(gman_result(client)->data);
    version = CStringGetTextDatum(strncmp(answer, "OK ", 3) == 0 ? answer + 3 : answer);
  }
  Datum values[] = {name,
                    BoolGetDatum(answers),
                    version,
                    Float8GetDatum(latency_ms),
                    Int32GetDatum(cooling_off_ms),
                    error};
  bool nulls[lengthof(values)] = {[2] = !tells, [3] = !answers, [5] = answers};
  put_row(fcinfo, values, nulls);
}

PG_FUNCTION_INFO_V1(pg_gman_servers);

Datum pg_gman_servers(PG_FUNCTION_ARGS) {
  InitMaterializedSRF(fcinfo, 0);
  size_t count = gman_server_count(client_get());
  for (size_t server = 1; server <= count; server++) put_server(fcinfo, server);
  return (Datum)0;
}

/* ---- gman_functions() and gman_workers() */

/* "name\ttotal\trunning\tworkers" */
static void put_function(FunctionCallInfo fcinfo, const char* server, char* row) {
  char* name = next_part(&row, "\t");
  char* jobs = next_part(&row, "\t");
  char* running = next_part(&row, "\t");
  char* workers = next_part(&row, "\t");
  if (name == NULL || jobs == NULL || running == NULL || workers == NULL) return;
  Datum values[] = {
      CStringGetTextDatum(server), field_datum(name), Int64GetDatum(strtoll(jobs, NULL, 10)),
      Int64GetDatum(strtoll(running, NULL, 10)), Int64GetDatum(strtoll(workers, NULL, 10))};
  bool nulls[lengthof(values)] = {false};
  put_row(fcinfo, values, nulls);
}

static Datum array_of_words(char* words) {
  ArrayBuildState* array = initArrayResult(TEXTOID, CurrentMemoryContext, false);
  for (char* word = next_part(&words, " "); word != NULL; word = next_part(&words, " "))
    accumArrayResult(array, field_datum(word), false, TEXTOID, CurrentMemoryContext);
  return makeArrayResult(array, CurrentMemoryContext);
}

/* "fd address id : function function"; a connection without functions is no worker. */
static void put_worker(FunctionCallInfo fcinfo, const char* server, char* row) {
  next_part(&row, " ");
  char* address = next_part(&row, " ");
  char* id = next_part(&row, " ");
  next_part(&row, " ");
  if (address == NULL || id == NULL || row == NULL || *row == '\0') return;
  Datum values[] = {CStringGetTextDatum(server), field_datum(address), field_datum(id),
                    array_of_words(row)};
  bool nulls[lengthof(values)] = {[2] = strcmp(id, "-") == 0};
  put_row(fcinfo, values, nulls);
}

static Datum put_rows(FunctionCallInfo fcinfo, const char* line,
                      void (*put)(FunctionCallInfo, const char*, char*)) {
  InitMaterializedSRF(fcinfo, 0);
  size_t count = gman_server_count(client_get());
  for (size_t server = 1; server <= count; server++) {
    const char* name = pstrdup(server_name(server));
    char* answer = ask_admin(server, line);
    for (char* row = next_part(&answer, "\n"); row != NULL; row = next_part(&answer, "\n"))
      put(fcinfo, name, row);
  }
  return (Datum)0;
}

PG_FUNCTION_INFO_V1(pg_gman_functions);

Datum pg_gman_functions(PG_FUNCTION_ARGS) {
  return put_rows(fcinfo, "status", put_function);
}

PG_FUNCTION_INFO_V1(pg_gman_workers);

Datum pg_gman_workers(PG_FUNCTION_ARGS) {
  return put_rows(fcinfo, "workers", put_worker);
}

/* ---- gman_job_status() and gman_cancel() */

static bool is_handle(gman_bytes name) {
  return name.size > 2 && memcmp(name.data, "H:", 2) == 0;
}

/* The server that knows the job, 0 for none; what it says is the client's result. */
static size_t find_job(int kind, gman_bytes name) {
  size_t count = gman_server_count(client_get());
  for (size_t server = 1; server <= count; server++) {
    if (ask(kind, server, name) != GMAN_OK)
      report_failure(WARNING, client_get(), NULL);
    else if (gman_result(client_get())->known)
      return server;
  }
  return 0;
}

PG_FUNCTION_INFO_V1(pg_gman_job_status);

/* A unique may look like a handle, so it is asked for when no job has that handle. */
Datum pg_gman_job_status(PG_FUNCTION_ARGS) {
  gman_bytes name = text_argument(fcinfo, 0, "job");
  TupleDesc description;
  if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "gman_job_status() returns a record");
  size_t server = is_handle(name) ? find_job(GMAN_QUERY_STATUS, name) : 0;
  if (server == 0 && name.size <= GMAN_UNIQUE_BYTES_MAX)
    server = find_job(GMAN_QUERY_STATUS_UNIQUE, name);
  const gman_result_data* result = gman_result(client_get());
  bool is_known = server != 0;
  bool has_progress = is_known && result->denominator > 0;
  Datum values[] = {BoolGetDatum(is_known), BoolGetDatum(is_known && result->running),
                    Int64GetDatum(result->numerator), Int64GetDatum(result->denominator),
                    CStringGetTextDatum(is_known ? server_name(server) : "")};
  bool nulls[lengthof(values)] = {[2] = !has_progress, [3] = !has_progress, [4] = !is_known};
  HeapTuple row = heap_form_tuple(BlessTupleDesc(description), values, nulls);
  PG_RETURN_DATUM(HeapTupleGetDatum(row));
}

/* It becomes part of a line of text, in which a blank would begin another word. */
static const char* handle_argument(FunctionCallInfo fcinfo) {
  gman_bytes handle = text_argument(fcinfo, 0, "handle");
  bool is_word = handle.size > 0;
  for (size_t i = 0; i < handle.size; i++) is_word = is_word && (unsigned char)handle.data[i] > ' ';
  if (!is_word)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("\"%s\" is no handle of a job", printable(handle)),
                    errhint("Give what gman_do_background() returned in delivery immediate.")));
  return text_to_cstring(varlena_from_bytes(handle));
}

PG_FUNCTION_INFO_V1(pg_gman_cancel);

Datum pg_gman_cancel(PG_FUNCTION_ARGS) {
  const char* line = psprintf("cancel job %s", handle_argument(fcinfo));
  size_t count = gman_server_count(client_get());
  for (size_t server = 1; server <= count; server++) {
    gman_status status = ask(GMAN_QUERY_ADMIN, server, bytes_of(line));
    if (status == GMAN_OK) PG_RETURN_BOOL(true);
    /* A server that does not have the job says so, which is an answer. */
    if (status != GMAN_SERVER_ERROR) report_failure(WARNING, client_get(), NULL);
  }
  PG_RETURN_BOOL(false);
}
