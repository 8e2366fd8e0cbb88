// SPDX-License-Identifier: BSD-3-Clause
// ServerLink: the relay's conversation with one job server, for as long as one connection lasts.
//
// A sans-I/O machine: bytes in, bytes and outcomes out. It asks by OPTION_REQ for what it would
// like to use and does without what the server does not know: SUBMIT_MANY for many jobs of one
// function, SUBMIT for a unique that joins only jobs that have not started, and the server's memory
// of the relay's uniques. Submits are pipelined; the answers come in their order. A background
// job's outcome is its answer, a foreground job's is its end. An answer that comes twice is not
// taken for another job's: see AnsweredHandles.
//
// The server answers, or it is not there: while something is awaited and nothing comes, an ECHO_REQ
// asks; after `silence_max` the connection is to be closed. A job that was sent and not answered
// may have been accepted: nobody knows, and the outcome says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "client/fsm/read_buffer.hpp"
#include "protocol/request.hpp"
#include "protocol/response.hpp"
#include "relay/core/answered_handles.hpp"

namespace gman::relay {

/// Names a submit to whoever made it.
using Ticket = std::uint64_t;

/// Jobs that differ in nothing but their uniques and workloads.
struct Terms {
  std::string function;
  Priority priority = Priority::normal;
  JobMode mode = JobMode::background;
  UniqueMode unique_mode = UniqueMode::alive;

  friend bool operator==(const Terms&, const Terms&) = default;
};
struct Part {
  Ticket ticket = 0;
  std::string unique;
  std::string workload;
};

struct Outcome {
  enum class Kind : std::uint8_t {
    delivered,  ///< a background job was accepted, a foreground job was completed
    failed,     ///< a foreground job failed
    busy,       ///< refused, and may be accepted later
    refused,    ///< refused, and will be so again
    unknown,    ///< the connection ended before it was known
  };
  Ticket ticket = 0;
  Kind kind = Kind::delivered;
  std::string reason;
};

class ServerLink {
 public:
  struct Settings {
    milliseconds silence_max{30'000};
  };

  explicit ServerLink(Settings settings) : settings_(settings) {}

  /// The connection is there: the options are asked for.
  void begin(Instant now);
  /// All options were answered: jobs can be submitted.
  [[nodiscard]] bool is_ready() const { return has_begun_ && options_answered_ == options_count; }
  /// Whether the server remembers the relay's uniques after their jobs have ended.
  [[nodiscard]] bool remembers() const { return remembers_; }

  // Requires: is_ready().
  void submit(const Terms& terms, const std::vector<Part>& parts, Instant now);

  /// What came of jobs is appended to `outcomes`. Not empty: the server broke the protocol in this
  /// way, the connection is to be closed.
  [[nodiscard]] std::string received(std::string_view bytes, Instant now,
                                     std::vector<Outcome>& outcomes);

  /// The connection has ended: everything that has no outcome gets one.
  [[nodiscard]] std::vector<Outcome> end(const std::string& reason);

  /// What is due by then: see wake_at(). False: the server has been silent for too long.
  [[nodiscard]] bool tick(Instant now);
  [[nodiscard]] std::optional<Instant> wake_at() const;

  /// Bytes to send since the last call.
  [[nodiscard]] std::string take_output() { return std::exchange(out_, {}); }

 private:
  static constexpr std::size_t options_count = 4;

  struct Waiting {
    Ticket ticket;
    JobMode mode;
    // Of function and unique: jobs in which they differ never have one handle.
    std::size_t identity;
  };
  void ask_option(std::string_view name);
  void answer(const Response& response, std::vector<Outcome>& outcomes, std::string& broken);
  void answer_option(bool is_known);
  void end_job(std::string_view handle, Outcome::Kind kind, std::string_view reason,
               std::vector<Outcome>& outcomes);
  void submit_plain(const Terms& terms, const Part& part);
  [[nodiscard]] bool is_repeated(const JobCreated& created);
  [[nodiscard]] bool is_awaiting() const {
    return !is_ready() || !unanswered_.empty() || is_asked_;
  }

  Settings settings_;
  bool has_begun_ = false;
  std::size_t options_answered_ = 0;
  bool knows_submit_ = false;
  bool knows_many_ = false;
  bool remembers_ = false;
  bool is_asked_ = false;  // an ECHO_REQ is under way
  Instant heard_at_{};     // or began to wait
  std::string out_;
  ReadBuffer in_;
  std::deque<Waiting> unanswered_;
  AnsweredHandles answered_;
  std::unordered_map<std::string, std::vector<Ticket>> running_;  // foreground jobs by handle
};

}  // namespace gman::relay
