/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman_map() and gman_sum(), aggregates: the jobs of a group, which have one function, are kept
 * until all of its rows are known and then run at once, by as many workers as are free. An ORDER BY
 * in the call is the order of gman_map's results.
 *
 * One failed job fails the whole, since an array or a sum with a hole would be taken for all:
 * gman_do_many() tells results and errors apart.
 */
#include "ext_postgres/glue.h"

#include <catalog/pg_type.h>
#include <common/int.h>
#include <utils/array.h>
#include <utils/builtins.h>
#include <utils/memutils.h>

#define PARTS_AT_FIRST 64

/* Of a result that is no number. */
#define QUOTED_BYTES_MAX 64

/* The rows of a group so far; all that it points to lives as long as the group. */
typedef struct JobGroup {
  MemoryContext context;
  gman_bytes function;
  gman_job_part* parts;
  size_t count, room;
} JobGroup;

static gman_bytes keep(const JobGroup* group, gman_bytes bytes) {
  if (bytes.size == 0) return (gman_bytes){.data = NULL, .size = 0};
  char* copy = MemoryContextAlloc(group->context, bytes.size);
  memcpy(copy, bytes.data, bytes.size);
  return (gman_bytes){.data = copy, .size = bytes.size};
}

static JobGroup* make_group(MemoryContext context, gman_bytes function) {
  JobGroup* group = MemoryContextAllocZero(context, sizeof(JobGroup));
  group->context = context;
  group->function = keep(group, function);
  group->room = PARTS_AT_FIRST;
  group->parts = MemoryContextAlloc(context, group->room * sizeof(gman_job_part));
  return group;
}

static void add_part(JobGroup* group, gman_job_part part) {
  if (group->count == group->room) {
    group->room *= 2;
    group->parts = repalloc_huge(group->parts, group->room * sizeof(gman_job_part));
  }
  group->parts[group->count++] =
      (gman_job_part){.unique = keep(group, part.unique), .workload = keep(group, part.workload)};
}

PG_FUNCTION_INFO_V1(pg_gman_group_add);

/* (group, function, workload [, unique_key]) */
Datum pg_gman_group_add(PG_FUNCTION_ARGS) {
  MemoryContext context;
  if (!AggCheckCallContext(fcinfo, &context))
    elog(ERROR, "gman_group_add is part of the aggregates gman_map and gman_sum");
  gman_bytes function = text_argument(fcinfo, 1, "function");
  gman_job_part part = {.workload = text_argument(fcinfo, 2, "workload")};
  if (PG_NARGS() > 3 && !PG_ARGISNULL(3)) part.unique = text_argument(fcinfo, 3, "unique_key");
  JobGroup* group =
      PG_ARGISNULL(0) ? make_group(context, function) : (JobGroup*)PG_GETARG_POINTER(0);
  if (function.size != group->function.size ||
      memcmp(function.data, group->function.data, function.size) != 0)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("a group of jobs has one function, and not \"%s\" and \"%s\"",
                           printable(group->function), printable(function)),
                    errhint("GROUP BY it.")));
  add_part(group, part);
  PG_RETURN_POINTER(group);
}

/* ---- What is made of the results */

static void check_outcome(const JobGroup* group, size_t place, const gman_job_outcome* outcome) {
  if (outcome->status != GMAN_OK) raise_outcome(outcome, place + 1, group->count);
}

/* False: nothing was sent, and the result is NULL. */
static bool run_group(const JobGroup* group, TakeOutcome take, void* taker) {
  gman_job common = {.function = group->function};
  return foreground_run(&common, group->parts, group->count, take, taker);
}

typedef struct Map {
  const JobGroup* group;
  Oid type; /* TEXTOID or BYTEAOID */
  Datum* results;
} Map;

static void take_result(void* taker, size_t place, const gman_job_outcome* outcome) {
  const Map* map = taker;
  check_outcome(map->group, place, outcome);
  map->results[place] =
      PointerGetDatum(map->type == TEXTOID ? text_from_bytes(outcome->data, "the result of a job")
                                           : varlena_from_bytes(outcome->data));
}

static Datum map_of(FunctionCallInfo fcinfo, Oid type) {
  if (PG_ARGISNULL(0)) PG_RETURN_ARRAYTYPE_P(construct_empty_array(type));
  const JobGroup* group = (JobGroup*)PG_GETARG_POINTER(0);
  Map map = {.group = group,
             .type = type,
             .results = MemoryContextAllocHuge(CurrentMemoryContext, group->count * sizeof(Datum))};
  if (!run_group(group, take_result, &map)) PG_RETURN_NULL();
  if (group->count > MaxArraySize)
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("a group of %zu jobs is above the limit of %zu", group->count,
                           (size_t)MaxArraySize)));
  PG_RETURN_ARRAYTYPE_P(
      construct_array(map.results, (int)group->count, type, -1, false, TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(pg_gman_group_map);
PG_FUNCTION_INFO_V1(pg_gman_group_map_bytea);

Datum pg_gman_group_map(PG_FUNCTION_ARGS) {
  return map_of(fcinfo, TEXTOID);
}

Datum pg_gman_group_map_bytea(PG_FUNCTION_ARGS) {
  return map_of(fcinfo, BYTEAOID);
}

typedef struct Sum {
  const JobGroup* group;
  int64 value;
} Sum;

/* The whole text and nothing but an integer: a blank, a sign + or a point is another number's. */
static int64 parse_integer(gman_bytes bytes) {
  const char* string = printable(bytes);
  const char* digits = string + (*string == '-' ? 1 : 0);
  errno = 0;
  int64 number = strtoll(string, NULL, 10);
  if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits) || errno == ERANGE)
    ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                    errmsg("the result of a job is no 64-bit integer: \"%s\"",
                           printable((gman_bytes){.data = bytes.data,
                                                  .size = Min(bytes.size, QUOTED_BYTES_MAX)}))));
  return number;
}

static void add_result(void* taker, size_t place, const gman_job_outcome* outcome) {
  Sum* sum = taker;
  check_outcome(sum->group, place, outcome);
  if (pg_add_s64_overflow(sum->value, parse_integer(outcome->data), &sum->value))
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("the sum of the results is out of the range of bigint")));
}

PG_FUNCTION_INFO_V1(pg_gman_group_sum);

Datum pg_gman_group_sum(PG_FUNCTION_ARGS) {
  if (PG_ARGISNULL(0)) PG_RETURN_INT64(0);
  Sum sum = {.group = (JobGroup*)PG_GETARG_POINTER(0)};
  if (!run_group(sum.group, add_result, &sum)) PG_RETURN_NULL();
  PG_RETURN_INT64(sum.value);
}
