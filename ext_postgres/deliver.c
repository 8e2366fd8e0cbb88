/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which way a job goes: at once, at COMMIT, or by the outbox; what gman.enabled has to say about
 * it, and what happens when it cannot be sent. Every job is checked first, in every delivery, so
 * that a job that no server would take is an error of the statement that asks for it.
 *
 * gman.on_error is about background jobs only, and about failures of the way to the server: a
 * request that is wrong stays an error, and a gman_do() without a result is one.
 */
#include "ext_postgres/glue.h"

#include <utils/builtins.h>

/* 16 bytes in hexadecimal. */
#define MADE_UNIQUE_BYTES 32

/* A job that is sent later needs a name by which whoever asked for it may know it again. */
static void name_job(gman_job* job) {
  if (job->unique.size > 0) return;
  unsigned char bytes[MADE_UNIQUE_BYTES / 2];
  if (!pg_strong_random(bytes, sizeof bytes))
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                    errmsg("could not make a unique for a job: no random numbers")));
  char* name = palloc(MADE_UNIQUE_BYTES + 1);
  for (size_t i = 0; i < sizeof bytes; i++) snprintf(name + 2 * i, 3, "%02x", bytes[i]);
  job->unique = (gman_bytes){.data = name, .size = MADE_UNIQUE_BYTES};
}

static text* unique_of(const gman_job* job) {
  return varlena_from_bytes(job->unique);
}

/* What gman.on_error says of a call that has just ended badly. False: the job is lost. */
static bool goes_to_outbox(gman_status status, const gman_job* job) {
  gman_client* client = client_get();
  if (!is_failure_of_the_way(status)) raise_failure(client, job);
  switch (settings_on_error()) {
    case ON_ERROR_ERROR: raise_failure(client, job);
    case ON_ERROR_WARNING: report_failure(WARNING, client, job); return false;
    case ON_ERROR_OUTBOX: return true;
  }
  pg_unreachable();
}

static text* send_now(const gman_job* job) {
  gman_status status = call_try_job(job);
  if (status == GMAN_OK) {
    count_sent(DELIVERY_IMMEDIATE, 1);
    return text_from_bytes(gman_result(client_get())->handle, "the handle of the job");
  }
  count_failed(DELIVERY_IMMEDIATE, 1);
  return goes_to_outbox(status, job) ? outbox_put(job) : NULL;
}

text* deliver_job(gman_job* job, Delivery delivery) {
  call_check(job);
  switch (settings_enabled()) {
    case ENABLED_ON: break;
    case ENABLED_OFF: return NULL;
    case ENABLED_RECORD:
      name_job(job);
      record_job(job, delivery);
      return unique_of(job);
  }
  switch (delivery) {
    case DELIVERY_IMMEDIATE: return send_now(job);
    case DELIVERY_COMMIT:
      name_job(job);
      call_check_in_batch(job);
      at_commit_add(job);
      return unique_of(job);
    case DELIVERY_OUTBOX: return outbox_put(job);
  }
  pg_unreachable();
}

/* A job of the batch with what is its own. */
static gman_job job_of_part(const JobBatch* batch, size_t number) {
  gman_job job = batch->common;
  job.unique = batch->parts[number].unique;
  job.workload = batch->parts[number].workload;
  return job;
}

/* Leaves in the batch what the server has not accepted, in its order. */
static void keep_unsent(JobBatch* batch) {
  size_t answered;
  const gman_job_outcome* outcomes = gman_job_outcomes(client_get(), &answered);
  size_t kept = 0;
  for (size_t i = 0; i < batch->count; i++) {
    if (i < answered && outcomes[i].handle.size > 0) continue;
    batch->parts[kept++] = batch->parts[i];
  }
  batch->count = kept;
}

/* The server has answered each job of a batch, and refused some. */
static void report_refusals(int level, const JobBatch* batch, size_t accepted) {
  gman_client* client = client_get();
  size_t answered;
  const gman_job_outcome* outcomes = gman_job_outcomes(client, &answered);
  size_t first = 0;
  while (first + 1 < answered && outcomes[first].refusal.size == 0) first++;
  ereport(level, (errcode(ERRCODE_SYSTEM_ERROR),
                  errmsg("%s refused %zu of %zu jobs of function \"%s\": %s",
                         gman_result(client)->server, batch->count - accepted, batch->count,
                         printable(batch->common.function), printable(outcomes[first].refusal))));
}

static bool refused_go_to_outbox(const JobBatch* batch, size_t accepted) {
  switch (settings_on_error()) {
    case ON_ERROR_ERROR: report_refusals(ERROR, batch, accepted); break;
    case ON_ERROR_WARNING: report_refusals(WARNING, batch, accepted); return false;
    case ON_ERROR_OUTBOX: return true;
  }
  pg_unreachable();
}

static void send_batch_now(JobBatch* batch) {
  size_t accepted;
  gman_status status = call_try_batch(batch, &accepted);
  count_sent(DELIVERY_IMMEDIATE, (int64)accepted);
  if (status == GMAN_OK && accepted == batch->count) return;
  count_failed(DELIVERY_IMMEDIATE, (int64)(batch->count - accepted));
  bool to_outbox = status == GMAN_OK ? refused_go_to_outbox(batch, accepted)
                                     : goes_to_outbox(status, &batch->common);
  if (!to_outbox) return;
  keep_unsent(batch);
  outbox_put_batch(batch);
}

void deliver_batch(JobBatch* batch, Delivery delivery) {
  Enabled enabled = settings_enabled();
  for (size_t i = 0; i < batch->count; i++) {
    gman_job job = job_of_part(batch, i);
    call_check_in_batch(&job);
    if (enabled == ENABLED_RECORD) record_job(&job, delivery);
  }
  if (enabled != ENABLED_ON) return;
  switch (delivery) {
    case DELIVERY_IMMEDIATE: return send_batch_now(batch);
    case DELIVERY_COMMIT:
      for (size_t i = 0; i < batch->count; i++) {
        gman_job job = job_of_part(batch, i);
        at_commit_add(&job);
      }
      return;
    case DELIVERY_OUTBOX: return outbox_soon_put(batch);
  }
}

const gman_result_data* deliver_foreground(const gman_job* job) {
  switch (settings_enabled()) {
    case ENABLED_ON: break;
    case ENABLED_OFF: call_check(job); return NULL;
    case ENABLED_RECORD:
      call_check(job);
      record_job(job, DELIVERY_IMMEDIATE);
      return NULL;
  }
  return call_job(job);
}
