// SPDX-License-Identifier: BSD-3-Clause
// gman::Worker: runs functions for one or more job servers.
//
// A worker connects to every server of its list, keeps connecting to those that are down, and runs
// up to `jobs_max` jobs at once on threads of its own. The functions that it is given may block;
// the protocol is served by one further thread (the caller of run()), so a long job never makes the
// worker deaf.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace gman {

/// How a job ended. `data` is the result, or the exception's text.
struct WorkResult {
  enum class Outcome : std::uint8_t { complete, fail, exception };
  Outcome outcome = Outcome::complete;
  std::string data;

  static WorkResult complete(std::string data) { return {Outcome::complete, std::move(data)}; }
  static WorkResult fail() { return {Outcome::fail, {}}; }
  static WorkResult exception(std::string data) { return {Outcome::exception, std::move(data)}; }
};

/// A job in the hands of a worker function. Valid until the function returns; its sends are safe
/// from the thread that runs the function and dropped in silence once the connection is lost.
class Job {
 public:
  virtual ~Job() = default;
  [[nodiscard]] virtual const std::string& handle() const = 0;
  [[nodiscard]] virtual const std::string& function() const = 0;
  [[nodiscard]] virtual const std::string& unique() const = 0;
  [[nodiscard]] virtual const std::string& workload() const = 0;
  /// The server as the list names it.
  [[nodiscard]] virtual const std::string& server() const = 0;

  virtual void send_data(std::string_view data) = 0;
  virtual void send_warning(std::string_view data) = 0;
  virtual void send_status(std::uint32_t numerator, std::uint32_t denominator) = 0;
  /// True once the connection that brought the job is gone or the worker was told to stop at once:
  /// nobody waits for the result of this attempt any more.
  [[nodiscard]] virtual bool abandoned() const = 0;
};

/// May throw: a std::exception becomes WORK_EXCEPTION with its text, which ends the job as
/// WORK_FAIL does.
using WorkerFunction = std::function<WorkResult(Job&)>;

struct WorkerSettings {
  /// As in gman.h: "host:port,unix:/path". Every server of the list is served.
  std::string servers = "127.0.0.1:4730";
  /// Jobs run at the same time, over all servers; also the number of threads.
  std::size_t jobs_max = 1;
  /// Sent as SET_CLIENT_ID when not empty; shown by `gman workers`. No blanks.
  std::string client_id;
  /// Wait before a lost or refused server is tried again: doubles from the first to the second.
  std::chrono::milliseconds reconnect_first{50};
  std::chrono::milliseconds reconnect_max{2000};
  /// Stop after so many jobs; 0: never.
  std::uint64_t jobs_total = 0;
};

/// What a worker tells its program about its life; called on the thread of run().
struct WorkerEvent {
  enum class Kind : std::uint8_t {
    connected,
    connect_failed,
    disconnected,
    job_started,
    job_ended,
    server_error,  ///< the server answered ERROR, to a late result for example
    stopping       ///< no more jobs are taken; no server is named
  };
  Kind kind{};
  std::string server;
  /// The reason, the job's handle, or the server's code and text; of `stopping`, what becomes of
  /// running jobs: "running jobs are finished first" or "running jobs are abandoned".
  std::string detail;
};

class Worker {
 public:
  /// Upper limit of jobs_max: each job has a thread, more than this is a mistake.
  static constexpr std::size_t jobs_max_limit = 1024;

  /// Throws std::invalid_argument, with the reason, when the settings are wrong.
  explicit Worker(WorkerSettings settings);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Before run(). `timeout` 0 registers with CAN_DO, else with CAN_DO_TIMEOUT.
  void add_function(std::string name, WorkerFunction run,
                    std::chrono::milliseconds timeout = std::chrono::milliseconds{0});
  void on_event(std::function<void(const WorkerEvent&)> listener);

  /// Serves until stop() is called or jobs_total is reached. Running jobs are finished first.
  void run();

  /// From any thread or a signal-aware one (not from a signal handler): take no more jobs, end
  /// run() when the running ones are done and their results sent. A second call stops at once: the
  /// connections are closed, so the server gives the jobs to others, abandoned() becomes true, and
  /// run() ends as soon as the functions return.
  void stop();

  /// run() with SIGINT and SIGTERM meaning stop(). The second signal is the second stop(), the
  /// third has its default effect.
  void run_until_signal();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gman
