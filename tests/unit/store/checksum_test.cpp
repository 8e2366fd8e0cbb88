// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/checksum.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace gman {
namespace {

JobRecord job() {
  return {.number = (std::uint64_t{3} << job_number_start_shift) + 7,
          .position = 8,
          .handle_number = 9,
          .priority = Priority::normal,
          .function = "resize",
          .unique = "cat",
          .reducer = "sum",
          .workload = "a cat"};
}

TEST(checksum, is_what_stores_of_this_version_hold) {
  EXPECT_EQ(checksum_of(job()), 0x131C29FE1E5AE146ULL);
}

TEST(checksum, is_another_one_when_anything_changes_that_must_not) {
  const std::string at_seam = "resizec";
  std::set<std::uint64_t> sums{checksum_of(job())};
  JobRecord other = job();
  other.number += 1;
  sums.insert(checksum_of(other));
  other = job();
  other.handle_number += 1;
  sums.insert(checksum_of(other));
  other = job();
  other.priority = Priority::low;
  sums.insert(checksum_of(other));
  for (auto text :
       {&JobRecord::function, &JobRecord::unique, &JobRecord::reducer, &JobRecord::workload}) {
    other = job();
    other.*text = "other";
    sums.insert(checksum_of(other));
    other.*text = "";
    sums.insert(checksum_of(other));
  }
  other = job();
  other.function = at_seam;
  other.unique = "at";
  sums.insert(checksum_of(other));
  EXPECT_EQ(sums.size(), 13u);
}

TEST(checksum, leaves_out_what_changes_while_a_job_waits) {
  JobRecord later = job();
  later.position = 99;
  later.due_ms = 5;
  later.attempts_lost = 2;
  EXPECT_EQ(checksum_of(later), checksum_of(job()));
}

TEST(checksum, notices_each_flipped_bit_of_a_workload) {
  std::string workload(300, 'w');
  JobRecord record = job();
  record.workload = workload;
  const std::uint64_t sum = checksum_of(record);
  for (std::size_t bit = 0; bit < workload.size() * 8; ++bit) {
    workload[bit / 8] = static_cast<char>(workload[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(checksum_of(record), sum) << "bit " << bit;
    workload[bit / 8] = static_cast<char>(workload[bit / 8] ^ (1 << bit % 8));
  }
}

}  // namespace
}  // namespace gman
