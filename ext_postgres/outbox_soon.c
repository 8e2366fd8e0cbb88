/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Jobs of rows for the outbox, gathered until the statement that changes the rows ends: a thousand
 * rows by one INSERT cost a third of what they cost by one INSERT each.
 *
 * AFTER triggers fire when PostgreSQL finishes a statement, and COPY is one as well: hooks there
 * see where that begins and ends. What is gathered is inserted before the statement ends, so the
 * next one finds it in the outbox, and a failure is the statement's. A statement that fails forgets
 * it. Statements that triggers run nest, each with its own.
 *
 * Whatever comes when no such statement is about, or in a subtransaction of it, which may be rolled
 * back by itself, is inserted at once: triggers that are deferred to COMMIT, or those of the very
 * statement for which the library was loaded.
 */
#include "ext_postgres/glue.h"

#include <access/xact.h>
#include <executor/executor.h>
#include <tcop/utility.h>
#include <utils/memutils.h>

/* So that the jobs of a large statement are not all in memory at once. */
#define GATHERED_BYTES_MAX (1 << 20)

/* A statement that fires its triggers. */
typedef struct Statement {
  SubTransactionId subtransaction;
  JobList* jobs; /* NULL: none; it lies in its own memory context */
  Size bytes;
} Statement;

/* The innermost one. */
static Statement* statement;

static ExecutorFinish_hook_type next_finish;
static ProcessUtility_hook_type next_utility;

static bool can_gather(void) {
  return statement != NULL && statement->subtransaction == GetCurrentSubTransactionId();
}

static void begin_jobs(void) {
  MemoryContext context = AllocSetContextCreate(
      CurTransactionContext, "gman jobs until the statement ends", ALLOCSET_DEFAULT_SIZES);
  statement->jobs = MemoryContextAllocZero(context, sizeof(JobList));
  statement->jobs->context = context;
  statement->bytes = 0;
}

/* The INSERT runs triggers in its turn, which must not find the jobs again. */
void outbox_soon_flush(void) {
  if (!can_gather() || statement->jobs == NULL) return;
  JobList* jobs = statement->jobs;
  statement->jobs = NULL;
  size_t count;
  JobBatch* batches = job_list_batches(jobs, &count);
  for (size_t i = 0; i < count; i++) outbox_put_batch(&batches[i]);
  MemoryContextDelete(jobs->context);
}

void outbox_soon_put(const JobBatch* batch) {
  if (batch->count != 1 || !can_gather()) {
    outbox_put_batch(batch);
    return;
  }
  if (statement->jobs == NULL) begin_jobs();
  gman_job job = batch->common;
  job.unique = batch->parts->unique;
  job.workload = batch->parts->workload;
  job_list_add(statement->jobs, &job, DELIVERY_OUTBOX, InvalidSubTransactionId);
  statement->bytes += job.unique.size + job.workload.size;
  if (statement->jobs->count == GMAN_JOBS_MAX || statement->bytes >= GATHERED_BYTES_MAX)
    outbox_soon_flush();
}

/* ---- Where statements end */

static void finish_as_others_do(QueryDesc* query) {
  if (next_finish != NULL)
    next_finish(query);
  else
    standard_ExecutorFinish(query);
}

static void finish(QueryDesc* query) {
  if (query->operation == CMD_SELECT && !query->plannedstmt->hasModifyingCTE) {
    finish_as_others_do(query);
    return;
  }
  Statement* outer = statement;
  Statement own = {.subtransaction = GetCurrentSubTransactionId()};
  statement = &own;
  PG_TRY();
  {
    finish_as_others_do(query);
    outbox_soon_flush();
  }
  PG_FINALLY();
  { statement = outer; }
  PG_END_TRY();
}

static void run_as_others_do(PlannedStmt* planned, const char* source, bool is_read_only_tree,
                             ProcessUtilityContext context, ParamListInfo parameters,
                             QueryEnvironment* environment, DestReceiver* receiver,
                             QueryCompletion* completion) {
  if (next_utility != NULL)
    next_utility(planned, source, is_read_only_tree, context, parameters, environment, receiver,
                 completion);
  else
    standard_ProcessUtility(planned, source, is_read_only_tree, context, parameters, environment,
                            receiver, completion);
}

/* Only for COPY: others may end the transaction within. */
static void run_utility(PlannedStmt* planned, const char* source, bool is_read_only_tree,
                        ProcessUtilityContext context, ParamListInfo parameters,
                        QueryEnvironment* environment, DestReceiver* receiver,
                        QueryCompletion* completion) {
  if (!IsA(planned->utilityStmt, CopyStmt)) {
    run_as_others_do(planned, source, is_read_only_tree, context, parameters, environment, receiver,
                     completion);
    return;
  }
  Statement* outer = statement;
  Statement own = {.subtransaction = GetCurrentSubTransactionId()};
  statement = &own;
  PG_TRY();
  {
    run_as_others_do(planned, source, is_read_only_tree, context, parameters, environment, receiver,
                     completion);
    outbox_soon_flush();
  }
  PG_FINALLY();
  { statement = outer; }
  PG_END_TRY();
}

void outbox_soon_hook(void) {
  next_finish = ExecutorFinish_hook;
  ExecutorFinish_hook = finish;
  next_utility = ProcessUtility_hook;
  ProcessUtility_hook = run_utility;
}
