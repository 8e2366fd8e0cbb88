// SPDX-License-Identifier: BSD-3-Clause
// StoredJob: a job as a store is given it and gives it back, to be kept and compared in tests.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "server/engine/job_record.hpp"

namespace gman::store_test {

/// A record and its texts.
struct StoredJob {
  JobRecord record;
  std::string function = "resize", unique{}, reducer{}, workload{};

  [[nodiscard]] JobRecord whole() const {
    JobRecord all = record;
    all.function = function;
    all.unique = unique;
    all.reducer = reducer;
    all.workload = workload;
    return all;
  }
  static StoredJob of(const JobRecord& record) {
    StoredJob job{record, std::string(record.function), std::string(record.unique),
                  std::string(record.reducer), std::string(record.workload)};
    job.record.function = job.record.unique = job.record.reducer = job.record.workload = {};
    return job;
  }
  friend bool operator==(const StoredJob&, const StoredJob&) = default;
};

inline void PrintTo(const StoredJob& job, std::ostream* out) {
  const JobRecord& record = job.record;
  *out << "job " << record.number << " position " << record.position << " handle "
       << record.handle_number << " due "
       << (record.due_ms ? std::to_string(*record.due_ms) : "never") << " lost "
       << record.attempts_lost << " priority " << static_cast<int>(record.priority) << " function "
       << job.function << " unique " << job.unique << " reducer " << job.reducer << " and "
       << job.workload.size() << " bytes";
}

inline JobNumber numbered(std::uint64_t index, std::uint32_t start = 1) {
  return (std::uint64_t{start} << job_number_start_shift) + index;
}

inline StoredJob simple_job(JobNumber number) {
  return {.record = {.number = number,
                     .position = number,
                     .handle_number = number & 0xFFFF,
                     .priority = Priority::normal},
          .workload = "workload of " + std::to_string(number)};
}

}  // namespace gman::store_test
