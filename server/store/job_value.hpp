// SPDX-License-Identifier: BSD-3-Clause
// A job as one value of a key-value store. A person can read it where its texts are text:
//
//   01099511627783 0 - 7 1 8f3a51c2… 6 7 0 5          (the first three are padded: see below)
//   resize
//   cat.png
//
//   a cat
//
// The first line: position, attempts lost, when it is due (ms since 1970, or dashes), handle
// number, priority (0 is high), the checksum of checksum.hpp in hexadecimal digits, and how many
// bytes function, unique, reducer and workload have, which follow, one a line. What changes when
// the job is queued again is its beginning, job_value_head_bytes long whatever the numbers are, so
// that a store can write it over the old one without touching the workload.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "server/engine/job_record.hpp"

namespace gman {

inline constexpr std::size_t job_value_head_bytes = 52;

[[nodiscard]] std::string job_value(const JobRecord& record);
/// The beginning of the value of a job that is queued again.
[[nodiscard]] std::string job_value_head(const JobRequeued& job);
/// All but the number, which is the key's and is to be set before: the checksum has it. What there
/// is to be said against the value; nullptr: nothing. The texts are those of `value`.
[[nodiscard]] const char* read_job_value(std::string_view value, JobRecord& record);

/// 16 hexadecimal digits, whose order as texts is that of the numbers. The first six are the start.
[[nodiscard]] std::string job_key(JobNumber number);
[[nodiscard]] std::optional<JobNumber> job_number_of(std::string_view key);

}  // namespace gman
