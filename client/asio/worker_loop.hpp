// SPDX-License-Identifier: BSD-3-Clause
// WorkerLoop: what all connections of a worker share: its slots, its job threads, its life.
//
// One thread, the caller of run(), owns everything here; job threads get a WorkerJob and post their
// results back. A slot is the right to run one job. Sessions that may find work wait in a line for
// one; a session that got a slot and wants another stands at the end again, so a server with much
// work cannot starve the others.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gman/worker.hpp>

#include "client/asio/worker_job.hpp"
#include "client/asio/worker_session.hpp"
#include "client/fsm/server_list.hpp"

namespace gman {

class WorkerLoop {
 public:
  WorkerLoop(WorkerSettings settings, std::vector<ServerAddress> servers);

  void add_function(WorkerAbility ability, WorkerFunction run);
  void on_event(std::function<void(const WorkerEvent&)> listener) { listener_ = listener; }
  void run(bool until_signal);
  void stop();  ///< from any thread

  // For sessions, on the loop's thread.
  /// Gives free slots to those that wait, `session` last if it wants one.
  void offer_slots(const std::shared_ptr<WorkerSession>& session);
  void free_slot() { ++slots_free_; }
  void run_job(std::shared_ptr<WorkerSession> session, RunJob job);
  void report(WorkerEvent::Kind kind, const std::string& server, std::string detail);

 private:
  enum class Phase : std::uint8_t { idle, serving, leaving, aborting };

  /// One entry of the server list. It has a session while it is connected.
  struct Server {
    explicit Server(ServerAddress where) : address(std::move(where)) {}
    ServerAddress address;
    std::shared_ptr<WorkerSession> session;
    boost::asio::cancellation_signal stop_connecting;
  };

  boost::asio::awaitable<void> serve(Server& server);
  void server_was_left(std::exception_ptr failed);
  void deal_slots();
  void leave_or_abort();
  /// Signals are waited for until nothing else is, and no longer.
  void end_if_done();
  void job_ended(WorkerJob& job, const WorkResult& result);
  [[nodiscard]] bool is_leaving() const { return phase_ >= Phase::leaving; }
  [[nodiscard]] std::chrono::milliseconds with_jitter(std::chrono::milliseconds wait);
  [[nodiscard]] WorkResult run_function(WorkerJob& job) const;
  void wait_for_signal();

  const WorkerSettings settings_;
  std::vector<WorkerAbility> abilities_;
  std::map<std::string, WorkerFunction, std::less<>> functions_;
  std::function<void(const WorkerEvent&)> listener_;

  boost::asio::io_context io_{1};
  std::optional<boost::asio::signal_set> signals_;
  std::optional<boost::asio::thread_pool> threads_;
  std::deque<Server> servers_;
  std::size_t servers_served_ = 0;
  Phase phase_ = Phase::idle;

  std::size_t slots_free_;
  std::uint64_t jobs_left_;  ///< of jobs_total; slots under a grab or a running job are not in it
  std::deque<std::shared_ptr<WorkerSession>> line_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace gman
