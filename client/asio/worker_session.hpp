// SPDX-License-Identifier: BSD-3-Clause
// WorkerSession: one connection to one job server, from its registration to its end.
//
// The shell around WorkFsm: reads, writes, closes. It belongs to the loop's thread; job threads
// use only is_lost(), wait_for_room() and name(). A session that ended stays ended: a reconnected
// server gets a new one, so a late result can never reach a connection that did not bring its job.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "client/asio/connect.hpp"
#include "client/fsm/work_fsm.hpp"

namespace gman {

class WorkerLoop;

/// One run of a job. A server takes a job back when its time is up and may give it to the same
/// worker again, under the same handle: then the older run has lost it, and what that one says must
/// not be taken for the newer one's.
struct Attempt {
  std::atomic<bool> is_lost = false;
};

class WorkerSession : public std::enable_shared_from_this<WorkerSession> {
 public:
  WorkerSession(WorkerLoop& loop, std::string server_name, StreamSocket socket, WorkFsm fsm);

  /// Serves until the connection ends, by whichever side; returns why.
  [[nodiscard]] static boost::asio::awaitable<std::string> serve(
      std::shared_ptr<WorkerSession> self);

  /// Takes a slot along and asks for a job.
  /// Requires: wants_grab().
  void grab();
  [[nodiscard]] bool wants_grab() const { return !is_lost() && fsm_.wants_grab(); }

  /// The server has answered at least once, so it is worth coming back to soon.
  [[nodiscard]] bool was_answered() const { return was_answered_; }

  /// No more grabs; ends once its running jobs have ended and their results are sent.
  void retire();
  void close(std::string reason);

  // A job of this session.
  [[nodiscard]] std::shared_ptr<Attempt> job_started(const std::string& handle);
  void job_ended(const std::string& handle, const Attempt& attempt);

  /// Appends to what is sent next, unless the connection is lost.
  void send(const std::function<void(WorkFsm&)>& append);
  /// The same for bytes that a job thread has announced by wait_for_room().
  void send_announced(std::size_t bytes, const std::function<void(WorkFsm&)>& append);
  /// They will not be sent after all.
  void forget_announced(std::size_t bytes);

  /// Starts writing what has collected, unless that is under way. Called once a turn of the loop.
  void flush();

  // From any thread.
  [[nodiscard]] bool is_lost() const { return lost_.load(std::memory_order_acquire); }
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Waits while too much is still to be sent. False: the connection was lost.
  [[nodiscard]] bool wait_for_room(std::size_t bytes);

 private:
  void obey(std::vector<WorkAction> actions);
  void write_more();
  void on_written(error_code error, std::size_t bytes);
  void leave_if_done();
  void watch();
  [[nodiscard]] bool is_awaiting() const { return is_writing_ || fsm_.is_awaiting(); }
  [[nodiscard]] std::chrono::steady_clock::time_point patience_ends() const;

  WorkerLoop& loop_;
  const std::string name_;
  StreamSocket socket_;
  WorkFsm fsm_;
  std::size_t jobs_running_ = 0;
  std::map<std::string, std::shared_ptr<Attempt>> attempts_;  ///< by handle, the latest
  bool was_answered_ = false;
  bool is_retiring_ = false;
  std::string close_reason_;

  std::string writing_;
  std::size_t written_bytes_ = 0;
  bool is_writing_ = false;
  std::size_t announced_collected_ = 0;  ///< bytes of job threads in the FSM's output
  std::size_t announced_writing_ = 0;    ///< and in `writing_`

  // Runs only while an answer or a write is awaited, and is looked at when it fires, so that a
  // round trip costs no timer.
  boost::asio::steady_timer watchdog_;
  bool is_watched_ = false;
  std::chrono::steady_clock::time_point last_progress_;

  std::atomic<bool> lost_ = false;
  std::mutex room_mutex_;
  std::condition_variable room_changed_;
  std::size_t announced_bytes_ = 0;
};

}  // namespace gman
