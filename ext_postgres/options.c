/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the options of a call or of a trigger say: one table of keys, with who may use each. A key
 * that is not known, or that has a value of the wrong type, is an error that names it, since an
 * option that is silently left out is a job that silently does something else.
 */
#include "ext_postgres/glue.h"

#include <utils/builtins.h>
#include <utils/fmgrprotos.h>
#include <utils/timestamp.h>

typedef void (*ReadOption)(const char* key, const JsonbValue* value, JobOptions* options);

typedef struct OptionKey {
  const char* name;
  bool is_of[OPTIONS_OF_COUNT];
  ReadOption read;
} OptionKey;

static _Noreturn void refuse(const char* key, const char* wanted) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("option \"%s\" of a gman function must be %s", key, wanted)));
  pg_unreachable();
}

static char* string_of(const char* key, const JsonbValue* value, const char* wanted) {
  if (value->type != jbvString) refuse(key, wanted);
  return pnstrdup(value->val.string.val, value->val.string.len);
}

static bool boolean_of(const char* key, const JsonbValue* value) {
  if (value->type != jbvBool) refuse(key, "true or false");
  return value->val.boolean;
}

static void tell_option(void* key) {
  errcontext("option \"%s\" of a gman function", (const char*)key);
}

/* A type's input function tells what is wrong with a text, and the context which option it is. */
static Datum input(PGFunction function, const char* key, char* string) {
  ErrorContextCallback context = {
      .previous = error_context_stack, .callback = tell_option, .arg = (void*)key};
  error_context_stack = &context;
  Datum value = DirectFunctionCall3(function, CStringGetDatum(string), ObjectIdGetDatum(InvalidOid),
                                    Int32GetDatum(-1));
  error_context_stack = context.previous;
  return value;
}

const char* priority_name(gman_priority priority) {
  switch (priority) {
    case GMAN_PRIORITY_NORMAL: return "normal";
    case GMAN_PRIORITY_HIGH: return "high";
    case GMAN_PRIORITY_LOW: return "low";
  }
  pg_unreachable();
}

static void read_priority(const char* key, const JsonbValue* value, JobOptions* options) {
  static const gman_priority all[] = {GMAN_PRIORITY_HIGH, GMAN_PRIORITY_NORMAL, GMAN_PRIORITY_LOW};
  const char* wanted = "high, normal or low";
  const char* name = string_of(key, value, wanted);
  for (size_t i = 0; i < lengthof(all); i++) {
    if (strcmp(name, priority_name(all[i])) != 0) continue;
    options->priority = all[i];
    return;
  }
  refuse(key, wanted);
}

static void read_delivery(const char* key, const JsonbValue* value, JobOptions* options) {
  const char* wanted = "immediate, commit or outbox";
  if (!delivery_parse(string_of(key, value, wanted), &options->delivery)) refuse(key, wanted);
}

static void read_run_at(const char* key, const JsonbValue* value, JobOptions* options) {
  char* string = string_of(key, value, "a time in a string");
  options->run_at_ms = options_run_at_ms(DatumGetTimestampTz(input(timestamptz_in, key, string)));
}

static void read_deadline(const char* key, const JsonbValue* value, JobOptions* options) {
  char* string = string_of(key, value, "an interval in a string");
  options->deadline_ms = options_deadline_ms(DatumGetIntervalP(input(interval_in, key, string)));
}

static void read_unique(const char* key, const JsonbValue* value, JobOptions* options) {
  options->has_unique = boolean_of(key, value);
}

static void read_only_changed(const char* key, const JsonbValue* value, JobOptions* options) {
  options->only_changed = boolean_of(key, value);
}

static const OptionKey keys[] = {
    /* name         of a call, of gman_do_at, of a trigger */
    {"priority", {true, true, true}, read_priority},
    {"delivery", {true, true, true}, read_delivery},
    {"run_at", {true, false, false}, read_run_at},
    {"deadline", {true, true, false}, read_deadline},
    {"unique", {false, false, true}, read_unique},
    {"only_changed", {false, false, true}, read_only_changed},
};

/* What the options are of, as a message names it. */
static const char* const owners[OPTIONS_OF_COUNT] = {"gman function", "call of gman_do_at",
                                                     "gman trigger"};

static const char* known_keys(OptionsOf whose) {
  StringInfoData names;
  initStringInfo(&names);
  for (size_t i = 0; i < lengthof(keys); i++) {
    if (!keys[i].is_of[whose]) continue;
    appendStringInfo(&names, "%s%s", names.len == 0 ? "" : ", ", keys[i].name);
  }
  return names.data;
}

static void read_one(const char* name, const JsonbValue* value, OptionsOf whose,
                     JobOptions* options) {
  for (size_t i = 0; i < lengthof(keys); i++) {
    if (keys[i].is_of[whose] && strcmp(keys[i].name, name) == 0)
      return keys[i].read(name, value, options);
  }
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("\"%s\" is no option of a %s", name, owners[whose]),
                  errhint("Options are: %s.", known_keys(whose))));
}

void options_read(Jsonb* jsonb, OptionsOf whose, JobOptions* options) {
  if (!JB_ROOT_IS_OBJECT(jsonb))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("options of a gman function must be a JSON object"),
                    errhint("Write for instance '{\"delivery\": \"commit\"}'.")));
  JsonbIterator* at = JsonbIteratorInit(&jsonb->root);
  char* name = NULL;
  JsonbValue value;
  JsonbIteratorToken token;
  while ((token = JsonbIteratorNext(&at, &value, true)) != WJB_DONE) {
    if (token == WJB_KEY)
      name = pnstrdup(value.val.string.val, value.val.string.len);
    else if (token == WJB_VALUE)
      read_one(name, &value, whose, options);
  }
  if (options->deadline_ms > 0 && options->delivery != DELIVERY_IMMEDIATE)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("option \"deadline\" has no meaning in delivery %s",
                           delivery_name(options->delivery)),
                    errdetail("The call waits for no server; gman.commit_budget bounds what is "
                              "sent at COMMIT.")));
}

/* From the epoch of Unix to that of PostgreSQL. */
#define EPOCH_MS ((int64)(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000)

int64 options_run_at_ms(TimestampTz run_at) {
  if (TIMESTAMP_NOT_FINITE(run_at))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("run_at of a job must be a time, and not infinite")));
  if (run_at <= GetCurrentTimestamp()) return 0;
  /* The future is after 2000, PostgreSQL's epoch, so nothing here is negative. */
  int64 ms = EPOCH_MS + run_at / 1000 + (run_at % 1000 > 0 ? 1 : 0);
  if (ms > GMAN_RUN_AT_MS_MAX)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("run_at of a job must be before the year 10000")));
  return ms;
}

TimestampTz options_time_of_ms(int64 run_at_ms) {
  return (run_at_ms - EPOCH_MS) * 1000;
}

/* Less than one millisecond counts as one. Months count as 30 days, as everywhere in PostgreSQL
   where an interval becomes a number. */
int32 options_deadline_ms(const Interval* interval) {
  int64 days = (int64)interval->month * DAYS_PER_MONTH + interval->day;
  int64 ms = days * (SECS_PER_DAY * INT64CONST(1000)) + interval->time / 1000 +
             (interval->time % 1000 > 0 ? 1 : 0);
  if (ms <= 0 || ms > PG_INT32_MAX)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("deadline must be longer than zero and at most %d ms", PG_INT32_MAX),
                    errhint("Leave it out, or pass NULL, for the setting gman.deadline.")));
  return (int32)ms;
}

PG_FUNCTION_INFO_V1(pg_gman_trigger_options);

/* For gman_watch(), so that a wrong option is an error of whoever gives it, and not of the first
   row. */
Datum pg_gman_trigger_options(PG_FUNCTION_ARGS) {
  JobOptions options = {.delivery = DELIVERY_IMMEDIATE};
  options_read(PG_GETARG_JSONB_P(0), OPTIONS_OF_TRIGGER, &options);
  PG_RETURN_JSONB_P(PG_GETARG_JSONB_P(0));
}
