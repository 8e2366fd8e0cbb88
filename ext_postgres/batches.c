/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The jobs of a list as batches, which one packet or one INSERT can take: those that differ in
 * unique and workload alone stand together, each function's in their order.
 */
#include "ext_postgres/glue.h"

#include <utils/memutils.h>

static int compare_bytes(gman_bytes left, gman_bytes right) {
  if (left.size != right.size) return left.size < right.size ? -1 : 1;
  return left.size == 0 ? 0 : memcmp(left.data, right.data, left.size);
}

/* Whether one packet can hold both, and an order that brings such jobs together. */
static int compare_common(const gman_job* left, const gman_job* right) {
  int order = compare_bytes(left->function, right->function);
  if (order == 0) order = left->priority - right->priority;
  if (order == 0) order = left->unique_mode - right->unique_mode;
  if (order == 0)
    order = (left->run_at_ms > right->run_at_ms) - (left->run_at_ms < right->run_at_ms);
  return order;
}

/* A job and its place among all, which equal ones keep. */
typedef struct Placed {
  const gman_job* job;
  int64 place;
} Placed;

static int compare_placed(const void* left, const void* right) {
  const Placed* one = left;
  const Placed* other = right;
  int order = compare_common(one->job, other->job);
  return order != 0 ? order : (one->place > other->place) - (one->place < other->place);
}

static Placed* sorted_jobs(JobList* list) {
  Placed* jobs = MemoryContextAllocExtended(list->context, (Size)list->count * sizeof(Placed),
                                            MCXT_ALLOC_HUGE);
  int64 place = 0;
  dlist_iter at;
  dlist_foreach(at, &list->jobs) {
    jobs[place].job = &dlist_container(HeldJob, node, at.cur)->job;
    jobs[place].place = place;
    place++;
  }
  qsort(jobs, (size_t)list->count, sizeof(Placed), compare_placed);
  return jobs;
}

/* Whether the next job must begin another batch. */
static bool is_full(const JobBatch* batch, const gman_job* next, Size bytes) {
  return batch->count == GMAN_JOBS_MAX || compare_common(&batch->common, next) != 0 ||
         bytes + next->unique.size + next->workload.size > GMAN_WORKLOAD_BYTES_MAX;
}

JobBatch* job_list_batches(JobList* list, size_t* batch_count) {
  Placed* jobs = sorted_jobs(list);
  Size count = (Size)list->count;
  gman_job_part* parts =
      MemoryContextAllocExtended(list->context, count * sizeof(gman_job_part), MCXT_ALLOC_HUGE);
  JobBatch* batches =
      MemoryContextAllocExtended(list->context, count * sizeof(JobBatch), MCXT_ALLOC_HUGE);
  size_t made = 0;
  Size bytes = 0;
  for (Size i = 0; i < count; i++) {
    const gman_job* job = jobs[i].job;
    if (made == 0 || is_full(&batches[made - 1], job, bytes)) {
      JobBatch* batch = &batches[made++];
      batch->common = *job;
      batch->common.unique = batch->common.workload = (gman_bytes){.data = NULL, .size = 0};
      batch->parts = &parts[i];
      batch->count = 0;
      bytes = 0;
    }
    JobBatch* batch = &batches[made - 1];
    batch->parts[batch->count++] =
        (gman_job_part){.unique = job->unique, .workload = job->workload};
    bytes += job->unique.size + job->workload.size;
  }
  *batch_count = made;
  return batches;
}
