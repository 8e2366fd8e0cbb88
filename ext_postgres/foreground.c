/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Many foreground jobs of one function, for gman_do_many() and the aggregates: run by as many
 * workers as are free, and an outcome for each in the order of the jobs.
 *
 * What is more than one call of the library takes goes in portions, under one deadline. When no job
 * of the first could be sent it is an error, as for gman_do(); from the second on, what befalls a
 * portion is the outcome of its jobs, since there are results by then.
 */
#include "ext_postgres/glue.h"

static gman_job job_of_part(const gman_job* common, const gman_job_part* part) {
  gman_job job = *common;
  job.unique = part->unique;
  job.workload = part->workload;
  return job;
}

typedef struct Place {
  size_t number, count;
} Place;

static void tell_place(void* argument) {
  const Place* place = argument;
  errcontext("job %zu of %zu", place->number, place->count);
}

/* One that no server would take is an error before anything is sent. Without sending, gman.enabled
   has it so, each is recorded. */
static void check_jobs(const gman_job* common, const gman_job_part* parts, size_t count) {
  bool sends = settings_enabled() == ENABLED_ON;
  Place place = {.count = count};
  ErrorContextCallback context = {
      .previous = error_context_stack, .callback = tell_place, .arg = &place};
  error_context_stack = &context;
  for (place.number = 1; place.number <= count; place.number++) {
    gman_job job = job_of_part(common, &parts[place.number - 1]);
    if (sends)
      call_check(&job);
    else
      deliver_foreground(&job);
  }
  error_context_stack = context.previous;
}

/* As many jobs, from the first on, as one call may have. */
static size_t count_of_call(const gman_job_part* parts, size_t left) {
  Size bytes = 0;
  size_t count = 0;
  while (count < left && count < GMAN_FOREGROUND_JOBS_MAX) {
    bytes += parts[count].unique.size + parts[count].workload.size;
    if (count > 0 && bytes > GMAN_WORKLOAD_BYTES_MAX) break;
    count++;
  }
  return count;
}

/* Whether there is an outcome that says more than that nothing was sent. */
static bool has_outcomes(gman_status status, const gman_job_outcome* outcomes, size_t count) {
  if (status == GMAN_OK) return true;
  for (size_t i = 0; i < count; i++) {
    if (outcomes[i].sent || outcomes[i].status == GMAN_OK) return true;
  }
  return false;
}

static void run_portion(const JobBatch* batch, size_t first, TakeOutcome take, void* taker) {
  gman_status status = call_try_foreground(batch);
  gman_client* client = client_get();
  size_t count;
  const gman_job_outcome* outcomes = gman_job_outcomes(client, &count);
  if (first == 0 && !has_outcomes(status, outcomes, count)) raise_failure(client, &batch->common);
  const gman_error_data* error = gman_error_get(client);
  gman_job_outcome none = {.status = status, .message = error->message, .hint = error->hint};
  for (size_t i = 0; i < batch->count; i++)
    take(taker, first + i, i < count ? &outcomes[i] : &none);
}

bool foreground_run(const gman_job* common, gman_job_part* parts, size_t count, TakeOutcome take,
                    void* taker) {
  static const gman_job_outcome too_late = {
      .status = GMAN_DEADLINE, .message = "not sent: the deadline of the call passed", .hint = ""};
  check_jobs(common, parts, count);
  if (settings_enabled() != ENABLED_ON) return false;
  Countdown countdown = countdown_start(call_deadline_ms(common));
  JobBatch batch = {.common = *common};
  for (size_t done = 0; done < count; done += batch.count) {
    batch.parts = parts + done;
    batch.count = count_of_call(batch.parts, count - done);
    if (done > 0 && countdown_is_over(&countdown)) {
      for (size_t i = 0; i < batch.count; i++) take(taker, done + i, &too_late);
    } else {
      batch.common.deadline_ms = countdown_left_ms(&countdown);
      run_portion(&batch, done, take, taker);
    }
  }
  return true;
}
