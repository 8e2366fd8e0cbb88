// SPDX-License-Identifier: BSD-3-Clause
// What the key-value stores write is read back the same, or not at all.
#include "server/store/job_value.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace gman {
namespace {

JobRecord full_record() {
  return {.number = 0xFEDC'BA98'7654'3210,
          .position = ~std::uint64_t{0},
          .handle_number = 12'345,
          .due_ms = INT64_MIN,
          .attempts_lost = ~std::uint32_t{0},
          .priority = Priority::low,
          .function = "resize",
          .unique = "a\nb",
          .reducer = "collect",
          .workload = "7 bytes"};
}

TEST(job_value, is_read_back_as_it_was) {
  for (const std::optional<std::int64_t> due :
       {std::optional<std::int64_t>(), std::optional<std::int64_t>(0),
        std::optional<std::int64_t>(-1), std::optional<std::int64_t>(INT64_MAX),
        std::optional<std::int64_t>(INT64_MIN)}) {
    JobRecord record = full_record();
    record.due_ms = due;
    const std::string value = job_value(record);
    JobRecord read{.number = record.number};
    EXPECT_EQ(read_job_value(value, read), nullptr);
    EXPECT_EQ(read, record);
  }
}

TEST(job_value, takes_another_head_in_place_of_its_own) {
  JobRecord record = full_record();
  std::string value = job_value(record);
  const std::string head = job_value_head({.number = 1, .position = 8, .attempts_lost = 2});
  ASSERT_EQ(head.size(), job_value_head_bytes);
  value.replace(0, head.size(), head);
  JobRecord read{.number = record.number};
  EXPECT_EQ(read_job_value(value, read), nullptr);
  record.position = 8;
  record.attempts_lost = 2;
  record.due_ms = std::nullopt;
  EXPECT_EQ(read, record);
}

TEST(job_value, is_not_read_when_bytes_are_missing_or_too_many) {
  const std::string value = job_value(full_record());
  JobRecord read{.number = full_record().number};
  for (std::size_t bytes = 0; bytes < value.size(); ++bytes) {
    EXPECT_NE(read_job_value(std::string_view(value).substr(0, bytes), read), nullptr) << bytes;
  }
  EXPECT_NE(read_job_value(value + " ", read), nullptr);
}

TEST(job_value, is_not_read_when_a_byte_behind_its_head_has_changed) {
  const std::string value = job_value(full_record());
  for (std::size_t at = job_value_head_bytes; at < value.size(); ++at) {
    std::string changed = value;
    changed[at] ^= 1;
    JobRecord read{.number = full_record().number};
    EXPECT_NE(read_job_value(changed, read), nullptr) << at;
  }
}

TEST(job_value, is_not_read_as_another_job) {
  JobRecord read{.number = full_record().number + 1};
  EXPECT_NE(read_job_value(job_value(full_record()), read), nullptr);
}

TEST(job_key, is_in_the_order_of_the_numbers) {
  std::string last;
  for (const JobNumber number :
       {std::uint64_t{0}, std::uint64_t{9}, std::uint64_t{10}, std::uint64_t{255},
        std::uint64_t{256}, std::uint64_t{1} << 40, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    const std::string key = job_key(number);
    EXPECT_LT(last, key);
    EXPECT_EQ(job_number_of(key), number);
    last = key;
  }
  for (const char* key : {"", "1", "000001000000000", "00000100000000000", "000001000000000g",
                          "+000010000000000", "-000010000000000", "0x00010000000000"}) {
    EXPECT_EQ(job_number_of(key), std::nullopt) << key;
  }
}

}  // namespace
}  // namespace gman
