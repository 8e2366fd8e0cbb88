// SPDX-License-Identifier: BSD-3-Clause
#include "base/log.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace gman {
namespace {

TEST(log, writes_one_text_line_and_quotes_only_what_needs_it) {
  EXPECT_EQ(format_log_line(LogFormat::text, LogLevel::warn, "T", "connection closed",
                            {{"conn", 7}, {"reason", "slow_consumer"}, {"client", "two words"}}),
            "T warn connection closed conn=7 reason=slow_consumer client=\"two words\"");
}

TEST(log, writes_one_json_object_and_escapes_control_characters) {
  EXPECT_EQ(
      format_log_line(LogFormat::json, LogLevel::info, "T", "line",
                      {{"name", "a\"b\n"}, {"rate", 0.5}, {"last", true}}),
      R"({"time":"T","level":"info","message":"line","name":"a\"b\u000a","rate":0.5,"last":true})");
}

TEST(log, never_lets_a_value_start_a_second_line) {
  const std::string line =
      format_log_line(LogFormat::text, LogLevel::info, "T", "m", {{"name", "x\ny"}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(log, keeps_silent_below_its_level) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const Log log(ends[1], LogLevel::warn);
  log.info("not this");
  log.error("this");
  close(ends[1]);
  std::array<char, 256> text{};
  const auto bytes = read(ends[0], text.data(), text.size());
  close(ends[0]);
  ASSERT_GT(bytes, 0);
  const std::string line(text.data(), static_cast<std::size_t>(bytes));
  EXPECT_EQ(line.find("not this"), std::string::npos);
  EXPECT_NE(line.find("error this\n"), std::string::npos);
}

}  // namespace
}  // namespace gman
