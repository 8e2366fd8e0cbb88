// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/pool.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "udf_mysql/guarded.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

/// More than these are closed when they come back: each holds a connection of the job server.
constexpr std::size_t idle_clients_max = 64;

using Client = std::unique_ptr<gman_client, FreeClient>;

struct Idle {
  std::string profile;
  Client client;
};

/// Oldest first. Clients for servers that nobody asks for any more age, and leave.
Guarded<std::vector<Idle>>& stock() {
  static auto& instance = *new Guarded<std::vector<Idle>>;
  return instance;
}

/// Two calls may share a client when this text is the same for both.
std::string profile_of(const std::string& servers, const Settings& settings) {
  return servers + ' ' + std::to_string(settings.connect_timeout_ms) + ' ' +
         std::to_string(settings.deadline_ms) + ' ' + std::to_string(settings.answer_timeout_ms);
}

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
  wanted.deadline_ms = settings.deadline_ms;
  wanted.answer_timeout_ms = settings.answer_timeout_ms;
  char why[256];
  Client client(gman_client_new(&wanted, why, sizeof why));
  if (!client) throw SqlError(why);
  return client;
}

}  // namespace

Lease::Lease(const std::string& servers, const Settings& settings)
    : profile_(profile_of(servers, settings)), client_(take(profile_)) {
  if (!client_) client_ = make(servers, settings);
}

Lease::~Lease() {
  const gman_result_data& result = *gman_result(get());
  if (!is_reusable_ || result.data.size + result.warning.size > remembered_bytes_max) return;
  gman_cancel(client_.get());
  Client surplus;  // closed after the lock is free again
  try {
    stock().with([&](std::vector<Idle>& idle) {
      if (idle.size() >= idle_clients_max) {
        surplus = std::move(idle.front().client);
        idle.erase(idle.begin());
      }
      idle.push_back({std::move(profile_), std::move(client_)});
    });
  } catch (...) {  // no memory to remember it by: closed instead
  }
}

}  // namespace gman::udf
