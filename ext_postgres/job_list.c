/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Jobs that belong to a transaction. Each is tagged with the subtransaction that asked for it, so
 * that a ROLLBACK TO SAVEPOINT, or an EXCEPTION block that catches something, takes back its own
 * jobs and no others.
 *
 * Subtransactions nest, and what one of them asked for stands behind all that its parent did
 * before: what it hands over or drops is at the list's end, and only that is looked at.
 */
#include "ext_postgres/glue.h"

#include <utils/memutils.h>

/* The bytes that are copied behind the struct, and where they are then. */
static gman_bytes copy_bytes(char** to, gman_bytes bytes) {
  gman_bytes copy = {.data = *to, .size = bytes.size};
  if (bytes.size > 0) memcpy(*to, bytes.data, bytes.size);
  *to += bytes.size;
  return copy;
}

void job_list_add(JobList* list, const gman_job* job, Delivery delivery, SubTransactionId owner) {
  Size bytes = job->function.size + job->unique.size + job->workload.size;
  HeldJob* held = MemoryContextAlloc(list->context, sizeof(HeldJob) + bytes);
  char* to = (char*)(held + 1);
  held->subtransaction = owner;
  held->delivery = delivery;
  held->job = *job;
  held->job.function = copy_bytes(&to, job->function);
  held->job.unique = copy_bytes(&to, job->unique);
  held->job.workload = copy_bytes(&to, job->workload);
  dlist_push_tail(&list->jobs, &held->node);
  list->count++;
}

void job_list_hand_over(JobList* list, SubTransactionId from, SubTransactionId to) {
  if (list->count == 0) return;
  dlist_iter at;
  dlist_reverse_foreach(at, &list->jobs) {
    HeldJob* held = dlist_container(HeldJob, node, at.cur);
    if (held->subtransaction == InvalidSubTransactionId) continue;
    if (held->subtransaction != from) return;
    held->subtransaction = to;
  }
}

int64 job_list_drop(JobList* list, SubTransactionId owner) {
  int64 dropped = 0;
  dlist_node* node = list->count == 0 ? NULL : dlist_tail_node(&list->jobs);
  while (node != NULL) {
    HeldJob* held = dlist_container(HeldJob, node, node);
    node = dlist_has_prev(&list->jobs, node) ? dlist_prev_node(&list->jobs, node) : NULL;
    if (held->subtransaction == InvalidSubTransactionId) continue;
    if (held->subtransaction != owner) break;
    dlist_delete(&held->node);
    pfree(held);
    list->count--;
    dropped++;
  }
  return dropped;
}

void job_list_clear(JobList* list) {
  if (list->context != NULL) MemoryContextReset(list->context);
  dlist_init(&list->jobs);
  list->count = 0;
}
