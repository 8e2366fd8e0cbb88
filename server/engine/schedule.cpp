// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/schedule.hpp"

#include <chrono>

namespace gman::engine {
namespace {

using namespace std::chrono;

bool allows(const std::optional<std::uint8_t>& field, unsigned value) {
  return !field || *field == value;
}

bool is_within(const std::optional<std::uint8_t>& field, unsigned least, unsigned most) {
  return !field || (*field >= least && *field <= most);
}

// Some year has the day: 29 February is one, 31 April is none.
bool can_match(const Schedule& schedule) {
  if (!is_within(schedule.minute, 0, 59) || !is_within(schedule.hour, 0, 23) ||
      !is_within(schedule.day_of_month, 1, 31) || !is_within(schedule.month, 1, 12) ||
      !is_within(schedule.day_of_week, 0, 6)) {
    return false;
  }
  if (!schedule.day_of_month || !schedule.month) return true;
  const year leap{2000};
  return (leap / month{*schedule.month} / day{*schedule.day_of_month}).ok();
}

bool matches(const Schedule& schedule, sys_days date) {
  const year_month_day fields{date};
  const unsigned from_monday = weekday{date}.iso_encoding() - 1;
  return allows(schedule.month, unsigned{fields.month()}) &&
         allows(schedule.day_of_month, unsigned{fields.day()}) &&
         allows(schedule.day_of_week, from_monday);
}

// Steps over whole months that do not match, so that a rare date costs few steps.
sys_days day_after(const Schedule& schedule, sys_days date) {
  const year_month_day fields{date};
  if (allows(schedule.month, unsigned{fields.month()})) return date + days{1};
  return sys_days{(fields.year() / fields.month() + months{1}) / day{1}};
}

std::optional<minutes> first_minute(const Schedule& schedule, minutes from) {
  for (minutes at = from; at < days{1}; at += minutes{1}) {
    const auto hour = static_cast<unsigned>(at / hours{1});
    const auto minute = static_cast<unsigned>(at % hours{1} / minutes{1});
    if (allows(schedule.hour, hour) && allows(schedule.minute, minute)) return at;
  }
  return std::nullopt;
}

}  // namespace

std::optional<WallTime> next_match(const Schedule& schedule, WallTime from) {
  if (!can_match(schedule)) return std::nullopt;
  const auto start = ceil<minutes>(from);
  sys_days date = floor<days>(start);
  minutes earliest = start - date;
  // Leap years and weekdays together repeat within 40 years, even around a century without leap.
  const sys_days end = date + ceil<days>(years{41});
  while (date < end) {
    if (matches(schedule, date)) {
      if (const auto at = first_minute(schedule, earliest)) return WallTime{date + *at};
    }
    date = day_after(schedule, date);
    earliest = minutes{0};
  }
  return std::nullopt;
}

}  // namespace gman::engine
