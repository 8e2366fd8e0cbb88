// SPDX-License-Identifier: BSD-3-Clause
// CallFsm: one call of a client, from the first server that is tried to the answer.
//
// A sans-I/O machine: it owns the bytes, the timers and every rule, and does no I/O. The driver
// starts it, does what the returned Action says, and resumes it with what came of that:
//
//     Action action = call.start(now);
//     while (action != Action::done) { do it; action = call.resume(event, now); }
//
// Which server gets a job. Servers are tried in the order of ServerChoice. A job goes to the next
// server only when the one before it certainly has not accepted it: the connection failed, or not
// all bytes of the request were handed to the kernel (half a packet is never run). Once the whole
// request was sent, a connection that breaks leaves the job's fate unknown, and the call says so
// (connection_lost) instead of risking to run it twice. Asking for a status or an echo may be
// repeated and is.
//
// The first request of a connection follows OPTION_REQ exceptions. With one server they travel
// together. With several the request waits for the OPTION_RES, so that a server that accepts
// connections but is hung can be passed over while the job is still ours.
//
// What plain packets cannot say goes by an extended packet (protocol/extended.hpp), whose own
// OPTION_REQ travels with the first. Such a request waits for the answer whatever the number of
// servers: a server that does not know the packet closes, and its close can take its answers along.
// A server without the option gets the plain packets if they can say the same; else the call fails,
// naming the server. What was agreed is kept with the connection.
//
// Many foreground jobs share a connection (foreground_jobs.hpp). The rules are the same for each of
// them: those that the connection took along are lost with it, the others go to the next server.
// The first of them waits for the OPTION_RES, whatever the number of servers.
//
// An admin command has a connection of its own, without options, which is never kept: where its
// answer ends is told by its content, which is made of names that others chose, and what such a
// name leaves behind must not be heard by the call for a job.
//
// A connection that reported anything the protocol does not allow, packets about jobs that are not
// ours among it, is closed: nothing else on it can be trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <gman/error.hpp>

#include "base/time.hpp"
#include "client/fsm/admin_answer.hpp"
#include "client/fsm/call.hpp"
#include "client/fsm/foreground_jobs.hpp"
#include "client/fsm/read_buffer.hpp"
#include "client/fsm/server_choice.hpp"
#include "protocol/response.hpp"

namespace gman {

/// After the deadline of a foreground job, the wait for STATUS_RES.
inline constexpr milliseconds status_grace{50};

/// What the driver is to do.
enum class Action : std::uint8_t {
  open,      ///< provide a connection to server(); a new attempt() drops the one before
  transfer,  ///< send unsent(), receive into read_space(), as the socket allows
  done,      ///< see error() and result(); keep the connection if is_connection_clean()
};

// What came of it.
struct LookedUp {};  ///< the server's name is resolved, connecting begins

/// What OPTION_REQs on a connection brought, for the driver to keep with it.
struct Agreements {
  enum class Answer : std::uint8_t { none, yes, no };
  Answer submit = Answer::none;
  Answer submit_many = Answer::none;
};
struct Opened {
  bool is_reused = false;
  Agreements agreements{};  ///< of a reused connection
};
struct OpenFailed {
  std::string reason;
};
struct Wrote {
  std::size_t bytes = 0;
};
struct Received {
  std::size_t bytes = 0;
};
/// The connection ended, by the peer or by an error.
struct Broken {
  std::string reason;
};
/// wake_at() was reached.
struct TimePassed {};

/// What came of a call's jobs, for statistics.
struct JobCounts {
  std::size_t sent = 0;    ///< acknowledged by a handle
  std::size_t failed = 0;  ///< that did not end well, sent or not
};

using CallEvent = std::variant<LookedUp, Opened, OpenFailed, Wrote, Received, Broken, TimePassed>;

class CallFsm {
 public:
  /// Copies the parts of `call` into its packets. `choice` outlives the machine.
  CallFsm(const Call& call, const CallLimits& limits, ServerChoice& choice);

  [[nodiscard]] Action start(Instant now);
  [[nodiscard]] Action resume(const CallEvent& event, Instant now);

  /// What start() or resume() returned last.
  [[nodiscard]] Action action() const;

  /// Ends the call as cancelled. Its connection, if any, is not clean.
  void cancel(Instant now);

  /// When to resume with TimePassed, if nothing else happens before.
  [[nodiscard]] std::optional<Instant> wake_at() const;

  /// The server to open, or the one that the connection in use leads to.
  [[nodiscard]] std::size_t server() const { return order_.at(order_at_); }

  /// Counts the connections that were asked for.
  [[nodiscard]] std::uint32_t attempt() const { return attempt_; }

  /// The connection that is provided must be new, is for this call only, and never clean.
  [[nodiscard]] bool wants_own_connection() const { return kind_ == Kind::admin; }

  /// For Action::transfer. A long workload is sent while answers are read already.
  [[nodiscard]] std::string_view unsent() const;
  [[nodiscard]] std::span<char> read_space();

  /// After Action::done.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] const CallResult& result() const { return result_; }
  [[nodiscard]] bool is_connection_clean() const { return is_connection_clean_; }
  [[nodiscard]] const Agreements& agreements() const { return agreements_; }
  /// Of a call that was not refused for its arguments.
  [[nodiscard]] JobCounts job_counts() const;

 private:
  enum class Kind : std::uint8_t {
    background,
    foreground,
    many,      // in the background
    run_many,  // in the foreground
    status,
    status_unique,
    ping,
    admin,
  };
  enum class State : std::uint8_t {
    looking_up,  // the server's name
    connecting,
    asking,         // the request is on its way, or was sent and not answered
    working,        // JOB_CREATED came, the foreground job has not ended
    asking_status,  // its deadline passed, GET_STATUS was sent to tell why
    done,
  };

  // The connection in use. Meaningful from `asking` on.
  struct Exchange {
    bool is_reused = false;
    bool is_greeting_due = false;   // the answer to OPTION_REQ exceptions has not come yet
    bool is_extension_due = false;  // nor has the one to extension_
    bool has_answered = false;
    bool is_request_sent = false;
    std::size_t sent = 0;  // of out_
    Instant asked_at{};    // when the request could first be written
    Instant progressed_at{};
  };

  struct Failure {
    std::size_t server;
    std::string reason;
  };

  void on(const LookedUp&, Instant now);
  void on(const Opened&, Instant now);
  void on(const OpenFailed&, Instant now);
  void on(const Wrote&, Instant now);
  void on(const Received&, Instant now);
  void on(const Broken&, Instant now);
  void on(const TimePassed&, Instant now);

  void encode(const SubmitCall& call);
  void encode(const SubmitManyCall& call);
  void encode(const RunManyCall& call);
  void encode(const StatusCall& call);
  void encode(const StatusUniqueCall& call);
  void encode(const PingCall& call);
  void encode(const AdminCall& call);
  void ask_for_exceptions();
  void ask_for(PacketType extension);
  [[nodiscard]] Agreements::Answer& agreement();
  void fall_back(Instant now);
  void answer_job(JobOutcome outcome, Instant now);

  void answer(const JobCreated&, Instant now);
  void answer(const WorkData&, Instant now);
  void answer(const WorkWarning&, Instant now);
  void answer(const WorkStatus&, Instant now);
  void answer(const WorkComplete&, Instant now);
  void answer(const WorkFail&, Instant now);
  void answer(const WorkException&, Instant now);
  void answer(const StatusRes&, Instant now);
  void answer(const StatusResUnique&, Instant now);
  void answer(const EchoRes&, Instant now);
  void answer(const OptionRes&, Instant now);
  void answer(const ErrorRes&, Instant now);

  // Of Kind::run_many, in call_fsm_run.cpp.
  void submit_more(Instant now);
  void heard_of_job(bool is_allowed, PacketType type, Instant now);
  void lose_server(std::string reason, Instant now);
  void end_run(Instant now);

  void read_packets(Instant now);
  void read_admin_answer(Instant now);
  void open_server(Instant now);
  void ask_status(Instant now);
  void server_failed(std::string reason, Instant now);
  void connection_failed(std::string reason, Instant now);
  void try_next_server(std::string reason, Instant now);
  void lose_job(const std::string& reason, Instant now);
  void pass_deadline(Instant now);
  void end_at_deadline(std::string_view what_is_known, std::string hint, Instant now);
  void break_protocol(const std::string& what, Instant now);
  void unexpected(PacketType type, Instant now);
  void succeed(Instant now);
  void fail(client_errc code, std::string message, std::string hint, Instant now);
  void end(Instant now);

  [[nodiscard]] bool is_job() const;
  [[nodiscard]] bool may_have_job() const;
  [[nodiscard]] bool is_ours(std::string_view handle) const;
  bool append_result(std::string& to, std::string_view data, std::string_view end, Instant now);
  [[nodiscard]] std::optional<Instant> answer_due() const;
  [[nodiscard]] const std::string& server_name() const;
  [[nodiscard]] std::string subject() const;
  [[nodiscard]] std::string failures() const;
  [[nodiscard]] std::string elapsed(Instant now) const;

  ServerChoice& choice_;
  CallLimits limits_;
  Kind kind_{};
  ServerAsked server_asked_;
  std::string function_;  // printable
  std::string out_;       // OPTION_REQs, the request, later GET_STATUS; a sent job's is dropped
  std::size_t greeting_bytes_ = 0;       // OPTION_REQ exceptions
  std::size_t options_bytes_ = 0;        // and that of extension_
  std::optional<PacketType> extension_;  // by which the request goes
  std::string beyond_plain_;             // what only it can say
  std::size_t jobs_ = 0;                 // of Kind::many and Kind::run_many
  std::optional<ForegroundJobs> run_;    // of Kind::run_many, until it has ended
  std::size_t jobs_lost_ = 0;            // of run_, with their servers
  std::optional<AdminAnswer> admin_;     // of Kind::admin
  std::string admin_line_;               // printable
  std::string unique_;                   // of Kind::status_unique

  State state_ = State::looking_up;
  Exchange exchange_;
  ReadBuffer in_;
  Instant started_at_{};
  std::optional<Instant> deadline_at_;
  Instant try_until_{};     // looking_up, connecting, and asking until the first answer
  Instant status_until_{};  // asking_status
  std::vector<std::size_t> order_;
  std::size_t order_at_ = 0;
  std::uint32_t attempt_ = 0;
  std::vector<Failure> failures_;

  std::optional<Error> error_;
  CallResult result_;
  Agreements agreements_;
  bool is_connection_clean_ = false;
};

}  // namespace gman
