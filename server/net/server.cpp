// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/server.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "server/config/effective.hpp"
#include "server/config/engine_settings.hpp"

namespace gman {
namespace {

namespace asio = boost::asio;

// How many turns may follow each other before signals and the timer are looked at.
constexpr int turns_in_a_row_max = 16;

constexpr std::array handled_signals{SIGTERM, SIGINT, SIGHUP, SIGUSR1};

// Not a number that a listener has.
constexpr std::uint64_t store_tag = 0xffff'ffff;

// Ids of sessions are above every number of a listener: a generation starts at 1.
bool is_listener(std::uint64_t tag) {
  return tag >> 32 == 0;
}

Now read_clocks() {
  return {.steady = std::chrono::steady_clock::now(), .wall = std::chrono::system_clock::now()};
}

}  // namespace

Server::Server(ServerConfig config, EngineSettings settings, Engine& engine,
               std::unique_ptr<StoreWriter> store, std::vector<Listener> listeners, Log& log,
               LogFile& log_file, ServiceManager& manager, ServerHooks hooks)
    : config_(std::move(config)),
      engine_settings_(std::move(settings)),
      engine_(engine),
      log_(log),
      log_file_(log_file),
      manager_(manager),
      hooks_(std::move(hooks)),
      store_(std::move(store)),
      switchboard_(config_, engine_, epoll_, store_.get(), log),
      gate_(std::move(listeners), config_, epoll_, log) {
  if (store_ != nullptr && !epoll_.add(store_->fd(), EPOLLIN, store_tag)) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
  use(config_);
  for (const int number : handled_signals) signals_.add(number);
  sockets_.assign(epoll_.fd());
}

// The store's thread may be sending answers of the switchboard's, and ends first.
Server::~Server() {
  store_.reset();
}

void Server::run() {
  wait_for_signals();
  wait_for_sockets();
  announce();  // from here on a signal is obeyed, not suffered
  io_.run();
  // A signal that comes from now on is late, and must not become the exit status.
  sigset_t late{};
  for (const int number : handled_signals) ::sigaddset(&late, number);
  ::pthread_sigmask(SIG_BLOCK, &late, nullptr);
  static_cast<void>(sockets_.release());  // it is epoll_'s
}

void Server::announce() {
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  log_.info("started", {{"version", GMAN_VERSION},
                        {"pid", ::getpid()},
                        {"listen", gate_.addresses()},
                        {"file_descriptors", std::uint64_t{descriptors.rlim_cur}},
                        {"connections_max", config_.connections_max},
                        {"jobs_max", config_.jobs_max},
                        {"queue_max", config_.queue_max},
                        {"memory_max", config_.memory_bytes_max},
                        {"workload_memory_max", config_.workload_memory_bytes_max},
                        {"packet_bytes_max", config_.packet_bytes_max},
                        {"output_bytes_max", config_.output_bytes_max}});
  gate_.announce();
  hooks_.ready();
  manager_.ready("Serving on " + gate_.addresses());
  now_ = read_clocks();
  if (manager_.watchdog().count() > 0) alive_at_ = now_.steady;
  arm_timer();
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
  // First, so that what those send who have been answered already finds the store idle.
  for (const epoll_event& event : events) {
    if (event.data.u64 == store_tag) switchboard_.store_ready();
  }
  for (const epoll_event& event : events) {
    if (event.data.u64 == store_tag) continue;
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
  if (alive_at_ && *alive_at_ <= now_.steady) {
    manager_.alive();
    alive_at_ = now_.steady + manager_.watchdog();
  }
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
  if (alive_at_) take_earlier(*alive_at_);
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
    reload();
  } else if (number == SIGUSR1) {
    finish_queue();
  } else if (phase_ == Phase::draining) {
    end();
  } else {
    drain();
  }
}

// Log files are opened again also when the configuration is broken, for they may have been moved.
void Server::reload() {
  const bool is_serving = phase_ == Phase::serving;
  if (is_serving) manager_.reloading(now_.steady);
  auto read = hooks_.read_config();
  if (const auto* end = std::get_if<CommandLineEnd>(&read)) {
    open_log(config_);
    std::string cause = end->text;
    if (cause.ends_with('\n')) cause.pop_back();
    log_.error("configuration not read again, nothing has changed", {{"cause", cause}});
  } else {
    const auto& wanted = std::get<ServerConfig>(read);
    const config::Changes changes = config::change(config_, wanted);
    open_log(config_);
    use(config_);
    log_.info("configuration read again",
              {{"changed", changes.live.empty() ? std::string("nothing") : changes.live}});
    if (!changes.after_restart.empty()) {
      log_.warn("a restart is needed for some options", {{"options", changes.after_restart}});
    }
  }
  if (is_serving) manager_.ready("Serving on " + gate_.addresses());
}

// A file that cannot be opened leaves the log where it was.
void Server::open_log(const ServerConfig& config) {
  auto file = LogFile::open(config.log_file);
  if (!file) {
    return log_.error("log file not opened again",
                      {{"file", config.log_file}, {"cause", file.error().message()}});
  }
  log_file_ = std::move(*file);
  log_.set_fd(log_file_.fd());
  if (log_file_.is_path()) log_.info("log file opened again");
}

void Server::use(const ServerConfig& config) {
  log_.set_least(config.verbosity);
  log_.set_format(config.log_format);
  syslog_ = config.syslog ? std::make_unique<Syslog>(config.syslog_socket) : nullptr;
  log_.set_sink(syslog_.get());
  switchboard_.change(config);
  gate_.change(config);
  config::set(engine_settings_, config);
  engine_.change(engine_settings_);
}

void Server::finish_queue() {
  if (phase_ != Phase::serving) return;
  phase_ = Phase::finishing_queue;
  gate_.close();
  manager_.stopping("Finishing the queue");
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
  manager_.stopping("Draining: " + std::to_string(engine_.running_jobs()) + " jobs run");
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
  if (!switchboard_.has_unsent_output() && switchboard_.is_all_stored()) end();
}

void Server::end() {
  phase_ = Phase::ended;
  gate_.close();
  const std::size_t running = engine_.running_jobs();
  const std::size_t queued = engine_.queued_jobs();
  const std::size_t scheduled = engine_.scheduled_jobs();
  if (!switchboard_.is_all_stored()) {
    log_.error("stopped before the store had everything: jobs that were done may be run again",
               {{"store", store_->name()}});
  }
  switchboard_.close_all();
  if (store_ == nullptr) {
    log_.info("stopped", {{"jobs_dropped_running", running},
                          {"jobs_dropped_queued", queued},
                          {"jobs_dropped_scheduled", scheduled}});
  } else {
    log_.info("stopped", {{"store", store_->name()},
                          {"jobs_running", running},
                          {"jobs_queued", queued},
                          {"jobs_scheduled", scheduled}});
  }
  io_.stop();
}

}  // namespace gman
