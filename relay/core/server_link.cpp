// SPDX-License-Identifier: BSD-3-Clause
#include "relay/core/server_link.hpp"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>
#include <variant>

#include "client/fsm/text.hpp"
#include "protocol/errors.hpp"
#include "protocol/extended.hpp"
#include "protocol/limits.hpp"

namespace gman::relay {
namespace {

constexpr std::string_view option_exceptions = "exceptions";
constexpr std::size_t reason_bytes_max = 500;
// Of one SUBMIT_MANY; a larger job goes alone.
constexpr std::size_t packet_bytes_max = 1u << 20;

// What no later time makes acceptable.
bool is_lasting(std::string_view code) {
  return code == refusal_of(protocol_errc::workload_too_large).code ||
         code == error_text::invalid_argument_code || code == error_text::unknown_option_code;
}

std::string text_of(const ErrorRes& error) {
  return printable(std::string(error.code) + ": " + std::string(error.text), reason_bytes_max);
}

std::size_t identity_of(const Terms& terms, const Part& part) {
  return std::hash<std::string>{}(part.unique + '\0' + terms.function);
}

SubmitJob job_of(const Terms& terms, const Part& part) {
  return {.function = terms.function,
          .unique = part.unique,
          .workload = part.workload,
          .priority = terms.priority,
          .mode = terms.mode,
          .unique_mode = terms.unique_mode};
}

}  // namespace

void ServerLink::begin(Instant now) {
  has_begun_ = true;
  heard_at_ = now;
  ask_option(option_exceptions);
  ask_option(option_name_of(PacketType::submit));
  ask_option(option_name_of(PacketType::submit_many));
  ask_option(unique_window_option);
}

void ServerLink::ask_option(std::string_view name) {
  append_request(out_, OptionReq{name});
}

void ServerLink::submit(const Terms& terms, const std::vector<Part>& parts, Instant now) {
  if (!is_awaiting()) heard_at_ = now;
  std::vector<JobOfMany> many;
  std::size_t bytes = 0;
  const auto send_many = [&] {
    if (many.empty()) return;
    append_submit_many(out_, job_of(terms, {}), many);
    many.clear();
    bytes = 0;
  };
  for (const Part& part : parts) {
    unanswered_.push_back({part.ticket, terms.mode, identity_of(terms, part)});
    if (!knows_many_) {
      submit_plain(terms, part);
      continue;
    }
    const JobOfMany job{part.unique, part.workload};
    const bool is_full = many.size() == submit_many_jobs_max;
    if (is_full || bytes + bytes_in_many(job) > packet_bytes_max) send_many();
    if (bytes_in_many(job) > packet_bytes_max && knows_submit_) {
      append_submit(out_, job_of(terms, part));
      continue;
    }
    many.push_back(job);
    bytes += bytes_in_many(job);
  }
  send_many();
}

// A server that does not know "until start" would join the job to one that runs, which may have
// read the row as it was before: there it has no unique.
void ServerLink::submit_plain(const Terms& terms, const Part& part) {
  SubmitJob job = job_of(terms, part);
  if (terms.unique_mode == UniqueMode::alive) return append_request(out_, job);
  if (knows_submit_) return append_submit(out_, job);
  job.unique = {};
  job.unique_mode = UniqueMode::alive;
  append_request(out_, job);
}

std::string ServerLink::received(std::string_view bytes, Instant now,
                                 std::vector<Outcome>& outcomes) {
  heard_at_ = now;
  while (!bytes.empty()) {
    const auto space = in_.space(frame_bytes_needed(in_.unread()));
    const std::size_t taken = bytes.copy(space.data(), space.size());
    in_.commit(taken);
    bytes.remove_prefix(taken);
  }
  std::string broken;
  while (broken.empty()) {
    const auto frame = next_frame(in_.unread());
    if (!frame) return "the server broke the protocol: " + frame.error().message();
    if (!*frame) break;
    const auto* packet = std::get_if<Packet>(&(*frame)->unit);
    if (packet == nullptr || packet->magic != Magic::res) {
      return "the server broke the protocol: what it sent is no answer";
    }
    const auto response = parse_response(*packet);
    if (!response) return "the server broke the protocol: " + response.error().message();
    answer(*response, outcomes, broken);
    in_.consume((*frame)->bytes);
  }
  return broken;
}

void ServerLink::answer(const Response& response, std::vector<Outcome>& outcomes,
                        std::string& broken) {
  const auto* error = std::get_if<ErrorRes>(&response);
  const auto* created = std::get_if<JobCreated>(&response);
  if (std::holds_alternative<OptionRes>(response) || (error != nullptr && !is_ready())) {
    if (is_ready()) {
      broken = "the server broke the protocol: it answered an option that nobody asked for";
      return;
    }
    return answer_option(error == nullptr);
  }
  if (error != nullptr || created != nullptr) {
    if (unanswered_.empty()) {
      broken = error != nullptr ? "the server says " + text_of(*error)
                                : "the server broke the protocol: it made a job that nobody sent";
      return;
    }
    if (created != nullptr && is_repeated(*created)) {
      broken = "the server broke the protocol: it told of job " +
               printable(created->handle, reason_bytes_max) + " twice";
      return;
    }
    const Waiting job = unanswered_.front();
    unanswered_.pop_front();
    if (error != nullptr) {
      const bool lasts = is_lasting(error->code);
      outcomes.push_back(
          {job.ticket, lasts ? Outcome::Kind::refused : Outcome::Kind::busy, text_of(*error)});
    } else if (job.mode == JobMode::background) {
      outcomes.push_back({job.ticket, Outcome::Kind::delivered, {}});
    } else {
      running_[std::string(created->handle)].push_back(job.ticket);
    }
    return;
  }
  if (const auto* done = std::get_if<WorkComplete>(&response)) {
    end_job(done->handle, Outcome::Kind::delivered, {}, outcomes);
  } else if (const auto* failed = std::get_if<WorkFail>(&response)) {
    end_job(failed->handle, Outcome::Kind::failed, "the job failed", outcomes);
  } else if (const auto* raised = std::get_if<WorkException>(&response)) {
    end_job(raised->handle, Outcome::Kind::failed,
            "the job raised an exception: " + printable(raised->data, reason_bytes_max), outcomes);
  } else if (std::holds_alternative<EchoRes>(response)) {
    is_asked_ = false;
  }
  // What else workers say on their way is for clients that wait for a result.
}

// Of number 0 is each job that has ended (docs/PROTOCOL.md 11, gman.unique_window).
bool ServerLink::is_repeated(const JobCreated& created) {
  return !created.handle.ends_with(":0") &&
         !answered_.add(created.handle, unanswered_.front().identity);
}

void ServerLink::answer_option(bool is_known) {
  switch (options_answered_++) {
    case 1: knows_submit_ = is_known; break;
    case 2: knows_many_ = is_known; break;
    case 3: remembers_ = is_known; break;
    default: break;  // exceptions: without it a job that raises one is told as failed
  }
}

// An end that nobody waits for is that of a job which was told of twice: an exception, then a
// failure.
void ServerLink::end_job(std::string_view handle, Outcome::Kind kind, std::string_view reason,
                         std::vector<Outcome>& outcomes) {
  const auto found = running_.find(std::string(handle));
  if (found == running_.end()) return;
  for (const Ticket ticket : found->second) {
    outcomes.push_back({ticket, kind, std::string(reason)});
  }
  running_.erase(found);
}

std::vector<Outcome> ServerLink::end(const std::string& reason) {
  std::vector<Outcome> outcomes;
  for (const Waiting& job : unanswered_) {
    outcomes.push_back({job.ticket, Outcome::Kind::unknown, reason});
  }
  for (const auto& [handle, tickets] : running_) {
    for (const Ticket ticket : tickets) {
      outcomes.push_back({ticket, Outcome::Kind::unknown, reason});
    }
  }
  *this = ServerLink(settings_);
  return outcomes;
}

bool ServerLink::tick(Instant now) {
  if (!has_begun_) return true;
  const auto silence = now - heard_at_;
  if (is_awaiting()) return silence < settings_.silence_max;
  if (!running_.empty() && silence >= settings_.silence_max / 2) {
    append_request(out_, EchoReq{"gman-relay"});
    is_asked_ = true;
    heard_at_ = now;
  }
  return true;
}

std::optional<Instant> ServerLink::wake_at() const {
  if (!has_begun_) return std::nullopt;
  if (is_awaiting()) return heard_at_ + settings_.silence_max;
  if (!running_.empty()) return heard_at_ + settings_.silence_max / 2;
  return std::nullopt;
}

}  // namespace gman::relay
