// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/schedule.hpp"

#include <gtest/gtest.h>

#include <random>

namespace gman::engine {
namespace {

using namespace std::chrono;

constexpr std::optional<std::uint8_t> any = std::nullopt;

WallTime at(int y, unsigned m, unsigned d, int h, int min, int s = 0) {
  return sys_days{year{y} / month{m} / day{d}} + hours{h} + minutes{min} + seconds{s};
}

struct Row {
  const char* promise;
  Schedule schedule;  // minute, hour, day of month, month, day of week (0: Monday)
  WallTime from;
  std::optional<WallTime> match;
};

// 2026-11-22 is a Sunday.
TEST(schedule, next_match_is_the_first_minute_whose_fields_all_match) {
  const Row rows[] = {
      {"any minute, on the minute", {}, at(2026, 11, 22, 12, 30), at(2026, 11, 22, 12, 30)},
      {"any minute, within one", {}, at(2026, 11, 22, 12, 30, 1), at(2026, 11, 22, 12, 31)},
      {"any minute, at the year's end", {}, at(2026, 12, 31, 23, 59, 1), at(2027, 1, 1, 0, 0)},
      {"minute ahead", {45}, at(2026, 11, 22, 12, 30), at(2026, 11, 22, 12, 45)},
      {"minute behind", {15}, at(2026, 11, 22, 12, 30), at(2026, 11, 22, 13, 15)},
      {"last minute of the day", {59, 23}, at(2026, 11, 22, 23, 59, 1), at(2026, 11, 23, 23, 59)},
      {"hour alone starts at its first minute",
       {any, 7},
       at(2026, 11, 22, 12, 30),
       at(2026, 11, 23, 7, 0)},
      {"hour alone within the hour", {any, 12}, at(2026, 11, 22, 12, 30), at(2026, 11, 22, 12, 30)},
      {"daily", {0, 3}, at(2026, 11, 22, 3, 0, 1), at(2026, 11, 23, 3, 0)},
      {"Monday is 0", {0, 0, any, any, 0}, at(2026, 11, 22, 0, 0), at(2026, 11, 23, 0, 0)},
      {"Sunday is 6", {0, 0, any, any, 6}, at(2026, 11, 22, 0, 0), at(2026, 11, 22, 0, 0)},
      {"day of month", {0, 0, 1}, at(2026, 11, 22, 0, 0), at(2026, 12, 1, 0, 0)},
      {"31st skips short months", {0, 0, 31}, at(2026, 11, 22, 0, 0), at(2026, 12, 31, 0, 0)},
      {"month alone", {any, any, any, 2}, at(2026, 11, 22, 0, 0), at(2027, 2, 1, 0, 0)},
      {"month of this year", {0, 0, 25, 12}, at(2026, 11, 22, 0, 0), at(2026, 12, 25, 0, 0)},
      {"leap day", {0, 0, 29, 2}, at(2026, 11, 22, 0, 0), at(2028, 2, 29, 0, 0)},
      {"leap day around 2100", {0, 0, 29, 2}, at(2096, 3, 1, 0, 0), at(2104, 2, 29, 0, 0)},
      {"both days must match", {0, 0, 13, any, 4}, at(2026, 11, 22, 0, 0), at(2027, 8, 13, 0, 0)},
      {"a leap day on a Monday", {0, 0, 29, 2, 0}, at(2026, 11, 22, 0, 0), at(2044, 2, 29, 0, 0)},
      {"a leap day on a Monday around 2100",
       {0, 0, 29, 2, 0},
       at(2072, 3, 1, 0, 0),
       at(2112, 2, 29, 0, 0)},
      {"minute at its limit", {59}, at(2026, 11, 22, 0, 0), at(2026, 11, 22, 0, 59)},
      {"minute beyond", {60}, at(2026, 11, 22, 0, 0), std::nullopt},
      {"hour at its limit", {0, 23}, at(2026, 11, 22, 0, 0), at(2026, 11, 22, 23, 0)},
      {"hour beyond", {any, 24}, at(2026, 11, 22, 0, 0), std::nullopt},
      {"day 0", {any, any, 0}, at(2026, 11, 22, 0, 0), std::nullopt},
      {"day beyond", {any, any, 32}, at(2026, 11, 22, 0, 0), std::nullopt},
      {"month 0", {any, any, any, 0}, at(2026, 11, 22, 0, 0), std::nullopt},
      {"month beyond", {any, any, any, 13}, at(2026, 11, 22, 0, 0), std::nullopt},
      {"day of week beyond", {any, any, any, any, 7}, at(2026, 11, 22, 0, 0), std::nullopt},
      {"30 February", {any, any, 30, 2}, at(2026, 11, 22, 0, 0), std::nullopt},
      {"31 April", {any, any, 31, 4}, at(2026, 11, 22, 0, 0), std::nullopt},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(next_match(row.schedule, row.from), row.match) << row.promise;
  }
}

// Minute by minute, as nobody would do it in earnest.
std::optional<WallTime> naive_match(const Schedule& schedule, WallTime from, days horizon) {
  const auto allows = [](const auto& field, unsigned value) { return !field || *field == value; };
  for (auto t = ceil<minutes>(from); t < from + horizon; t += minutes{1}) {
    const auto date = floor<days>(t);
    const year_month_day fields{date};
    const hh_mm_ss clock{t - date};
    if (allows(schedule.minute, static_cast<unsigned>(clock.minutes().count())) &&
        allows(schedule.hour, static_cast<unsigned>(clock.hours().count())) &&
        allows(schedule.day_of_month, unsigned{fields.day()}) &&
        allows(schedule.month, unsigned{fields.month()}) &&
        allows(schedule.day_of_week, weekday{date}.iso_encoding() - 1)) {
      return WallTime{t};
    }
  }
  return std::nullopt;
}

TEST(schedule, agrees_with_trying_every_minute) {
  std::mt19937 random(20261122);
  const auto field = [&](unsigned least, unsigned most) -> std::optional<std::uint8_t> {
    if (random() % 2 == 0) return std::nullopt;
    return static_cast<std::uint8_t>(least + random() % (most - least + 1));
  };
  constexpr days horizon{40};
  for (int i = 0; i < 100; ++i) {
    const Schedule schedule{.minute = field(0, 59),
                            .hour = field(0, 23),
                            .day_of_month = field(1, 31),
                            .day_of_week = field(0, 6)};
    const WallTime from = at(2027, 12, 20, 0, 0) + seconds{random() % (90 * 86400)};
    const auto expected = naive_match(schedule, from, horizon);
    const auto match = next_match(schedule, from);
    if (expected) {
      EXPECT_EQ(match, expected);
    } else if (match) {
      EXPECT_GE(*match, from + horizon);
    }
  }
}

}  // namespace
}  // namespace gman::engine
