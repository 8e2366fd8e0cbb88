// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/when.hpp"

#include <gman/gman.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>

#include "client/fsm/text.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

bool is_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::int64_t> milliseconds_of(std::string_view seconds) {
  const auto point = std::min(seconds.find('.'), seconds.size());
  const std::string_view whole = seconds.substr(0, point);
  const std::string_view fraction = seconds.substr(std::min(point + 1, seconds.size()));
  if (whole.empty() || !is_digits(whole) || !is_digits(fraction)) return std::nullopt;
  std::int64_t count = 0;
  const auto [end, failure] = std::from_chars(whole.data(), whole.data() + whole.size(), count);
  if (failure != std::errc() || count > GMAN_RUN_AT_MS_MAX / 1000) return std::nullopt;
  count *= 1000;
  std::int64_t unit = 100;
  for (const char digit : fraction.substr(0, 3)) {
    count += unit * (digit - '0');
    unit /= 10;
  }
  const std::string_view finer = fraction.substr(std::min<std::size_t>(3, fraction.size()));
  if (std::ranges::any_of(finer, [](char c) { return c != '0'; })) ++count;
  return count;
}

std::int64_t checked(const char* what, std::string_view seconds, std::int64_t since_ms) {
  const auto count = milliseconds_of(seconds);
  if (!count || *count + since_ms > GMAN_RUN_AT_MS_MAX) {
    constexpr std::size_t quoted_bytes_max = 40;
    throw SqlError(std::string(what) + " is no number of seconds before the year 10000: '" +
                   printable(seconds, quoted_bytes_max) + "'; pass UNIX_TIMESTAMP(…) for a date");
  }
  return std::max<std::int64_t>(*count + since_ms, 1);
}

}  // namespace

std::int64_t epoch_ms(const char* what, std::string_view seconds) {
  return checked(what, seconds, 0);
}

std::int64_t epoch_ms_after(const char* what, std::string_view seconds) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return checked(what, seconds, std::chrono::ceil<std::chrono::milliseconds>(now).count());
}

}  // namespace gman::udf
