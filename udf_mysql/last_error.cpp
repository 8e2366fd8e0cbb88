// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/last_error.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <ctime>
#include <map>
#include <utility>

#include "client/fsm/text.hpp"
#include "udf_mysql/guarded.hpp"
#include "udf_mysql/plugin.hpp"
#include "udf_mysql/session/identity.hpp"
#include "udf_mysql/string_function.hpp"

namespace gman::udf {
namespace {

/// A message may quote a worker; nobody reads more of it, and each session may keep one.
constexpr std::size_t message_bytes_max = 2000;
constexpr unsigned json_bytes_max = 1 << 16;

struct Failure {
  std::uint64_t number = 0;  ///< later ones have higher numbers
  std::string json;
};

struct Failures {
  std::uint64_t last_number = 0;
  std::map<std::uint64_t, Failure> by_session;
};

Guarded<Failures>& failures() {
  static auto& instance = *new Guarded<Failures>;
  return instance;
}

/// "2026-01-31T12:00:00Z"
std::string now_utc() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  const std::size_t bytes = std::strftime(text.data(), text.size(), "%FT%TZ", &parts);
  return {text.data(), bytes};
}

std::string json_of(const char* function, const SqlError& failure) {
  boost::json::object object;
  object["function"] = function;
  object["status"] = gman_status_name(failure.status());
  object["message"] = printable(failure.what(), message_bytes_max);
  object["server"] = printable(failure.server(), message_bytes_max);
  object["at"] = now_utc();
  return boost::json::serialize(object);
}

std::optional<std::string> run_last_error(const UDF_ARGS&) {
  return last_error();
}

}  // namespace

void remember_error(const char* function, const SqlError& failure) {
  const auto session = session::id();
  if (!session) return;
  std::string json = json_of(function, failure);
  expect_end_of(*session);
  failures().with([&](Failures& all) {
    if (all.by_session.size() >= failed_sessions_max && !all.by_session.contains(*session)) {
      all.by_session.erase(std::ranges::min_element(
          all.by_session, {}, [](const auto& entry) { return entry.second.number; }));
    }
    all.by_session.insert_or_assign(*session, Failure{++all.last_number, std::move(json)});
  });
}

std::optional<std::string> last_error() {
  const auto session = session::id();
  if (!session) return std::nullopt;
  return failures().with([&](const Failures& all) -> std::optional<std::string> {
    const auto found = all.by_session.find(*session);
    if (found == all.by_session.end()) return std::nullopt;
    return found->second.json;
  });
}

void forget_errors_of(std::uint64_t session) {
  failures().with([&](Failures& all) { all.by_session.erase(session); });
}

}  // namespace gman::udf

GMAN_STRING_FUNCTION(gman_last_error, gman::udf::json_bytes_max, gman::udf::accept_no_arguments,
                     gman::udf::run_last_error);
