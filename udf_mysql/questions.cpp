// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/questions.hpp"

#include <gman/gman.h>

#include <algorithm>
#include <cstddef>

#include "udf_mysql/finish.hpp"
#include "udf_mysql/pool.hpp"
#include "udf_mysql/servers.hpp"
#include "udf_mysql/settings.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

constexpr std::string_view handle_prefix = "H:";
constexpr std::string_view unknown_job = "ERR UNKNOWN_JOB";

/// Asks the servers in turn until `knows(client, status)`, which a query of this kind has ended in,
/// is true.
template <class Knows>
bool any_server(int kind, std::string_view text, std::string_view function, Knows&& knows) {
  const auto now = settings();
  const Lease lease(servers_for(function, *now), *now);
  gman_query query{};
  query.kind = kind;
  query.text = {text.data(), text.size()};
  query.deadline_ms = now->deadline_ms;
  std::optional<SqlError> silent;
  // Without any server the question is asked all the same, and fails with the reason.
  const std::size_t last = std::max<std::size_t>(gman_server_count(lease.get()), 1);
  for (std::size_t server = 1; server <= last; ++server) {
    query.server = server;
    try {
      if (knows(lease.get(), gman_start_query(lease.get(), &query))) return true;
    } catch (const SqlError& failure) {
      silent = failure;
    }
  }
  if (silent) throw *silent;
  return false;
}

}  // namespace

std::optional<JobState> job_state(std::string_view name, std::string_view function) {
  const int kind = name.starts_with(handle_prefix) ? GMAN_QUERY_STATUS : GMAN_QUERY_STATUS_UNIQUE;
  JobState state;
  const bool is_known =
      any_server(kind, name, function, [&](gman_client* client, gman_status started) {
        const gman_result_data& result = finish(client, started);
        state = {result.running != 0, result.numerator, result.denominator, result.server};
        return result.known != 0;
      });
  if (!is_known) return std::nullopt;
  return state;
}

bool cancel_job(std::string_view handle, std::string_view function) {
  // It becomes part of a line: what is not one word would be other words of that line.
  const auto is_of_a_word = [](unsigned char c) { return c > 0x20 && c < 0x7F; };
  if (!handle.starts_with(handle_prefix) || !std::ranges::all_of(handle, is_of_a_word)) {
    throw SqlError("the handle, argument 1, is none: give what gman_do_background returned");
  }
  return any_server(GMAN_QUERY_ADMIN, "cancel job " + std::string(handle), function,
                    [](gman_client* client, gman_status started) {
                      try {
                        finish(client, started);
                        return true;
                      } catch (const SqlError&) {
                        const gman_bytes& answer = gman_result(client)->data;
                        if (std::string_view(answer.data, answer.size).starts_with(unknown_job)) {
                          return false;
                        }
                        throw;
                      }
                    });
}

}  // namespace gman::udf
