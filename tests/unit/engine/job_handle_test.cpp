// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/job_handle.hpp"

#include <gtest/gtest.h>

namespace gman::engine {
namespace {

std::string text_of(const JobHandles& handles, JobRef job) {
  return std::string(std::string_view(handles.format(job)));
}

TEST(job_handle, counts_from_one_on_a_fresh_server) {
  const JobHandles handles("H:host");
  EXPECT_EQ(text_of(handles, {0, 1}), "H:host:1");
  EXPECT_EQ(text_of(handles, {1, 1}), "H:host:2");
  EXPECT_EQ(text_of(handles, {0, 3}), "H:host:4294967297");
}

TEST(job_handle, names_every_slot_and_generation) {
  const JobHandles handles("H");
  for (const std::uint32_t slot : {0U, 1U, 2047U, 2048U, nil - 2, nil - 1}) {
    for (const std::uint32_t generation : {1U, 3U, 0x7fffffffU, nil - 2, nil}) {
      const JobRef job{slot, generation};
      EXPECT_EQ(handles.parse(text_of(handles, job)), job);
    }
  }
}

TEST(job_handle, fits_its_limit_with_the_longest_prefix) {
  const JobHandles handles(std::string(JobHandles::prefix_bytes_max, 'p'));
  EXPECT_LE(text_of(handles, {nil - 1, nil}).size(), handle_bytes_max);
}

TEST(job_handle, is_written_in_one_way_only) {
  const JobHandles handles("H");
  for (const char* text :
       {"", "H", "H:", "H:0", "H:01", "H:+1", "H:-1", "H: 1", "H:1 ", "H:1x", "h:1", "G:1", "HH:1",
        "H:4294967296", "H:18446744073709551616", "H:18446744073709551615", "1"}) {
    const auto job = handles.parse(text);
    if (job) {
      EXPECT_EQ(text_of(handles, *job), text);
    }
  }
  EXPECT_FALSE(handles.parse("H:0"));
  EXPECT_FALSE(handles.parse("H:01"));
  EXPECT_FALSE(handles.parse("H:4294967296")) << "slot 0 counted from 1 is none";
  EXPECT_FALSE(handles.parse("H:"));
  EXPECT_TRUE(handles.parse("H:1"));
}

}  // namespace
}  // namespace gman::engine
