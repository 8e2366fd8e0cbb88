// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/requeues.hpp"

#include <algorithm>

namespace gman {

std::vector<JobRequeued> last_requeues(std::span<const JobRequeued> requeued) {
  std::vector<JobRequeued> jobs(requeued.rbegin(), requeued.rend());
  std::ranges::stable_sort(jobs, {}, &JobRequeued::number);
  const auto doubled = std::ranges::unique(jobs, {}, &JobRequeued::number);
  jobs.erase(doubled.begin(), doubled.end());
  return jobs;
}

}  // namespace gman
