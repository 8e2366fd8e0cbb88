/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman_do_many(): a job for each element of an array, and a row for each in the array's order. A
 * job that fails is told in its row, and hides no other's result.
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

/* A row has a result or an error, or neither when nothing was sent. */
static void put_row(ReturnSetInfo* rows, size_t place, text* result, const char* error) {
  Datum values[] = {Int64GetDatum((int64)place + 1), PointerGetDatum(result),
                    error != NULL ? CStringGetTextDatum(error) : (Datum)0};
  bool nulls[lengthof(values)] = {false, result == NULL, error == NULL};
  tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

static void put_outcome(void* rows, size_t place, const gman_job_outcome* outcome) {
  if (outcome->status != GMAN_OK)
    put_row(rows, place, NULL, printable(bytes_of(outcome->message)));
  else if (is_text(outcome->data))
    put_row(rows, place, varlena_from_bytes(outcome->data), NULL);
  else
    put_row(
        rows, place, NULL,
        psprintf("the result of the job is no text in encoding \"%s\"", GetDatabaseEncodingName()));
}

PG_FUNCTION_INFO_V1(pg_gman_do_many);

Datum pg_gman_do_many(PG_FUNCTION_ARGS) {
  gman_job common = {.function = text_argument(fcinfo, 0, "function")};
  check_not_null(fcinfo, 1, "workloads");
  if (!PG_ARGISNULL(2)) common.deadline_ms = options_deadline_ms(PG_GETARG_INTERVAL_P(2));
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* rows = (ReturnSetInfo*)fcinfo->resultinfo;
  size_t count;
  gman_job_part* parts = parts_of(PG_GETARG_ARRAYTYPE_P(1), &count);
  if (!foreground_run(&common, parts, count, put_outcome, rows)) {
    for (size_t place = 0; place < count; place++) put_row(rows, place, NULL, NULL);
  }
  return (Datum)0;
}
