/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman.enabled = record, for the tests of applications: jobs are kept in this session's memory, in
 * place of being sent, and gman_recorded_jobs() lists them (the view gman_recorded).
 *
 * They behave as jobs do: a rollback takes back what delivery commit or outbox would not have sent,
 * and leaves what would have been sent at once.
 */
#include "ext_postgres/glue.h"

#include <access/xact.h>
#include <funcapi.h>
#include <utils/builtins.h>
#include <utils/memutils.h>
#include <utils/timestamp.h>

static JobList recorded;

static void at_subtransaction_end(SubXactEvent event, SubTransactionId which,
                                  SubTransactionId parent, void* argument) {
  if (event == SUBXACT_EVENT_COMMIT_SUB) job_list_hand_over(&recorded, which, parent);
  if (event == SUBXACT_EVENT_ABORT_SUB) job_list_drop(&recorded, which);
}

static void at_transaction_end(XactEvent event, void* argument) {
  if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
    job_list_hand_over(&recorded, TopSubTransactionId, InvalidSubTransactionId);
  if (event == XACT_EVENT_ABORT) job_list_drop(&recorded, TopSubTransactionId);
}

static void begin_recording(void) {
  recorded.context =
      AllocSetContextCreate(TopMemoryContext, "gman recorded jobs", ALLOCSET_DEFAULT_SIZES);
  RegisterXactCallback(at_transaction_end, NULL);
  RegisterSubXactCallback(at_subtransaction_end, NULL);
}

void record_job(const gman_job* job, Delivery delivery) {
  if (recorded.context == NULL) begin_recording();
  job_list_add(
      &recorded, job, delivery,
      delivery == DELIVERY_IMMEDIATE ? InvalidSubTransactionId : GetCurrentSubTransactionId());
}

PG_FUNCTION_INFO_V1(pg_gman_recorded_jobs);

Datum pg_gman_recorded_jobs(PG_FUNCTION_ARGS) {
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* rows = (ReturnSetInfo*)fcinfo->resultinfo;
  int64 number = 0;
  dlist_iter at;
  dlist_foreach(at, &recorded.jobs) {
    const HeldJob* held = dlist_container(HeldJob, node, at.cur);
    const gman_job* job = &held->job;
    bool has_unique = job->unique.size > 0;
    bool has_time = job->run_at_ms != 0;
    Datum values[] = {Int64GetDatum(++number),
                      PointerGetDatum(varlena_from_bytes(job->function)),
                      PointerGetDatum(varlena_from_bytes(job->workload)),
                      has_unique ? PointerGetDatum(varlena_from_bytes(job->unique)) : (Datum)0,
                      CStringGetTextDatum(priority_name((gman_priority)job->priority)),
                      has_time ? TimestampTzGetDatum(options_time_of_ms(job->run_at_ms)) : (Datum)0,
                      BoolGetDatum(job->background != 0),
                      CStringGetTextDatum(delivery_name(held->delivery))};
    bool nulls[lengthof(values)] = {[3] = !has_unique, [5] = !has_time};
    tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
  }
  return (Datum)0;
}

PG_FUNCTION_INFO_V1(pg_gman_recorded_reset);

Datum pg_gman_recorded_reset(PG_FUNCTION_ARGS) {
  int64 jobs = recorded.count;
  job_list_clear(&recorded);
  PG_RETURN_INT64(jobs);
}
