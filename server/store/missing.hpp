// SPDX-License-Identifier: BSD-3-Clause
// Jobs that a store was asked for and has said nothing of.
#pragma once

#include <span>
#include <vector>

#include "server/engine/job_record.hpp"

namespace gman {

/// What Store::fetch() says of a job that is not there.
inline constexpr const char* not_there = "it is not in the store: somebody else has removed it";

/// In the order in which they were asked for.
[[nodiscard]] std::vector<JobNumber> missing_of(std::span<const JobNumber> asked_for,
                                                std::vector<JobNumber> told_of);

}  // namespace gman
