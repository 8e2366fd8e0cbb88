/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman_trigger('function', what [, options]): a background job for each row that a statement
 * inserts, updates or deletes. trigger_row.c tells what its workload and its unique are.
 *
 * - AFTER only: before that, a later trigger may still change or drop the row.
 * - FOR EACH ROW makes each job by itself. FOR EACH STATEMENT reads the transition tables and makes
 *   all jobs of the statement at once: in delivery immediate by as few packets as they fit into.
 * - Jobs coalesce with jobs that no worker has taken, and never with one that runs: that one may
 *   have read the row as it was, and the change would be lost.
 * - EXECUTE is checked when the trigger is created, not when it fires, and jobs are made from here,
 *   not through SQL: who may change the table needs no grant on anything else, and no code of
 *   theirs runs with other rights than their own. So the function needs no SECURITY DEFINER.
 */
#include "ext_postgres/trigger.h"

#include <executor/executor.h>
#include <utils/builtins.h>
#include <utils/fmgrprotos.h>
#include <utils/memutils.h>
#include <utils/rel.h>
#include <utils/tuplestore.h>

/* Enough that a packet's cost no longer shows. */
#define BATCH_BYTES (1 << 20)

static _Noreturn void refuse(const TriggerData* data, const char* why, const char* hint) {
  ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                  errmsg("trigger \"%s\" %s", data->tg_trigger->tgname, why), errhint("%s", hint)));
  pg_unreachable();
}

static void check_use(FunctionCallInfo fcinfo) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("gman_trigger can only be called as a trigger")));
  const TriggerData* data = (TriggerData*)fcinfo->context;
  if (!TRIGGER_FIRED_AFTER(data->tg_event))
    refuse(data, "must be AFTER to use gman_trigger",
           "Before that, another trigger may still change or drop the row.");
  if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
    refuse(data, "has no rows of a TRUNCATE to send", "Make it for INSERT, UPDATE or DELETE.");
  if (data->tg_trigger->tgnargs != 2 && data->tg_trigger->tgnargs != 3)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("gman_trigger takes two or three arguments, and trigger \"%s\" gives it "
                           "%d",
                           data->tg_trigger->tgname, data->tg_trigger->tgnargs),
                    errhint("EXECUTE FUNCTION gman_trigger('function', 'column'), and maybe "
                            "options in JSON.")));
}

/* ---- What the trigger was told */

static void tell_trigger(void* name) {
  errcontext("options of trigger \"%s\"", (const char*)name);
}

static void read_options(TriggerPlan* plan, const Trigger* trigger) {
  ErrorContextCallback context = {
      .previous = error_context_stack, .callback = tell_trigger, .arg = trigger->tgname};
  error_context_stack = &context;
  Datum jsonb = DirectFunctionCall1(jsonb_in, CStringGetDatum(trigger->tgargs[2]));
  options_read(DatumGetJsonbP(jsonb), OPTIONS_OF_TRIGGER, &plan->options);
  error_context_stack = context.previous;
}

static TriggerPlan* make_plan(const TriggerData* data) {
  const Trigger* trigger = data->tg_trigger;
  TriggerPlan* plan = palloc0(sizeof(TriggerPlan));
  plan->function = bytes_of(pstrdup(trigger->tgargs[0]));
  plan->options = (JobOptions){.delivery = settings_delivery(), .has_unique = true};
  if (trigger->tgnargs == 3) read_options(plan, trigger);
  trigger_row_prepare(plan, data, trigger->tgargs[1]);
  return plan;
}

/* Made once for all rows of a statement: PostgreSQL keeps flinfo for one trigger of one table, as
   long as the statement's triggers run. */
static const TriggerPlan* plan_of(FunctionCallInfo fcinfo) {
  FmgrInfo* info = fcinfo->flinfo;
  if (info->fn_extra == NULL) {
    MemoryContext callers = MemoryContextSwitchTo(info->fn_mcxt);
    info->fn_extra = make_plan((TriggerData*)fcinfo->context);
    MemoryContextSwitchTo(callers);
  }
  return info->fn_extra;
}

/* ---- Jobs of rows */

/* A batch that fills up, row by row. What its parts point to lives in the memory context. */
typedef struct RowJobs {
  const TriggerPlan* plan;
  JobBatch batch;
  Size bytes;
  MemoryContext context;
} RowJobs;

static void begin_jobs(RowJobs* jobs, const TriggerPlan* plan, gman_job_part* parts,
                       MemoryContext context) {
  *jobs = (RowJobs){.plan = plan,
                    .batch = {.common = {.function = plan->function,
                                         .priority = plan->options.priority,
                                         .background = 1,
                                         .unique_mode = GMAN_UNIQUE_UNTIL_START},
                              .parts = parts},
                    .context = context};
}

static void send_jobs(RowJobs* jobs) {
  if (jobs->batch.count > 0) deliver_batch(&jobs->batch, jobs->plan->options.delivery);
  jobs->batch.count = 0;
  jobs->bytes = 0;
}

static void add_job(RowJobs* jobs, TupleTableSlot* before, TupleTableSlot* after) {
  MemoryContext callers = MemoryContextSwitchTo(jobs->context);
  gman_job_part part;
  if (trigger_row_workload(jobs->plan, before, after, &part.workload)) {
    part.unique = trigger_row_unique(jobs->plan, after != NULL ? after : before, part.workload);
    Size bytes = part.unique.size + part.workload.size;
    if (jobs->bytes + bytes > GMAN_WORKLOAD_BYTES_MAX) send_jobs(jobs);
    jobs->batch.parts[jobs->batch.count++] = part;
    jobs->bytes += bytes;
  }
  MemoryContextSwitchTo(callers);
}

static void send_row(const TriggerPlan* plan, const TriggerData* data) {
  gman_job_part part;
  RowJobs jobs;
  begin_jobs(&jobs, plan, &part, CurrentMemoryContext);
  if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
    add_job(&jobs, NULL, data->tg_trigslot);
  else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
    add_job(&jobs, data->tg_trigslot, NULL);
  else
    add_job(&jobs, data->tg_trigslot, data->tg_newslot);
  send_jobs(&jobs);
}

/* ---- Statements */

/* The rows of a transition table, in the order in which they were changed. */
typedef struct Rows {
  Tuplestorestate* store;
  TupleTableSlot* slot;
} Rows;

static Rows rows_of(Tuplestorestate* store, Relation table) {
  Rows rows = {.store = store};
  if (store == NULL) return rows;
  tuplestore_select_read_pointer(store, tuplestore_alloc_read_pointer(store, EXEC_FLAG_REWIND));
  tuplestore_rescan(store);
  rows.slot = MakeSingleTupleTableSlot(RelationGetDescr(table), &TTSOpsMinimalTuple);
  return rows;
}

/* NULL at the end, and without a table. */
static TupleTableSlot* next_row(const Rows* rows) {
  bool has_row =
      rows->store != NULL && tuplestore_gettupleslot(rows->store, true, false, rows->slot);
  return has_row ? rows->slot : NULL;
}

static void end_rows(Rows* rows) {
  if (rows->slot != NULL) ExecDropSingleTupleTableSlot(rows->slot);
}

/* Whether an UPDATE must be told by the old row, too. */
static bool compares(const TriggerPlan* plan) {
  return plan->what == WHAT_DIFF || plan->options.only_changed;
}

static void check_tables(const TriggerPlan* plan, const TriggerData* data) {
  bool is_delete = TRIGGER_FIRED_BY_DELETE(data->tg_event);
  bool is_update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
  bool needs_old = is_delete || (is_update && compares(plan));
  if (!is_delete && data->tg_newtable == NULL)
    refuse(data, "must be FOR EACH ROW, or name the new rows of its statements",
           "REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT");
  if (needs_old && data->tg_oldtable == NULL)
    refuse(data, "must be FOR EACH ROW, or name the old rows of its statements",
           "REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT");
}

/* So that the rows of a large statement are not all in memory at once. */
static bool is_full(const RowJobs* jobs) {
  return jobs->batch.count == GMAN_JOBS_MAX || jobs->bytes >= BATCH_BYTES;
}

static void send_statement(const TriggerPlan* plan, const TriggerData* data) {
  check_tables(plan, data);
  RowJobs jobs;
  begin_jobs(
      &jobs, plan, palloc(sizeof(gman_job_part) * GMAN_JOBS_MAX),
      AllocSetContextCreate(CurrentMemoryContext, "gman jobs of rows", ALLOCSET_DEFAULT_SIZES));
  /* An UPDATE puts the old and the new row of each change into the two tables side by side. */
  Rows old_rows = rows_of(data->tg_oldtable, data->tg_relation);
  Rows new_rows = rows_of(data->tg_newtable, data->tg_relation);
  for (;;) {
    TupleTableSlot* before = next_row(&old_rows);
    TupleTableSlot* after = next_row(&new_rows);
    if (before == NULL && after == NULL) break;
    add_job(&jobs, before, after);
    if (is_full(&jobs)) {
      send_jobs(&jobs);
      MemoryContextReset(jobs.context);
    }
  }
  send_jobs(&jobs);
  end_rows(&old_rows);
  end_rows(&new_rows);
  MemoryContextDelete(jobs.context);
}

PG_FUNCTION_INFO_V1(pg_gman_trigger);

Datum pg_gman_trigger(PG_FUNCTION_ARGS) {
  check_use(fcinfo);
  const TriggerData* data = (TriggerData*)fcinfo->context;
  const TriggerPlan* plan = settings_enabled() == ENABLED_OFF ? NULL : plan_of(fcinfo);
  if (plan == NULL) return PointerGetDatum(NULL);
  if (TRIGGER_FIRED_FOR_ROW(data->tg_event))
    send_row(plan, data);
  else
    send_statement(plan, data);
  return PointerGetDatum(NULL);
}
