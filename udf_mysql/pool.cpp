// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/pool.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "udf_mysql/counters.hpp"
#include "udf_mysql/guarded.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

/// Nobody has needed it for so long: a wave of sessions has passed, or its servers are no longer
/// the configured ones.
constexpr std::chrono::seconds idle_time_max{60};

using Client = std::unique_ptr<gman_client, FreeClient>;

struct Idle {
  std::string profile;
  Client client;
  Instant since;
};

/// Oldest first.
Guarded<std::vector<Idle>>& stock() {
  static auto& instance = *new Guarded<std::vector<Idle>>;
  return instance;
}

/// Two calls may share a client when this text is the same for both. The deadline is each call's.
std::string profile_of(const std::string& servers, const Settings& settings) {
  return servers + ' ' + std::to_string(settings.connect_timeout_ms) + ' ' +
         std::to_string(settings.answer_timeout_ms);
}

/// The one that was used last, so that what is too much grows old.
Client take(const std::string& profile) {
  return stock().with([&](std::vector<Idle>& idle) {
    const auto newest = std::find_if(idle.rbegin(), idle.rend(),
                                     [&](const Idle& each) { return each.profile == profile; });
    if (newest == idle.rend()) return Client();
    Client client = std::move(newest->client);
    idle.erase(std::next(newest).base());
    return client;
  });
}

Client make(const std::string& servers, const Settings& settings) {
  gman_settings wanted;
  gman_settings_default(&wanted);
  wanted.servers = servers.c_str();
  wanted.connect_timeout_ms = settings.connect_timeout_ms;
  wanted.answer_timeout_ms = settings.answer_timeout_ms;
  char why[256];
  Client client(gman_client_new(&wanted, why, sizeof why));
  if (!client) throw SqlError(why, GMAN_OUT_OF_MEMORY);
  return client;
}

}  // namespace

Lease::Lease(const std::string& servers, const Settings& settings)
    : profile_(profile_of(servers, settings)),
      idle_max_(static_cast<std::size_t>(settings.idle_connections_max)),
      client_(take(profile_)) {
  count(client_ ? Counter::clients_reused : Counter::clients_made);
  if (!client_) client_ = make(servers, settings);
}

Lease::~Lease() {
  const gman_result_data& result = *gman_result(get());
  if (!is_reusable_ || result.data.size + result.warning.size > remembered_bytes_max) return;
  gman_cancel_call(client_.get());
  const Instant now = std::chrono::steady_clock::now();
  std::vector<Idle> surplus;  // closed after the lock is free again
  try {
    stock().with([&](std::vector<Idle>& idle) {
      idle.push_back({std::move(profile_), std::move(client_), now});
      const std::size_t above = idle.size() - std::min(idle.size(), idle_max_);
      const auto young = std::find_if(idle.begin(), idle.end(), [&](const Idle& each) {
        return now - each.since <= idle_time_max;
      });
      const auto kept = std::max(young, idle.begin() + static_cast<std::ptrdiff_t>(above));
      surplus.assign(std::move_iterator(idle.begin()), std::move_iterator(kept));
      idle.erase(idle.begin(), kept);
    });
  } catch (...) {  // no memory to remember it by: closed instead
  }
}

std::size_t idle_clients() {
  return stock().with([](const std::vector<Idle>& idle) { return idle.size(); });
}

}  // namespace gman::udf
