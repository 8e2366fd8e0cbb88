/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Delivery `commit`: jobs are kept in the transaction and sent when it has committed.
 *
 * - A ROLLBACK forgets them, and a ROLLBACK TO SAVEPOINT those that came after the savepoint.
 * - PRE_COMMIT is the last moment at which an error still aborts cleanly. There a server must
 *   answer, and everything is made ready that could fail for want of memory. A transaction with
 *   more jobs than gman.commit_jobs_max moves them into the outbox instead, since they would hold
 *   up its COMMIT.
 * - COMMIT sends them. The rows are visible by then, but locks are still held and interrupts wait.
 *   Nothing may be raised any more: an ERROR here would be a PANIC. What could not be sent is lost,
 *   and a warning says so.
 * - Both together have gman.commit_budget. The first may take half of it, so that a server that
 *   was slow to be found is an error, and leaves to the second the time that it needs.
 * - PREPARE TRANSACTION is refused: COMMIT PREPARED runs in another session, which has no jobs.
 */
#include "ext_postgres/glue.h"

#include <access/xact.h>
#include <miscadmin.h>
#include <utils/memutils.h>
#include <utils/snapmgr.h>

#define REASON_BYTES_MAX 512

static JobList held;
/* What COMMIT will send: made at PRE_COMMIT, after which no more jobs are taken. */
static JobBatch* batches;
static size_t batch_count;
static int32 sending_ms; /* of the budget, what the search for a server has left */
static bool is_closed;

/* How the sending goes. The reason is kept here, since memory may not be asked for any more. */
static struct Progress {
  int64 sent;
  char reason[REASON_BYTES_MAX];
} progress;

static void forget_jobs(void) {
  job_list_clear(&held);
  batches = NULL;
  batch_count = 0;
}

static void end(void) {
  forget_jobs();
  is_closed = false;
}

/* ---- PRE_COMMIT */

/* The statement and its snapshot have ended, so this needs one of its own. */
static void move_to_outbox(void) {
  batches = job_list_batches(&held, &batch_count);
  PushActiveSnapshot(GetTransactionSnapshot());
  for (size_t i = 0; i < batch_count; i++) outbox_put_batch(&batches[i]);
  PopActiveSnapshot();
  forget_jobs();
}

static bool are_too_many(void) {
  if (held.count <= settings_commit_jobs_max()) return false;
  if (outbox_exists()) return true;
  ereport(ERROR,
          (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
           errmsg("the transaction has %lld jobs to send at COMMIT, and gman.commit_jobs_max is %d",
                  (long long)held.count, settings_commit_jobs_max()),
           errhint("Install the outbox, into which they would go: SELECT gman_outbox_install().")));
}

static void tell_of_budget(void* asking_ms) {
  errcontext("search for a job server before COMMIT, which gman.commit_budget gives %d ms",
             *(const int32*)asking_ms);
}

static void report_unreached(int level, int32 asking_ms) {
  ErrorContextCallback context = {
      .previous = error_context_stack, .callback = tell_of_budget, .arg = &asking_ms};
  error_context_stack = &context;
  report_failure(level, client_get(), NULL);
  error_context_stack = context.previous;
}

/* False: they were lost, with a warning, or are in the outbox. */
static bool is_server_there(void) {
  int32 budget_ms = settings_commit_budget_ms();
  int32 asking_ms = budget_ms - budget_ms / 2;
  Countdown asking = countdown_start(asking_ms);
  gman_status status = call_try_ping(asking_ms);
  sending_ms = budget_ms / 2 + countdown_left_ms(&asking);
  if (status == GMAN_OK) return true;
  if (!is_failure_of_the_way(status)) raise_failure(client_get(), NULL);
  switch (settings_on_error()) {
    case ON_ERROR_ERROR: report_unreached(ERROR, asking_ms); break;
    case ON_ERROR_WARNING:
      report_unreached(WARNING, asking_ms);
      count_failed(DELIVERY_COMMIT, held.count);
      forget_jobs();
      return false;
    case ON_ERROR_OUTBOX: move_to_outbox(); return false;
  }
  pg_unreachable();
}

static void before_commit(void) {
  is_closed = true;
  if (held.count == 0) return;
  if (are_too_many())
    move_to_outbox();
  else if (is_server_there())
    batches = job_list_batches(&held, &batch_count);
}

static void before_prepare(void) {
  if (held.count == 0) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("cannot PREPARE a transaction that has jobs to send at COMMIT"),
                  errdetail("It has %lld, and COMMIT PREPARED may run in another session.",
                            (long long)held.count),
                  errhint("Use delivery outbox, whose rows are prepared with the transaction.")));
}

/* ---- COMMIT */

static void keep_reason(const char* reason) {
  if (progress.reason[0] == '\0') strlcpy(progress.reason, reason, REASON_BYTES_MAX);
}

static void keep_refusal(void) {
  size_t answered;
  const gman_job_outcome* outcomes = gman_job_outcomes(client_get(), &answered);
  for (size_t i = 0; i < answered; i++) {
    if (outcomes[i].refusal.size == 0) continue;
    char refusal[REASON_BYTES_MAX];
    snprintf(refusal, sizeof refusal, "the server refused: %.*s",
             (int)Min(outcomes[i].refusal.size, REASON_BYTES_MAX), outcomes[i].refusal.data);
    return keep_reason(refusal);
  }
}

static void send_batches(void) {
  Countdown budget = countdown_start(sending_ms);
  for (size_t i = 0; i < batch_count; i++) {
    if (countdown_is_over(&budget)) return keep_reason("gman.commit_budget is spent");
    batches[i].common.deadline_ms = countdown_left_ms(&budget);
    size_t accepted;
    gman_status status = call_try_batch(&batches[i], &accepted);
    progress.sent += (int64)accepted;
    if (status != GMAN_OK) keep_reason(gman_error_get(client_get())->message);
    if (status == GMAN_OK && accepted < batches[i].count) keep_refusal();
  }
}

static void warn(void) {
  ereport(WARNING,
          (errcode(ERRCODE_WARNING),
           errmsg("%lld of %lld jobs of this transaction were not sent, or their fate is unknown: "
                  "%s",
                  (long long)(held.count - progress.sent), (long long)held.count,
                  printable(bytes_of(progress.reason))),
           errdetail("The transaction is committed."),
           errhint("Delivery outbox loses no job. See gman.commit_budget for the time limit.")));
}

/* A constant text, which needs no more memory than PostgreSQL keeps for its errors. */
static void warn_of_error(void) {
  ereport(WARNING,
          (errcode(ERRCODE_WARNING),
           errmsg_internal("jobs of this transaction were not sent, or their fate is unknown, and "
                           "why cannot be told"),
           errdetail_internal("The transaction is committed.")));
}

/* As far as there is memory to tell. */
static void keep_error(void) {
  PG_TRY();
  {
    ErrorData* error = CopyErrorData();
    keep_reason(error->message);
    FreeErrorData(error);
  }
  PG_CATCH();
  { keep_reason("out of memory"); }
  PG_END_TRY();
}

/* An error that got out would take the cluster down, and one that is caught has switched off what
   holds interrupts, which the rest of the commit relies on. False: there was one. */
static bool ends_well(void (*step)(void)) {
  volatile uint32 interrupts_held = InterruptHoldoffCount;
  volatile bool is_well = true;
  MemoryContext context = CurrentMemoryContext;
  PG_TRY();
  { step(); }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    keep_error();
    FlushErrorState();
    InterruptHoldoffCount = interrupts_held;
    is_well = false;
  }
  PG_END_TRY();
  return is_well;
}

static void after_commit(void) {
  if (batch_count > 0) {
    progress = (struct Progress){.sent = 0, .reason = ""};
    ends_well(send_batches);
    if (progress.sent < held.count && !ends_well(warn)) ends_well(warn_of_error);
    count_sent(DELIVERY_COMMIT, progress.sent);
    count_failed(DELIVERY_COMMIT, held.count - progress.sent);
  }
  end();
}

/* ---- The transaction */

static void at_transaction_end(XactEvent event, void* argument) {
  switch (event) {
    case XACT_EVENT_PRE_COMMIT: return before_commit();
    case XACT_EVENT_COMMIT: return after_commit();
    case XACT_EVENT_PRE_PREPARE: return before_prepare();
    case XACT_EVENT_ABORT: count_dropped(DELIVERY_COMMIT, held.count); return end();
    case XACT_EVENT_PREPARE:
    case XACT_EVENT_PARALLEL_COMMIT:
    case XACT_EVENT_PARALLEL_ABORT:
    case XACT_EVENT_PARALLEL_PRE_COMMIT: return;
  }
}

static void at_subtransaction_end(SubXactEvent event, SubTransactionId which,
                                  SubTransactionId parent, void* argument) {
  if (event == SUBXACT_EVENT_COMMIT_SUB) job_list_hand_over(&held, which, parent);
  if (event == SUBXACT_EVENT_ABORT_SUB) count_dropped(DELIVERY_COMMIT, job_list_drop(&held, which));
}

static void begin_holding(void) {
  held.context =
      AllocSetContextCreate(TopMemoryContext, "gman jobs until COMMIT", ALLOCSET_DEFAULT_SIZES);
  RegisterXactCallback(at_transaction_end, NULL);
  RegisterSubXactCallback(at_subtransaction_end, NULL);
}

void at_commit_add(const gman_job* job) {
  if (is_closed)
    ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
                    errmsg("cannot add a job for COMMIT while the transaction commits")));
  if (held.context == NULL) begin_holding();
  job_list_add(&held, job, DELIVERY_COMMIT, GetCurrentSubTransactionId());
}

PG_FUNCTION_INFO_V1(pg_gman_held_jobs);

Datum pg_gman_held_jobs(PG_FUNCTION_ARGS) {
  PG_RETURN_INT64(held.count);
}
