// SPDX-License-Identifier: BSD-3-Clause
// The checksum that every stored job carries: of all that never changes in it.
//
// XXH3 (64 bits) over number, handle number, priority and the lengths of the four texts, each as 8
// bytes, little end first; its result is the seed of the next one, over the function, and so on
// through unique, reducer and workload. What is stored depends on it: change it only together
// with the schema's version.
#pragma once

#include <cstdint>

#include "server/engine/job_record.hpp"

namespace gman {

[[nodiscard]] std::uint64_t checksum_of(const JobRecord& record);

}  // namespace gman
