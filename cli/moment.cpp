// SPDX-License-Identifier: BSD-3-Clause
#include "cli/moment.hpp"

#include <cctype>
#include <cstdint>
#include <ctime>

#include "protocol/limits.hpp"

namespace gman::cli {
namespace {

using std::chrono::milliseconds;

/// Takes a text apart from its front; every step says whether it went well.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool is_at_end() const { return rest_.empty(); }

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Exactly `digits` of them, as a number from `least` to `most`.
  bool take_number(std::size_t digits, int least, int most, int& number) {
    if (rest_.size() < digits) return false;
    number = 0;
    for (const char c : rest_.substr(0, digits)) {
      if (!is_digit(c)) return false;
      number = number * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return number >= least && number <= most;
  }
  /// A point and one to three digits, if there is a point.
  bool take_fraction(int& ms) {
    ms = 0;
    if (!take('.')) return true;
    int scale = 100;
    std::size_t digits = 0;
    for (; digits < 3 && digits < rest_.size() && is_digit(rest_[digits]); ++digits) {
      ms += (rest_[digits] - '0') * scale;
      scale /= 10;
    }
    rest_.remove_prefix(digits);
    return digits > 0;
  }
  bool take_seconds(std::int64_t& seconds) {
    constexpr std::size_t digits_max = 12;  // the year 9999 has them
    seconds = 0;
    std::size_t digits = 0;
    for (; digits < digits_max && digits < rest_.size() && is_digit(rest_[digits]); ++digits) {
      seconds = seconds * 10 + (rest_[digits] - '0');
    }
    rest_.remove_prefix(digits);
    return digits > 0;
  }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  std::string_view rest_;
};

std::optional<JobTime> within_limits(milliseconds since_1970) {
  if (since_1970.count() < 0 || since_1970.count() > run_at_ms_max) return std::nullopt;
  return JobTime(since_1970);
}

std::optional<JobTime> parse_seconds(Reader reader) {
  std::int64_t seconds = 0;
  int ms = 0;
  const bool is_whole =
      reader.take('@') && reader.take_seconds(seconds) && reader.take_fraction(ms);
  if (!is_whole || !reader.is_at_end()) return std::nullopt;
  return within_limits(milliseconds(seconds * 1000 + ms));
}

// Minutes east of Greenwich; nullopt in `offset`: local time.
bool take_zone(Reader& reader, std::optional<int>& offset) {
  if (reader.is_at_end()) return true;
  if (reader.take('Z')) {
    offset = 0;
    return true;
  }
  const bool is_west = reader.take('-');
  int hours = 0;
  int minutes = 0;
  if (!is_west && !reader.take('+')) return false;
  if (!reader.take_number(2, 0, 23, hours) || !reader.take(':') ||
      !reader.take_number(2, 0, 59, minutes)) {
    return false;
  }
  offset = (is_west ? -1 : 1) * (hours * 60 + minutes);
  return true;
}

std::optional<JobTime> parse_date(Reader reader) {
  std::tm fields{};
  int ms = 0;
  std::optional<int> offset;
  const bool is_begun = reader.take_number(4, 1970, 9999, fields.tm_year) && reader.take('-') &&
                        reader.take_number(2, 1, 12, fields.tm_mon) && reader.take('-') &&
                        reader.take_number(2, 1, 31, fields.tm_mday) &&
                        (reader.take('T') || reader.take(' ')) &&
                        reader.take_number(2, 0, 23, fields.tm_hour) && reader.take(':') &&
                        reader.take_number(2, 0, 59, fields.tm_min);
  if (!is_begun) return std::nullopt;
  const bool has_seconds = reader.take(':');
  if (has_seconds && !(reader.take_number(2, 0, 59, fields.tm_sec) && reader.take_fraction(ms))) {
    return std::nullopt;
  }
  if (!take_zone(reader, offset) || !reader.is_at_end()) return std::nullopt;

  const std::chrono::year_month_day date{std::chrono::year(fields.tm_year),
                                         std::chrono::month(static_cast<unsigned>(fields.tm_mon)),
                                         std::chrono::day(static_cast<unsigned>(fields.tm_mday))};
  if (!date.ok()) return std::nullopt;  // 31 April
  fields.tm_year -= 1900;
  fields.tm_mon -= 1;
  fields.tm_isdst = -1;  // mktime finds out
  const std::int64_t seconds =
      offset ? std::int64_t{::timegm(&fields)} - std::int64_t{*offset} * 60 : ::mktime(&fields);
  return within_limits(milliseconds(seconds * 1000 + ms));
}

}  // namespace

std::optional<JobTime> parse_moment(std::string_view text) {
  return text.starts_with('@') ? parse_seconds(Reader(text)) : parse_date(Reader(text));
}

}  // namespace gman::cli
