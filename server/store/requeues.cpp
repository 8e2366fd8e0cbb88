// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/requeues.hpp"

#include <algorithm>

namespace gman {

std::vector<JobRequeued> last_requeues(std::span<const JobRequeued> requeued) {
  std::vector<JobRequeued> jobs(requeued.rbegin(), requeued.rend());
  std::ranges::stable_sort(jobs, {}, &JobRequeued::number);
  const auto is_same = [](const JobRequeued& a, const JobRequeued& b) {
    return a.number == b.number;
  };
  jobs.erase(std::unique(jobs.begin(), jobs.end(), is_same), jobs.end());
  return jobs;
}

}  // namespace gman
