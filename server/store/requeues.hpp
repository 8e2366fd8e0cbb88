// SPDX-License-Identifier: BSD-3-Clause
// What the stores of several SQL databases do alike with changes, before they write them.
#pragma once

#include <span>
#include <vector>

#include "server/engine/job_record.hpp"

namespace gman {

/// The last requeue of each job, in the order of numbers: one statement can make them all, which
/// would otherwise meet the same row twice.
[[nodiscard]] std::vector<JobRequeued> last_requeues(std::span<const JobRequeued> requeued);

}  // namespace gman
