// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/questions.hpp"

#include <gman/gman.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/time.hpp"
#include "udf_mysql/finish.hpp"
#include "udf_mysql/pool.hpp"
#include "udf_mysql/servers.hpp"
#include "udf_mysql/settings.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

// What servers begin their handles with unless they are told otherwise (--job-handle-prefix).
constexpr std::string_view usual_handle_prefix = "H:";
constexpr std::string_view unknown_job = "ERR UNKNOWN_JOB";

/// Questions of one call, to the servers of one function in turn, within one deadline.
class Asking {
 public:
  explicit Asking(std::string_view function)
      : settings_(settings()), lease_(servers_for(function, *settings_), *settings_) {
    if (settings_->deadline_ms > 0) until_ = clock::now() + milliseconds(settings_->deadline_ms);
  }

  /// Until `knows(server)`, which may ask that one, is true. One that does not answer hides nothing
  /// that another knows.
  template <class Knows>
  bool any_server(Knows&& knows) {
    std::optional<SqlError> silent;
    // Without any server the question is asked all the same, and fails with the reason.
    const std::size_t last = std::max<std::size_t>(gman_server_count(lease_.get()), 1);
    for (std::size_t server = 1; server <= last; ++server) {
      try {
        if (knows(server)) return true;
      } catch (const SqlError& failure) {
        silent = failure;
      }
    }
    if (silent) throw *silent;
    return false;
  }

  const gman_result_data& ask(std::size_t server, int kind, std::string_view text) {
    gman_query query{};
    query.kind = kind;
    query.server = server;
    query.text = {text.data(), text.size()};
    query.deadline_ms = time_left_ms();
    return finish(lease_.get(), gman_start_query(lease_.get(), &query));
  }

  /// What came with the last answer, also when it was an error.
  [[nodiscard]] std::string_view last_data() const {
    const gman_bytes& data = gman_result(lease_.get())->data;
    return {data.data, data.size};
  }

 private:
  using clock = std::chrono::steady_clock;

  /// 0: there is no deadline.
  [[nodiscard]] int time_left_ms() const {
    if (!until_) return 0;
    const auto left = std::chrono::ceil<milliseconds>(*until_ - clock::now());
    if (left <= milliseconds(0)) {
      throw SqlError("the deadline of " + std::to_string(settings_->deadline_ms) +
                         " ms passed before all job servers were asked",
                     GMAN_DEADLINE);
    }
    return static_cast<int>(left.count());
  }

  std::shared_ptr<const Settings> settings_;
  Lease lease_;
  std::optional<clock::time_point> until_;
};

}  // namespace

std::optional<JobState> job_state(std::string_view name, std::string_view function) {
  Asking servers(function);
  JobState state;
  const auto knows_by = [&](std::size_t server, int kind) {
    const gman_result_data& result = servers.ask(server, kind, name);
    state = {result.running != 0, result.numerator, result.denominator, result.server};
    return result.known != 0;
  };
  // What a handle looks like is each server's own affair, so that a name may be either.
  const bool is_known = servers.any_server([&](std::size_t server) {
    if (knows_by(server, GMAN_QUERY_STATUS)) return true;
    if (name.size() > GMAN_UNIQUE_BYTES_MAX) return false;
    try {
      return knows_by(server, GMAN_QUERY_STATUS_UNIQUE);
    } catch (const SqlError& failure) {
      // An old server cannot be asked for a unique. Of what looks like nearly all handles do, it
      // has said enough before.
      if (failure.status() != GMAN_SERVER_ERROR || !name.starts_with(usual_handle_prefix)) throw;
      return false;
    }
  });
  if (!is_known) return std::nullopt;
  return state;
}

bool cancel_job(std::string_view handle, std::string_view function) {
  // It becomes part of a line: what is not one word would be other words of that line.
  const auto is_of_a_word = [](unsigned char c) { return c > 0x20 && c < 0x7F; };
  if (handle.empty() || !std::ranges::all_of(handle, is_of_a_word)) {
    throw SqlError("the handle, argument 1, is none: give what gman_do_background returned");
  }
  Asking servers(function);
  const std::string line = "cancel job " + std::string(handle);
  return servers.any_server([&](std::size_t server) {
    try {
      servers.ask(server, GMAN_QUERY_ADMIN, line);
      return true;
    } catch (const SqlError&) {
      if (servers.last_data().starts_with(unknown_job)) return false;
      throw;
    }
  });
}

}  // namespace gman::udf
