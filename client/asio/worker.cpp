// SPDX-License-Identifier: BSD-3-Clause
// gman::Worker: checks what the program asks for, then leaves the work to WorkerLoop.
#include <gman/worker.hpp>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

#include "client/asio/worker_loop.hpp"
#include "client/fsm/text.hpp"
#include "protocol/limits.hpp"

namespace gman {
namespace {

std::vector<ServerAddress> checked_servers(const std::string& text) {
  auto parsed = parse_server_list(text);
  if (const auto* error = std::get_if<ServerListError>(&parsed)) {
    throw std::invalid_argument(error->message);
  }
  auto servers = std::get<std::vector<ServerAddress>>(std::move(parsed));
  if (servers.empty()) throw std::invalid_argument("no job server is given");
  return servers;
}

WorkerSettings checked(WorkerSettings settings) {
  if (settings.jobs_max == 0 || settings.jobs_max > Worker::jobs_max_limit) {
    throw std::invalid_argument("jobs_max is " + std::to_string(settings.jobs_max) +
                                "; it must be from 1 to " + std::to_string(Worker::jobs_max_limit));
  }
  if (settings.client_id.size() > client_id_bytes_max) {
    throw std::invalid_argument("the client id of " + std::to_string(settings.client_id.size()) +
                                " bytes is above the limit of " +
                                std::to_string(client_id_bytes_max) + " bytes");
  }
  const auto is_blank_or_control = [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
  };
  if (std::ranges::any_of(settings.client_id, is_blank_or_control)) {
    throw std::invalid_argument("the client id \"" + printable(settings.client_id, 80) +
                                "\" holds a blank or a control character");
  }
  if (settings.reconnect_first.count() <= 0 || settings.reconnect_max < settings.reconnect_first) {
    throw std::invalid_argument("reconnect_first must be above 0 and not above reconnect_max");
  }
  return settings;
}

}  // namespace

struct Worker::Impl {
  explicit Impl(const WorkerSettings& settings)
      : loop(checked(settings), checked_servers(settings.servers)) {}
  WorkerLoop loop;
};

Worker::Worker(WorkerSettings settings) : impl_(std::make_unique<Impl>(settings)) {}

Worker::~Worker() = default;

void Worker::add_function(std::string name, WorkerFunction run, std::chrono::milliseconds timeout) {
  if (name.empty() || name.find('\0') != std::string::npos) {
    throw std::invalid_argument("a function's name must not be empty or hold NUL");
  }
  if (name.size() > function_bytes_max) {
    throw std::invalid_argument("the function name of " + std::to_string(name.size()) +
                                " bytes is above the limit of " +
                                std::to_string(function_bytes_max) + " bytes");
  }
  if (timeout.count() < 0 || timeout.count() > std::numeric_limits<std::uint32_t>::max()) {
    throw std::invalid_argument("the timeout of function \"" + printable(name, 80) + "\" is " +
                                std::to_string(timeout.count()) +
                                " ms; it must be from 0 to 4294967295 ms");
  }
  impl_->loop.add_function({.function = std::move(name), .timeout = timeout}, std::move(run));
}

void Worker::on_event(std::function<void(const WorkerEvent&)> listener) {
  impl_->loop.on_event(std::move(listener));
}

void Worker::run() {
  impl_->loop.run(false);
}

void Worker::stop() {
  impl_->loop.stop();
}

void Worker::run_until_signal() {
  impl_->loop.run(true);
}

}  // namespace gman
