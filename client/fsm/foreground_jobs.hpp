// SPDX-License-Identifier: BSD-3-Clause
// ForegroundJobs: many foreground jobs that share a connection: which of them were sent, which of
// those a server has, and what came of each.
//
// Submits are answered in the order in which they were sent (JOB_CREATED or ERROR); what workers
// report comes in any order and names its job by the handle. Only so many jobs are in flight at a
// time, since each of them is work that would be lost with the server, and since others want its
// queue, too. Jobs with the same unique are sent once: a server would make them one job as well,
// but would tell of it once or several times, depending on the server and on the moment.
//
// Which connection that is, and what is done when it breaks, is CallFsm's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <gman/error.hpp>

#include "client/fsm/call.hpp"

namespace gman {

class ForegroundJobs {
 public:
  /// Copies the parts of `call`, in which fault_of() found nothing wrong.
  ForegroundJobs(const RunManyCall& call, const CallLimits& limits);
  ForegroundJobs(const ForegroundJobs&) = delete;
  ForegroundJobs& operator=(const ForegroundJobs&) = delete;

  // ---- Sending

  /// Appends the next submits to `out`: as many as may be in flight, and about as much as is
  /// written at a time. Requires: all that was appended before was handed over.
  void append_submits(std::string& out);
  /// The first `bytes` of that `out` were handed to the kernel. A submit that was not handed over
  /// whole is never run.
  void handed_over(std::size_t bytes);

  // ---- What the server says. False: the protocol does not allow it.

  [[nodiscard]] bool created(std::string_view handle);
  [[nodiscard]] bool refused(const std::string& server, const std::string& words);
  [[nodiscard]] bool data(std::string_view handle, std::string_view bytes);
  [[nodiscard]] bool warning(std::string_view handle, std::string_view bytes);
  [[nodiscard]] bool complete(std::string_view handle, std::string_view bytes);
  [[nodiscard]] bool fail(std::string_view handle);
  [[nodiscard]] bool exception(std::string_view handle, std::string_view bytes);
  [[nodiscard]] bool is_running(std::string_view handle) const;

  // ---- Beginning and end of a connection, and the end of all

  /// What was appended and not handed over is to be sent again. Requires: nothing is in flight.
  void begin_connection();
  /// The server is gone with the jobs that it has or may have: how many those are. The others can
  /// be sent to another one.
  std::size_t lose(const Error& error);
  /// All that have not ended do now, with this error.
  void end_rest(const Error& error);
  /// What came of each job, in order. Requires: has_ended().
  [[nodiscard]] std::vector<JobOutcome> take_outcomes();

  [[nodiscard]] std::size_t count() const { return outcomes_.size(); }
  [[nodiscard]] std::size_t ended() const { return ended_; }
  [[nodiscard]] bool has_ended() const { return ended_ == count(); }
  /// A submit was appended whose answer has not come.
  [[nodiscard]] bool is_answer_due() const { return answered_ < appended_; }
  /// A server has, or may have, a job that has not ended.
  [[nodiscard]] bool is_in_flight() const { return running_ > 0 || answered_ < handed_over_; }

 private:
  struct Job {
    JobOfMany text;           // in texts_
    std::uint32_t index = 0;  // of its outcome
    std::uint32_t share = 1;  // so many jobs of the call are this one
    bool has_ended = false;
    bool is_too_long = false;  // its result is not kept
  };

  [[nodiscard]] Job* running(std::string_view handle);
  [[nodiscard]] JobOutcome& outcome_of(const Job& job) { return outcomes_[job.index]; }
  bool append(std::string_view handle, std::string JobOutcome::*part, std::string_view bytes,
              std::string_view end);
  void drop_result(Job& job);
  void end(Job& job, std::shared_ptr<const Error> error);
  [[nodiscard]] std::string subject(const Job& job);

  std::string function_;
  Priority priority_;
  std::size_t in_flight_max_;
  std::size_t bytes_max_;
  std::string texts_;
  std::vector<Job> jobs_;  // those that are sent, in order
  std::vector<JobOutcome> outcomes_;

  // The first of jobs_ that was not appended, handed over, answered: answered <= handed <=
  // appended.
  std::size_t appended_ = 0;
  std::size_t handed_over_ = 0;
  std::size_t answered_ = 0;
  std::vector<std::size_t> ends_;  // in the last `out`, of the submits from handed_over_ on
  // Of the connection in use, also of jobs that have ended. The names are in outcomes_.
  std::unordered_map<std::string_view, std::size_t> by_handle_;
  std::size_t running_ = 0;  // acknowledged, not ended
  std::size_t ended_ = 0;    // of all jobs of the call
  std::size_t bytes_ = 0;    // of all results
};

}  // namespace gman
