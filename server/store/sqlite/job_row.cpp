// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/job_row.hpp"

#include <limits>
#include <optional>

#include "server/store/checksum.hpp"

namespace gman::sqlite {

const char* read_job(Statement& row, JobRecord& job) {
  const std::int64_t attempts_lost = row.integer(4);
  const std::int64_t priority = row.integer(5);
  job.number = number_of(row.integer(0));
  job.position = number_of(row.integer(1));
  job.handle_number = number_of(row.integer(2));
  const int due_type = row.type(3);
  job.due_ms = due_type == SQLITE_NULL ? std::nullopt : std::optional(row.integer(3));
  if (attempts_lost < 0 || attempts_lost > std::numeric_limits<std::uint32_t>::max() ||
      priority < 0 || priority >= std::int64_t{priority_count} ||
      (due_type != SQLITE_NULL && due_type != SQLITE_INTEGER)) {
    return "a field has a value that none can have";
  }
  job.attempts_lost = static_cast<std::uint32_t>(attempts_lost);
  job.priority = static_cast<Priority>(priority);
  job.function = row.bytes(7);
  job.unique = row.bytes(8);
  job.reducer = row.bytes(9);
  job.workload = row.bytes(10);
  if (checksum_of(job) != number_of(row.integer(6))) return "its checksum does not match";
  return nullptr;
}

void bind_lost_job(Statement& insert, const JobRecord& job, std::string_view why) {
  insert.bind_text(1, why);
  insert.bind(2, stored(job.number));
  insert.bind(3, stored(job.position));
  insert.bind(4, stored(job.handle_number));
  insert.bind(5, job.due_ms);
  insert.bind(6, std::int64_t{job.attempts_lost});
  insert.bind(7, static_cast<std::int64_t>(job.priority));
  insert.bind_text(8, job.function);
  insert.bind_text(9, job.unique);
  insert.bind_text(10, job.reducer);
}

void bind_job(Statement& insert, const JobRecord& job) {
  insert.bind(1, stored(job.number));
  insert.bind(2, stored(job.position));
  insert.bind(3, stored(job.handle_number));
  insert.bind(4, job.due_ms);
  insert.bind(5, std::int64_t{job.attempts_lost});
  insert.bind(6, static_cast<std::int64_t>(job.priority));
  insert.bind(7, stored(checksum_of(job)));
  insert.bind_text(8, job.function);
  insert.bind_text(9, job.unique);
  insert.bind_text(10, job.reducer);
  insert.bind_blob(11, job.workload);
}

}  // namespace gman::sqlite
