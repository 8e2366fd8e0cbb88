// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/server.hpp"

#include <array>
#include <csignal>

namespace gman {
namespace {

namespace asio = boost::asio;

// How many turns may follow each other before signals and the timer are looked at.
constexpr int turns_in_a_row_max = 16;

constexpr std::array handled_signals{SIGTERM, SIGINT, SIGHUP, SIGUSR1};

// Ids of sessions are above every number of a listener: a generation starts at 1.
bool is_listener(std::uint64_t tag) {
  return tag >> 32 == 0;
}

Now read_clocks() {
  return {.steady = std::chrono::steady_clock::now(), .wall = std::chrono::system_clock::now()};
}

}  // namespace

Server::Server(const ServerConfig& config, Engine& engine, std::vector<Listener> listeners,
               Log& log, LogFile& log_file)
    : config_(config),
      engine_(engine),
      log_(log),
      log_file_(log_file),
      switchboard_(config, engine, epoll_, log),
      gate_(std::move(listeners), epoll_, log) {
  for (const int number : handled_signals) signals_.add(number);
  sockets_.assign(epoll_.fd());
}

void Server::run() {
  wait_for_signals();
  wait_for_sockets();
  gate_.announce();  // from here on a signal is obeyed, not suffered
  io_.run();
  // A signal that comes from now on is late, and must not become the exit status.
  sigset_t late{};
  for (const int number : handled_signals) ::sigaddset(&late, number);
  ::pthread_sigmask(SIG_BLOCK, &late, nullptr);
  static_cast<void>(sockets_.release());  // it is epoll_'s
}

void Server::wait_for_sockets() {
  sockets_.async_wait(asio::posix::descriptor_base::wait_read, [this](const error_code& fault) {
    if (fault || phase_ == Phase::ended) return;
    run_turns();
    if (phase_ != Phase::ended) wait_for_sockets();
  });
}

// A busy server goes from turn to turn without asking Asio, which would cost two system calls more
// each time. When only one socket was ready, the next look would most likely find none.
void Server::run_turns() {
  for (int turns = 0; turns < turns_in_a_row_max && phase_ != Phase::ended; ++turns) {
    if (turn() <= 1) break;
  }
  if (phase_ != Phase::ended) arm_timer();
}

std::size_t Server::turn() {
  const auto events = epoll_.ready();
  if (events.empty()) return 0;
  now_ = read_clocks();
  switchboard_.begin_turn(now_);
  for (const epoll_event& event : events) {
    if (is_listener(event.data.u64)) {
      gate_.accept(event.data.u64, now_, [this](UniqueFd socket, PeerKind kind) {
        switchboard_.add(std::move(socket), kind);
      });
    } else {
      switchboard_.ready({event.data.u64}, event.events);
    }
  }
  finish_turn();
  return events.size();
}

void Server::timer_fired() {
  now_ = read_clocks();
  switchboard_.begin_turn(now_);
  switchboard_.expire();
  gate_.retry_when_due(now_);
  finish_turn();
  if (phase_ != Phase::ended) arm_timer();
}

void Server::finish_turn() {
  switchboard_.finish_turn();
  if (switchboard_.closed() != closed_before_) {
    closed_before_ = switchboard_.closed();
    gate_.retry();
  }
  if (const auto request = switchboard_.take_shutdown_request()) {
    request->graceful ? finish_queue() : drain();
  }
  if (phase_ != Phase::serving) end_if_idle();
}

// Deadlines come nearer and go away with nearly every turn, so the timer is only ever moved
// forward: it may fire for nothing, which costs less than setting it each time.
void Server::arm_timer() {
  std::optional<Instant> earliest = switchboard_.next_deadline();
  const auto take_earlier = [&earliest](Instant other) {
    if (!earliest || other < *earliest) earliest = other;
  };
  if (const auto retry_at = gate_.next_deadline()) take_earlier(*retry_at);
  if (phase_ == Phase::draining) take_earlier(drain_until_);
  if (!earliest || (armed_for_ && *armed_for_ <= *earliest)) return;
  armed_for_ = earliest;
  timer_.expires_at(*earliest);
  timer_.async_wait([this](const error_code& fault) {
    if (fault || phase_ == Phase::ended) return;
    armed_for_.reset();
    timer_fired();
  });
}

// The ways to the end.

void Server::wait_for_signals() {
  signals_.async_wait([this](const error_code& fault, int number) {
    if (fault || phase_ == Phase::ended) return;
    now_ = read_clocks();
    signal_came(number);
    if (phase_ == Phase::ended) return;
    arm_timer();
    wait_for_signals();
  });
}

void Server::signal_came(int number) {
  if (number == SIGHUP) {
    const auto reopened = log_file_.reopen();
    log_.set_fd(log_file_.fd());
    if (reopened) {
      log_.info("log file opened again");
    } else {
      log_.error("log file not opened again", {{"cause", reopened.error().message()}});
    }
  } else if (number == SIGUSR1) {
    finish_queue();
  } else if (phase_ == Phase::draining) {
    end();
  } else {
    drain();
  }
}

void Server::finish_queue() {
  if (phase_ != Phase::serving) return;
  phase_ = Phase::finishing_queue;
  gate_.close();
  log_.info("finishing the queue", {{"jobs_scheduled", engine_.scheduled_jobs()},
                                    {"jobs_queued", engine_.queued_jobs()},
                                    {"jobs_running", engine_.running_jobs()}});
  end_if_idle();
}

void Server::drain() {
  if (phase_ == Phase::draining || phase_ == Phase::ended) return;
  phase_ = Phase::draining;
  drain_until_ = now_.steady + config_.drain;
  gate_.close();
  engine_.stop_assigning();
  log_.info("draining", {{"jobs_running", engine_.running_jobs()},
                         {"seconds_max", static_cast<double>(config_.drain.count()) / 1000}});
  end_if_idle();
}

void Server::end_if_idle() {
  if (phase_ == Phase::ended) return;
  if (phase_ == Phase::draining && now_.steady >= drain_until_) return end();
  if (engine_.running_jobs() != 0) return;
  const bool has_waiting_jobs = engine_.queued_jobs() != 0 || engine_.scheduled_jobs() != 0;
  if (phase_ == Phase::finishing_queue && has_waiting_jobs) return;
  if (!switchboard_.has_unsent_output()) end();
}

void Server::end() {
  phase_ = Phase::ended;
  gate_.close();
  const std::size_t running = engine_.running_jobs();
  const std::size_t queued = engine_.queued_jobs();
  const std::size_t scheduled = engine_.scheduled_jobs();
  switchboard_.close_all();
  log_.info("stopped", {{"jobs_dropped_running", running},
                        {"jobs_dropped_queued", queued},
                        {"jobs_dropped_scheduled", scheduled}});
  io_.stop();
}

}  // namespace gman
