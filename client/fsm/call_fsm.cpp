// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/call_fsm.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "client/fsm/text.hpp"
#include "protocol/framing.hpp"
#include "protocol/request.hpp"

namespace gman {
namespace {

constexpr std::string_view echo_data = "gman ping";
constexpr std::size_t quoted_stranger_bytes_max = 40;

std::string in_ms(milliseconds time) {
  return std::to_string(time.count()) + " ms";
}

double ms_between(Instant from, Instant to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

CallFsm::CallFsm(const Call& call, const CallLimits& limits, ServerChoice& choice)
    : choice_(choice), limits_(limits), error_(fault_of(call, limits)) {
  if (error_) return;
  std::visit([this](const auto& one) { encode(one); }, call);
}

void CallFsm::encode(const SubmitCall& call) {
  kind_ = call.mode == JobMode::background ? Kind::background : Kind::foreground;
  function_ = printable(call.function, quoted_name_bytes_max);
  const SubmitJob job = job_of(call);
  out_.reserve(job.workload.size() + job.function.size() + job.unique.size() + 256);
  ask_for_exceptions();
  if (is_plain(job)) return append_request(out_, as_plain(job));
  beyond_plain_ = beyond_plain(job);
  ask_for(PacketType::submit);
  append_submit(out_, job);
}

void CallFsm::encode(const SubmitManyCall& call) {
  kind_ = Kind::many;
  function_ = printable(call.function, quoted_name_bytes_max);
  jobs_ = call.jobs.size();
  result_.jobs.reserve(jobs_);
  SubmitJob common = common_of(call);
  ask_for_exceptions();
  ask_for(PacketType::submit_many);
  append_submit_many(out_, common, call.jobs);
  for (const JobOfMany& job : call.jobs) {
    common.unique = job.unique;
    if (beyond_plain_.empty()) beyond_plain_ = beyond_plain(common);
  }
}

void CallFsm::encode(const RunManyCall& call) {
  kind_ = Kind::run_many;
  function_ = printable(call.function, quoted_name_bytes_max);
  jobs_ = call.jobs.size();
  run_.emplace(call, limits_);
}

void CallFsm::encode(const StatusCall& call) {
  kind_ = Kind::status;
  server_asked_ = call.server;
  result_.handle = call.handle;
  ask_for_exceptions();
  append_request(out_, GetStatus{call.handle});
}

void CallFsm::encode(const StatusUniqueCall& call) {
  kind_ = Kind::status_unique;
  server_asked_ = call.server;
  unique_ = call.unique;
  ask_for_exceptions();
  append_request(out_, GetStatusUnique{call.unique});
}

void CallFsm::encode(const PingCall& call) {
  kind_ = Kind::ping;
  server_asked_ = call.server;
  ask_for_exceptions();
  append_request(out_, EchoReq{echo_data});
}

void CallFsm::encode(const AdminCall& call) {
  kind_ = Kind::admin;
  server_asked_ = call.server;
  admin_.emplace(call.line);
  admin_line_ = printable(call.line, quoted_name_bytes_max);
  out_.append(call.line).append("\n");
}

void CallFsm::ask_for_exceptions() {
  append_request(out_, OptionReq{"exceptions"});
  greeting_bytes_ = options_bytes_ = out_.size();
}

void CallFsm::ask_for(PacketType extension) {
  extension_ = extension;
  append_request(out_, OptionReq{option_name_of(extension)});
  options_bytes_ = out_.size();
}

Action CallFsm::start(Instant now) {
  started_at_ = now;
  if (limits_.deadline.count() > 0) deadline_at_ = now + limits_.deadline;
  order_ = choice_.order(now);
  const std::size_t servers = order_.size();
  if (error_) {
    end(now);
  } else if (servers == 0) {
    fail(client_errc::no_servers, "no job server is configured", "name one in the list of servers",
         now);
  } else if (server_asked_.value_or(0) >= servers) {
    fail(client_errc::invalid_argument,
         "there is no server " + std::to_string(*server_asked_ + 1) + ": the list names " +
             std::to_string(servers),
         {}, now);
  } else {
    if (server_asked_) order_ = {*server_asked_};
    open_server(now);
  }
  return action();
}

Action CallFsm::resume(const CallEvent& event, Instant now) {
  GMAN_ASSERT(state_ != State::done);
  std::visit([&](const auto& happened) { on(happened, now); }, event);
  // A peer that never stops sending does not stop the clock.
  if (const auto due = wake_at(); due && now >= *due) on(TimePassed{}, now);
  if (state_ == State::done) in_ = {};  // an answer may have been long
  return action();
}

Action CallFsm::action() const {
  switch (state_) {
    case State::looking_up:
    case State::connecting: return Action::open;
    case State::asking:
    case State::working:
    case State::asking_status: return Action::transfer;
    case State::done: return Action::done;
  }
  return Action::done;
}

void CallFsm::cancel(Instant now) {
  GMAN_ASSERT(state_ != State::done);
  std::string message = "cancelled after " + elapsed(now);
  if (run_) {
    message += ": " + subject() + " had not ended";
  } else if (is_job() && state_ != State::looking_up && state_ != State::connecting) {
    message += ": " + subject();
    if (state_ != State::asking) {
      message += " had not ended";
    } else if (kind_ == Kind::many && may_have_job()) {
      message += " were not all acknowledged by " + server_name() + ", the fate of the others is " +
                 "unknown";
    } else if (may_have_job()) {
      message += " was sent to " + server_name() + " but not acknowledged, its fate is unknown";
    } else {
      message += " was not submitted";
    }
  }
  fail(client_errc::cancelled, std::move(message), {}, now);
  in_ = {};  // half an answer may be long
}

// ---- Time

std::optional<Instant> CallFsm::wake_at() const {
  std::optional<Instant> due = state_ == State::done ? std::nullopt : deadline_at_;
  const auto earlier = [&](Instant other) { due = due ? std::min(*due, other) : other; };
  switch (state_) {
    case State::looking_up:
    case State::connecting: earlier(try_until_); break;
    case State::asking:
      if (!exchange_.has_answered) earlier(try_until_);
      if (const auto answer = answer_due()) earlier(*answer);
      break;
    case State::asking_status: return status_until_;
    case State::working:
    case State::done: break;
  }
  return due;
}

std::optional<Instant> CallFsm::answer_due() const {
  if (limits_.answer_timeout.count() == 0) return std::nullopt;
  if (run_ && !exchange_.is_greeting_due && !run_->is_answer_due()) return std::nullopt;
  return exchange_.progressed_at + limits_.answer_timeout;
}

void CallFsm::on(const TimePassed&, Instant now) {
  const bool is_deadline = deadline_at_ && now >= *deadline_at_;
  const bool is_try_over = now >= try_until_;
  switch (state_) {
    case State::looking_up:
    case State::connecting:
      if (is_deadline) return pass_deadline(now);
      if (is_try_over) {
        const char* missing = state_ == State::looking_up ? "name look-up did not end within "
                                                          : "no connection within ";
        server_failed(missing + in_ms(limits_.connect_timeout), now);
      }
      return;
    case State::asking:
      if (is_deadline) return pass_deadline(now);
      if (!exchange_.has_answered && is_try_over) {
        server_failed("no answer within " + in_ms(limits_.connect_timeout), now);
      } else if (const auto due = answer_due(); due && now >= *due) {
        server_failed("no answer within " + in_ms(limits_.answer_timeout), now);
      }
      return;
    case State::working:
      if (is_deadline) ask_status(now);
      return;
    case State::asking_status:
      if (now >= status_until_)
        end_at_deadline("the server did not say what became of it", {}, now);
      return;
    case State::done: return;
  }
}

// The deadline passed before a job was acknowledged, or before any other answer came.
void CallFsm::pass_deadline(Instant now) {
  const bool is_connected = state_ == State::asking;
  std::string message;
  if (run_) {
    message = subject() + " did not end within " + in_ms(limits_.deadline) +
              (is_connected ? "" : ": no connection yet to " + server_name());
  } else if (is_connected && may_have_job()) {
    message = server_name() + " did not acknowledge " + subject() + " within " +
              in_ms(limits_.deadline) +
              (kind_ == Kind::many ? ": the fate of those not answered is unknown"
                                   : ": its fate is unknown");
  } else if (is_job()) {
    message = subject() + " was not submitted within " + in_ms(limits_.deadline) + ": " +
              (is_connected ? "sending to " : "no connection yet to ") + server_name();
  } else {
    message = "no answer from " + server_name() + " within " + in_ms(limits_.deadline);
  }
  if (!failures_.empty()) message += ", after " + failures();
  fail(client_errc::deadline, std::move(message), {}, now);
}

// working -> asking_status. The server is asked what it knows, since "did not end in time" alone
// leaves a person with nothing to go on.
void CallFsm::ask_status(Instant now) {
  append_request(out_, GetStatus{result_.handle});
  state_ = State::asking_status;
  status_until_ = now + status_grace;
}

void CallFsm::end_at_deadline(std::string_view what_is_known, std::string hint, Instant now) {
  fail(client_errc::deadline,
       subject() + " did not end within " + in_ms(limits_.deadline) + ": " +
           std::string(what_is_known),
       std::move(hint), now);
}

// ---- Connections

void CallFsm::open_server(Instant now) {
  state_ = State::looking_up;
  exchange_ = {};
  in_.clear();
  ++attempt_;
  try_until_ = now + limits_.connect_timeout;
}

void CallFsm::on(const LookedUp&, Instant) {
  GMAN_ASSERT(state_ == State::looking_up);
  state_ = State::connecting;
}

void CallFsm::on(const Opened& opened, Instant now) {
  GMAN_ASSERT(state_ == State::looking_up || state_ == State::connecting);
  state_ = State::asking;
  agreements_ = opened.agreements;
  const auto agreed = extension_ ? agreement() : Agreements::Answer::none;
  if (run_) {  // what was left of another connection's is of no use
    out_.clear();
    if (!opened.is_reused) ask_for_exceptions();
    run_->begin_connection();
  }
  if (admin_) admin_->start_over();
  exchange_ = {.is_reused = opened.is_reused,
               .is_greeting_due = !opened.is_reused && greeting_bytes_ > 0,
               .is_extension_due = extension_ && agreed == Agreements::Answer::none,
               .has_answered = opened.is_reused,
               .sent = opened.is_reused && !run_ ? greeting_bytes_ : 0,
               .asked_at = now,
               .progressed_at = now};
  switch (agreed) {
    case Agreements::Answer::none: break;
    case Agreements::Answer::yes: exchange_.sent = options_bytes_; break;
    case Agreements::Answer::no: fall_back(now); break;
  }
  if (run_) submit_more(now);
}

Agreements::Answer& CallFsm::agreement() {
  return extension_ == PacketType::submit ? agreements_.submit : agreements_.submit_many;
}

// The server does not know the packet. What was sent so far are options, and only their answers
// have come: the connection is in step.
void CallFsm::fall_back(Instant now) {
  if (!beyond_plain_.empty()) {
    is_connection_clean_ = true;
    result_.server = server_name();
    return fail(client_errc::server_error,
                server_name() + " cannot give " + subject() + " " + beyond_plain_ +
                    ": it does not know the option " + std::string(option_name_of(*extension_)),
                "gmand knows it; or submit without " + beyond_plain_, now);
  }
  const Packet packet =
      std::get<Packet>((*next_frame(std::string_view(out_).substr(options_bytes_)))->unit);
  std::string plain = out_.substr(0, greeting_bytes_);
  if (extension_ == PacketType::submit) {
    append_request(plain, as_plain(std::get<SubmitJob>(parse_submit(packet.body))));
  } else {
    auto many = std::get<SubmitMany>(parse_submit_many(packet.body));
    while (const auto job = many.next_job()) {
      many.common.unique = job->unique;
      many.common.workload = job->workload;
      append_request(plain, as_plain(many.common));
    }
  }
  out_ = std::move(plain);
  options_bytes_ = greeting_bytes_;
  exchange_.sent = greeting_bytes_;
  extension_.reset();
}

void CallFsm::on(const OpenFailed& failed, Instant now) {
  GMAN_ASSERT(state_ == State::looking_up || state_ == State::connecting);
  server_failed(failed.reason, now);
}

std::string_view CallFsm::unsent() const {
  if (state_ == State::done) return {};
  std::string_view all = out_;
  const bool is_held =
      exchange_.is_extension_due || (exchange_.is_greeting_due && order_.size() > 1);
  if (is_held) all = all.substr(0, options_bytes_);
  return all.substr(exchange_.sent);
}

void CallFsm::on(const Wrote& wrote, Instant now) {
  GMAN_ASSERT(wrote.bytes <= unsent().size());
  exchange_.sent += wrote.bytes;
  exchange_.progressed_at = now;
  if (run_) {
    run_->handed_over(exchange_.sent);
    return submit_more(now);
  }
  if (exchange_.is_request_sent || exchange_.sent < out_.size()) return;
  exchange_.is_request_sent = true;
  if (is_job()) {  // never sent again, and its workload may be long
    out_ = {};
    exchange_.sent = 0;
  }
}

void CallFsm::on(const Broken& broken, Instant now) {
  std::string reason = broken.reason;
  const bool is_half_heard = !in_.unread().empty() || (admin_ && admin_->has_begun());
  if (is_half_heard) reason += " in the middle of an answer";
  connection_failed(std::move(reason), now);
}

void CallFsm::connection_failed(std::string reason, Instant now) {
  // A connection kept from an earlier call may have been closed for its age, which says nothing
  // about the server.
  const bool may_repeat = state_ == State::asking && !may_have_job();
  if (exchange_.is_reused && may_repeat) return open_server(now);
  server_failed(std::move(reason), now);
}

void CallFsm::server_failed(std::string reason, Instant now) {
  choice_.failed(server(), now, reason);
  if (state_ == State::asking_status)
    return end_at_deadline(reason + ", so no more is known", {}, now);
  if (run_) return lose_server(std::move(reason), now);
  if (may_have_job()) return lose_job(reason, now);
  try_next_server(std::move(reason), now);
}

void CallFsm::try_next_server(std::string reason, Instant now) {
  failures_.push_back({server(), std::move(reason)});
  if (order_at_ + 1 < order_.size()) {
    ++order_at_;
    return open_server(now);
  }
  fail(client_errc::unreachable,
       "no job server reachable: " + failures() + " after " + elapsed(now),
       "start gmand, or correct the list of servers", now);
}

void CallFsm::lose_job(const std::string& reason, Instant now) {
  if (kind_ == Kind::many) {
    return fail(client_errc::connection_lost,
                server_name() + ": " + reason + ", " + elapsed(now) + " after the start, when " +
                    std::to_string(result_.jobs.size()) + " of " + subject() +
                    " were answered: the fate of the others is unknown",
                "submit those again if running them twice does no harm", now);
  }
  const bool is_acknowledged = state_ != State::asking;
  fail(client_errc::connection_lost,
       server_name() + ": " + reason + ", " + elapsed(now) + " after the start, when " + subject() +
           (is_acknowledged ? " had not ended" : " was sent but not acknowledged") +
           ": its fate is unknown",
       "submit it again if running it twice does no harm", now);
}

// ---- Answers

std::span<char> CallFsm::read_space() {
  // What is unread has been looked at, so a length that it begins with is within the limit.
  return in_.space(frame_bytes_needed(in_.unread()));
}

void CallFsm::on(const Received& received, Instant now) {
  in_.commit(received.bytes);
  read_packets(now);
}

void CallFsm::read_packets(Instant now) {
  while (state_ != State::done) {
    const std::string_view unread = in_.unread();
    if (unread.empty()) return;
    const bool is_text = unread.front() != '\0';
    if (admin_ && (is_text || admin_->has_begun())) return read_admin_answer(now);
    if (is_text) {
      choice_.failed(server(), now, "it does not speak the Gearman protocol");
      return fail(client_errc::protocol_error,
                  server_name() + " does not speak the Gearman protocol: it sent \"" +
                      printable(unread, quoted_stranger_bytes_max) + "\"",
                  "is that the address of a job server?", now);
    }
    const auto frame = next_frame(unread);
    if (!frame) return break_protocol(frame.error().message(), now);
    if (!*frame) return;
    const auto& packet = std::get<Packet>((*frame)->unit);
    const auto response = parse_response(packet);
    if (!response) {
      return break_protocol(
          std::string(spec_of(packet.type).name) + ": " + response.error().message(), now);
    }
    exchange_.has_answered = true;
    const bool is_option_due = exchange_.is_greeting_due || exchange_.is_extension_due;
    const bool is_in_turn =
        !is_option_due || packet.type == PacketType::option_res || packet.type == PacketType::error;
    std::visit(
        [&](const auto& one) {
          if constexpr (requires { answer(one, now); }) {
            if (is_in_turn) return answer(one, now);
          }
          unexpected(packet.type, now);
        },
        *response);
    in_.consume((*frame)->bytes);
    if (state_ == State::done) is_connection_clean_ &= in_.unread().empty();
  }
}

void CallFsm::read_admin_answer(Instant now) {
  exchange_.has_answered = true;
  exchange_.progressed_at = now;
  const bool is_whole = admin_->take(in_.unread());
  in_.consume(in_.unread().size());
  // Until it is whole, the end of a list may be among what has come.
  const std::size_t end_bytes = is_whole ? 0 : std::string_view(".\r").size();
  if (admin_->text().size() > limits_.admin_answer_bytes_max + end_bytes) {
    return fail(client_errc::protocol_error,
                server_name() + ": the answer to \"" + admin_line_ + "\" is above the limit of " +
                    std::to_string(limits_.admin_answer_bytes_max) + " bytes",
                "ask from a shell: gman admin", now);
  }
  if (!is_whole) return;
  result_.data = admin_->text();
  if (!admin_->is_error()) return succeed(now);
  result_.server = server_name();
  choice_.answered(server());
  fail(client_errc::server_error,
       server_name() + " refused \"" + admin_line_ +
           "\": " + printable(result_.data, quoted_text_bytes_max),
       {}, now);
}

void CallFsm::answer(const OptionRes&, Instant now) {
  if (exchange_.is_greeting_due) {
    exchange_.is_greeting_due = false;
  } else if (exchange_.is_extension_due) {
    exchange_.is_extension_due = false;
    agreement() = Agreements::Answer::yes;
  } else {
    return unexpected(PacketType::option_res, now);
  }
  exchange_.progressed_at = now;
  if (!exchange_.is_request_sent) exchange_.asked_at = now;
  if (run_) submit_more(now);
}

void CallFsm::answer(const ErrorRes& error, Instant now) {
  // A server without exceptions says so, and tells of a failed job by WORK_FAIL alone.
  if (exchange_.is_greeting_due) return answer(OptionRes{}, now);
  if (exchange_.is_extension_due) {
    exchange_.is_extension_due = false;
    exchange_.progressed_at = exchange_.asked_at = now;
    agreement() = Agreements::Answer::no;
    return fall_back(now);
  }
  if (state_ == State::asking_status) {
    return end_at_deadline("the server did not say what became of it", {}, now);
  }
  result_.server = server_name();
  const std::string quoted = printable(error.code, quoted_name_bytes_max) + " \"" +
                             printable(error.text, quoted_text_bytes_max) + "\"";
  if (kind_ == Kind::many && may_have_job()) {
    const auto refused = server_name() + " refused the job of function \"" + function_ + "\": ";
    return answer_job({.handle = {},
                       .refusal = quoted,
                       .error = std::make_shared<const Error>(
                           Error{client_errc::server_error, refused + quoted, {}})},
                      now);
  }
  if (run_) {
    if (!run_->refused(server_name(), quoted))
      return break_protocol("unexpected ERROR " + quoted, now);
    exchange_.progressed_at = now;
    return heard_of_job(true, PacketType::error, now);
  }
  const std::string refused = is_job() ? subject() : "the request";
  // The answer is whole and the connection in step, unless the request is still on its way.
  is_connection_clean_ = state_ == State::asking && exchange_.is_request_sent;
  fail(client_errc::server_error, server_name() + " refused " + refused + ": " + quoted, {}, now);
}

void CallFsm::answer(const JobCreated& created, Instant now) {
  if (state_ != State::asking || !may_have_job()) {
    return unexpected(PacketType::job_created, now);
  }
  if (created.handle.empty() || created.handle.size() > handle_bytes_max) {
    return break_protocol(
        "JOB_CREATED with a handle of " + std::to_string(created.handle.size()) + " bytes", now);
  }
  if (run_) {
    exchange_.progressed_at = now;
    choice_.answered(server());
    return heard_of_job(run_->created(created.handle), PacketType::job_created, now);
  }
  if (kind_ == Kind::many) {
    return answer_job({.handle = std::string(created.handle), .refusal = {}, .is_sent = true}, now);
  }
  result_.handle = created.handle;
  result_.server = server_name();
  choice_.answered(server());
  if (kind_ == Kind::background) return succeed(now);
  state_ = State::working;
}

// Answers come in the order of the jobs.
void CallFsm::answer_job(JobOutcome outcome, Instant now) {
  result_.jobs.push_back(std::move(outcome));
  exchange_.progressed_at = now;
  if (result_.jobs.size() < jobs_) return;
  // An answer to what was not sent yet is not the protocol's.
  if (!exchange_.is_request_sent) return break_protocol("more answers than jobs", now);
  succeed(now);
}

void CallFsm::answer(const WorkData& work, Instant now) {
  if (run_) return heard_of_job(run_->data(work.handle, work.data), PacketType::work_data, now);
  if (!is_ours(work.handle)) return unexpected(PacketType::work_data, now);
  append_result(result_.data, work.data, "", now);
}

void CallFsm::answer(const WorkWarning& work, Instant now) {
  if (run_)
    return heard_of_job(run_->warning(work.handle, work.data), PacketType::work_warning, now);
  if (!is_ours(work.handle)) return unexpected(PacketType::work_warning, now);
  append_result(result_.warning, work.data, "\n", now);
}

void CallFsm::answer(const WorkStatus& work, Instant now) {
  if (run_) return heard_of_job(run_->is_running(work.handle), PacketType::work_status, now);
  if (!is_ours(work.handle)) return unexpected(PacketType::work_status, now);
  result_.numerator = lenient_number(work.numerator);
  result_.denominator = lenient_number(work.denominator);
}

void CallFsm::answer(const WorkComplete& work, Instant now) {
  if (run_)
    return heard_of_job(run_->complete(work.handle, work.data), PacketType::work_complete, now);
  if (!is_ours(work.handle)) return unexpected(PacketType::work_complete, now);
  if (append_result(result_.data, work.data, "", now)) succeed(now);
}

void CallFsm::answer(const WorkFail& work, Instant now) {
  if (run_) return heard_of_job(run_->fail(work.handle), PacketType::work_fail, now);
  if (!is_ours(work.handle)) return unexpected(PacketType::work_fail, now);
  std::string message = subject() + " failed after " + elapsed(now);
  if (!result_.warning.empty()) {
    const std::string_view warnings{result_.warning.data(), result_.warning.size() - 1};
    message += ", with the warning: " + printable(warnings, quoted_text_bytes_max);
  }
  is_connection_clean_ = state_ == State::working;
  fail(client_errc::job_failed, std::move(message), "the worker's log may say why", now);
}

void CallFsm::answer(const WorkException& work, Instant now) {
  if (run_)
    return heard_of_job(run_->exception(work.handle, work.data), PacketType::work_exception, now);
  if (!is_ours(work.handle)) return unexpected(PacketType::work_exception, now);
  is_connection_clean_ = state_ == State::working;
  fail(client_errc::job_exception,
       subject() + " ended with an exception: " + printable(work.data, quoted_text_bytes_max), {},
       now);
}

void CallFsm::answer(const StatusRes& status, Instant now) {
  const bool is_asked =
      state_ == State::asking_status ||
      (state_ == State::asking && kind_ == Kind::status && exchange_.is_request_sent);
  if (!is_asked || status.handle != result_.handle) {
    return unexpected(PacketType::status_res, now);
  }
  result_.known = status.known;
  result_.running = status.running;
  if (status.running) {
    result_.numerator = status.numerator;
    result_.denominator = status.denominator;
  }
  if (state_ == State::asking) return succeed(now);

  if (!status.known) return end_at_deadline("the server does not know it any more", {}, now);
  if (!status.running) {
    return end_at_deadline("it is queued and no worker has taken it",
                           "is a worker for \"" + function_ + "\" connected?", now);
  }
  std::string progress = "a worker is running it";
  if (status.denominator > 0) {
    progress += " (" + std::to_string(status.numerator) + " of " +
                std::to_string(status.denominator) + " done)";
  }
  end_at_deadline(progress, {}, now);
}

void CallFsm::answer(const StatusResUnique& status, Instant now) {
  const bool is_asked =
      state_ == State::asking && kind_ == Kind::status_unique && exchange_.is_request_sent;
  if (!is_asked || status.unique != unique_) return unexpected(PacketType::status_res_unique, now);
  result_.known = status.known;
  result_.running = status.running;
  result_.clients = status.clients;
  if (status.running) {
    result_.numerator = status.numerator;
    result_.denominator = status.denominator;
  }
  succeed(now);
}

void CallFsm::answer(const EchoRes& echo, Instant now) {
  if (state_ != State::asking || kind_ != Kind::ping || !exchange_.is_request_sent) {
    return unexpected(PacketType::echo_res, now);
  }
  if (echo.data != echo_data) return break_protocol("ECHO_RES with other bytes than sent", now);
  result_.round_trip_ms = ms_between(exchange_.asked_at, now);
  succeed(now);
}

// False when the result has grown too large, which ends the call.
bool CallFsm::append_result(std::string& to, std::string_view data, std::string_view end,
                            Instant now) {
  const std::size_t bytes = result_.data.size() + result_.warning.size() + data.size() + end.size();
  if (bytes > limits_.result_bytes_max) {
    fail(client_errc::protocol_error,
         "the result of " + subject() + " is above the limit of " +
             std::to_string(limits_.result_bytes_max) + " bytes",
         "let the worker store the result and return where it is", now);
    return false;
  }
  to.append(data).append(end);
  return true;
}

bool CallFsm::is_ours(std::string_view handle) const {
  const bool is_waiting = state_ == State::working || state_ == State::asking_status;
  return is_waiting && handle == result_.handle;
}

void CallFsm::unexpected(PacketType type, Instant now) {
  break_protocol("unexpected " + std::string(spec_of(type).name), now);
}

// ---- Ends

void CallFsm::break_protocol(const std::string& what, Instant now) {
  choice_.failed(server(), now, what);
  std::string message = server_name() + " broke the protocol: " + what;
  if (may_have_job()) {
    message += "; the fate of " + subject() + " is unknown";
  }
  is_connection_clean_ = false;
  fail(client_errc::protocol_error, std::move(message), {}, now);
}

void CallFsm::succeed(Instant now) {
  result_.server = server_name();
  choice_.answered(server());
  // Once GET_STATUS was sent, its answer is still to come.
  is_connection_clean_ = state_ == State::asking || state_ == State::working;
  end(now);
}

void CallFsm::fail(client_errc code, std::string message, std::string hint, Instant now) {
  error_ = Error{code, std::move(message), std::move(hint)};
  end(now);
}

void CallFsm::end(Instant now) {
  result_.elapsed_ms = ms_between(started_at_, now);
  if (run_) {
    if (error_) run_->end_rest(*error_);
    result_.numerator = static_cast<std::uint32_t>(run_->ended());
    result_.jobs = run_->take_outcomes();
    run_.reset();
  }
  if (admin_) {
    is_connection_clean_ = false;
    admin_.reset();
  }
  out_ = {};
  state_ = State::done;
}

// ---- Words

bool CallFsm::is_job() const {
  switch (kind_) {
    case Kind::background:
    case Kind::foreground:
    case Kind::many:
    case Kind::run_many: return true;
    case Kind::status:
    case Kind::status_unique:
    case Kind::ping:
    case Kind::admin: return false;
  }
  return false;
}

// A packet that was not sent whole is not run. Many plain packets may be run as soon as one is.
bool CallFsm::may_have_job() const {
  if (!is_job()) return false;
  if (run_) return run_->is_in_flight();
  const bool is_one_packet = kind_ != Kind::many || extension_.has_value();
  return exchange_.is_request_sent || (!is_one_packet && exchange_.sent > options_bytes_);
}

const std::string& CallFsm::server_name() const {
  return choice_.servers()[server()].name;
}

std::string CallFsm::subject() const {
  const std::string function = " of function \"" + function_ + "\"";
  if (kind_ == Kind::many) return std::to_string(jobs_) + " jobs" + function;
  if (run_) {
    return std::to_string(jobs_ - run_->ended()) + " of " + std::to_string(jobs_) + " jobs" +
           function;
  }
  return result_.handle.empty() ? "the job" + function
                                : "job " + printable(result_.handle, handle_bytes_max) + function;
}

JobCounts CallFsm::job_counts() const {
  GMAN_ASSERT(state_ == State::done);
  if (!is_job() || (error_ && error_->code == client_errc::invalid_argument)) return {};
  if (kind_ == Kind::background || kind_ == Kind::foreground) {
    return {.sent = result_.handle.empty() ? 0U : 1U, .failed = error_ ? 1U : 0U};
  }
  JobCounts counts{.failed = jobs_ - result_.jobs.size()};
  for (const JobOutcome& job : result_.jobs) {
    const JobOutcome& one = job.same_as ? result_.jobs[*job.same_as] : job;
    if (!one.handle.empty()) ++counts.sent;
    if (one.error) ++counts.failed;
  }
  return counts;
}

// "127.0.0.1:4730 (connection refused), unix:/run/x (no such file or directory)"
std::string CallFsm::failures() const {
  std::string text;
  for (const Failure& failure : failures_) {
    if (!text.empty()) text += ", ";
    text += choice_.servers()[failure.server].name + " (" + failure.reason + ")";
  }
  return text;
}

std::string CallFsm::elapsed(Instant now) const {
  return in_ms(std::chrono::duration_cast<milliseconds>(now - started_at_));
}

}  // namespace gman
