// SPDX-License-Identifier: BSD-3-Clause
// A job as a row, and a row as a job.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <utility>

#include "server/store/sqlite/database.hpp"

namespace gman::sqlite {

// Job numbers use all 64 bits and SQLite's integers have a sign: the upper half of the numbers
// comes out as negative ones, in order among themselves.
inline std::int64_t stored(std::uint64_t number) {
  return std::bit_cast<std::int64_t>(number);
}
inline std::uint64_t number_of(std::int64_t stored) {
  return std::bit_cast<std::uint64_t>(stored);
}

/// A job's fields, in the order that the two functions below expect.
#define GMAN_JOB_COLUMNS                                                         \
  "number, position, handle_number, due_ms, attempts_lost, priority, checksum, " \
  "function_name, unique_key, reducer, workload"

/// Those between two numbers.
inline constexpr const char* select_jobs =
    "SELECT " GMAN_JOB_COLUMNS " FROM job WHERE number BETWEEN ?1 AND ?2 ORDER BY number";
inline constexpr const char* select_job = "SELECT " GMAN_JOB_COLUMNS " FROM job WHERE number = ?1";
inline constexpr const char* insert_job =
    "INSERT OR IGNORE INTO job (" GMAN_JOB_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// A job whose workload is lost, into what is set aside.
inline constexpr const char* insert_lost_job =
    "INSERT INTO set_aside (reason, number, position, handle_number, due_ms, attempts_lost,"
    " priority, function_name, unique_key, reducer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
inline constexpr const char* select_starts =
    "SELECT number, handle_prefix FROM start ORDER BY number";
inline constexpr const char* insert_start =
    "INSERT INTO start (number, handle_prefix) VALUES (?, ?)";

/// What there is to be said against it; nullptr: nothing. The texts live until the next step.
[[nodiscard]] const char* read_job(Statement& row, JobRecord& job);
/// All of select_jobs, in the order of numbers: `take` gets each, `damaged` the number of what is
/// no job, and why. SQLITE_DONE, or the error that ended it; then it has to be reset.
template <typename Take, typename Damaged>
int for_each_job(Statement& select, Take&& take, Damaged&& damaged) {
  using Limits = std::numeric_limits<std::int64_t>;
  constexpr std::array<std::pair<std::int64_t, std::int64_t>, 2> halves{{
      {0, Limits::max()},
      {Limits::min(), -1},
  }};
  for (const auto& [first, last] : halves) {
    select.bind(1, first);
    select.bind(2, last);
    int code = SQLITE_ROW;
    while ((code = select.step()) == SQLITE_ROW) {
      JobRecord record;
      if (const char* why = read_job(select, record)) {
        damaged(record.number, why);
      } else {
        take(record);
      }
    }
    if (code != SQLITE_DONE) return code;
    select.reset();
  }
  return SQLITE_DONE;
}

/// The texts must live until the insert is reset.
void bind_job(Statement& insert, const JobRecord& job);
void bind_lost_job(Statement& insert, const JobRecord& job, std::string_view why);

}  // namespace gman::sqlite
