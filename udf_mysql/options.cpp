// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/options.hpp"

#include <boost/json.hpp>
#include <utility>

#include "client/fsm/text.hpp"
#include "udf_mysql/settings.hpp"
#include "udf_mysql/sql_error.hpp"
#include "udf_mysql/when.hpp"

namespace gman::udf {
namespace {

namespace json = boost::json;

[[noreturn]] void fail(std::string_view key, const char* wanted) {
  constexpr std::size_t quoted_bytes_max = 40;
  throw SqlError("the options' \"" + printable(key, quoted_bytes_max) + "\" " + wanted);
}

std::string_view text_of(std::string_view key, const json::value& value, const char* wanted) {
  const json::string* text = value.if_string();
  if (text == nullptr) fail(key, wanted);
  return {text->data(), text->size()};
}

bool boolean_of(std::string_view key, const json::value& value) {
  const bool* flag = value.if_bool();
  if (flag == nullptr) fail(key, "must be true or false");
  return *flag;
}

std::int32_t milliseconds_of(std::string_view key, const json::value& value) {
  const std::int64_t* count = value.if_int64();
  if (count == nullptr || *count < 1 || *count > timeout_ms_max) {
    fail(key, "must be a whole number of milliseconds, 1 to 3600000");
  }
  return static_cast<std::int32_t>(*count);
}

std::string seconds_of(std::string_view key, const json::value& value) {
  if (const std::int64_t* whole = value.if_int64()) return std::to_string(*whole);
  if (const double* number = value.if_double()) return std::to_string(*number);
  fail(key, "must be a number of seconds");
}

gman_priority priority_of(std::string_view key, const json::value& value) {
  constexpr auto wanted = "must be \"high\", \"normal\" or \"low\"";
  const std::string_view name = text_of(key, value, wanted);
  if (name == "high") return GMAN_PRIORITY_HIGH;
  if (name == "normal") return GMAN_PRIORITY_NORMAL;
  if (name == "low") return GMAN_PRIORITY_LOW;
  fail(key, wanted);
}

gman_unique_mode unique_mode_of(std::string_view key, const json::value& value) {
  constexpr auto wanted = "must be \"alive\" or \"until_start\"";
  const std::string_view name = text_of(key, value, wanted);
  if (name == "alive") return GMAN_UNIQUE_ALIVE;
  if (name == "until_start") return GMAN_UNIQUE_UNTIL_START;
  fail(key, wanted);
}

OnError on_error_of(std::string_view key, const json::value& value) {
  constexpr auto wanted = "must be \"error\", \"warning\" or \"null\"";
  const auto policy = on_error_named(text_of(key, value, wanted));
  if (!policy) fail(key, wanted);
  return *policy;
}

void set(JobOptions& options, std::string_view key, const json::value& value) {
  if (key == "unique") {
    options.unique = text_of(key, value, "must be a text");
  } else if (key == "unique_mode") {
    options.unique_mode = unique_mode_of(key, value);
  } else if (key == "priority") {
    options.priority = priority_of(key, value);
  } else if (key == "background") {
    options.background = boolean_of(key, value);
  } else if (key == "run_at") {
    options.run_at_ms = epoch_ms("the options' \"run_at\"", seconds_of(key, value));
  } else if (key == "delay_s") {
    options.run_at_ms = epoch_ms_after("the options' \"delay_s\"", seconds_of(key, value));
  } else if (key == "timeout_ms") {
    options.deadline_ms = milliseconds_of(key, value);
  } else if (key == "on_error") {
    options.on_error = on_error_of(key, value);
  } else {
    fail(key,
         "is none of unique, unique_mode, priority, background, run_at, delay_s, timeout_ms "
         "and on_error");
  }
}

}  // namespace

JobOptions parse_options(std::string_view text) {
  boost::system::error_code failure;
  const json::value parsed = json::parse(json::string_view(text.data(), text.size()), failure);
  if (failure) throw SqlError("the options, argument 3, are no JSON: " + failure.message());
  const json::object* object = parsed.if_object();
  if (object == nullptr) {
    throw SqlError("the options, argument 3, must be a JSON object, as {\"priority\": \"high\"}");
  }
  JobOptions options;
  for (const auto& entry : *object) {
    if (entry.value().is_null()) continue;  // JSON_OBJECT of a column: as if it were not there
    set(options, {entry.key().data(), entry.key().size()}, entry.value());
  }
  const auto is_given = [&](const char* key) {
    const json::value* value = object->if_contains(key);
    return value != nullptr && !value->is_null();
  };
  if (is_given("run_at") && is_given("delay_s")) {
    fail("delay_s", "and \"run_at\" exclude each other");
  }
  if (options.run_at_ms != 0 && !options.background) {
    fail("background", "must be true for a job with a time: a statement does not wait for it");
  }
  return options;
}

}  // namespace gman::udf
