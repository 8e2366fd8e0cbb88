// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/virtual_server.hpp"

#include <algorithm>

#include "protocol/errors.hpp"
#include "tests/sim/failure.hpp"

namespace gman::sim {

VirtualServer::VirtualServer(const EngineSettings& settings, Output output)
    : settings_([&] {
        EngineSettings first = settings;
        first.first_job_number = JobNumber{1} << job_number_start_shift;
        return first;
      }()),
      engine_(settings_,
              {.send = [this](ConnId conn, std::string_view bytes,
                              std::uint64_t batch) { send(conn, bytes, batch); },
               .close = [this](ConnId conn, CloseReason) { sessions_.at(conn).is_open = false; }}),
      output_(std::move(output)) {}

// As the switchboard: what follows a promise is held with it.
void VirtualServer::send(ConnId conn, std::string_view bytes, std::uint64_t batch) {
  Session& session = sessions_.at(conn);
  if (batch > stored_batch_) return session.held.promise(batch, bytes);
  if (!session.held.empty()) return session.held.follow(bytes);
  session.out += bytes;
}

// As the session table: slots are used again, ids never.
ConnId VirtualServer::accept() {
  if (free_slots_.empty()) free_slots_.push_back(slots_++);
  const ConnId conn{++generation_ << 32 | free_slots_.back()};
  free_slots_.pop_back();
  sessions_[conn] = {};
  engine_.connected(conn);
  return conn;
}

void VirtualServer::receive(ConnId conn, std::string_view bytes, Now now) {
  const auto known = sessions_.find(conn);
  if (known == sessions_.end()) return;  // closed by us: the peer has not heard of it yet
  Session& session = known->second;
  session.in += bytes;
  const std::string in = std::exchange(session.in, {});
  std::size_t used = 0;
  while (session.is_open) {
    const std::string_view rest = std::string_view(in).substr(used);
    const auto frame = next_frame(rest);
    if (!frame) {
      refuse(conn, frame.error(), frame.error() == protocol_errc::text_line_too_long);
      break;
    }
    if (!*frame) break;
    if (const auto* packet = std::get_if<Packet>(&(*frame)->unit)) {
      handle(conn, rest.substr(0, (*frame)->bytes), *packet, now);
    } else {
      handle(conn, std::get<TextLine>((*frame)->unit), now);
    }
    used += (*frame)->bytes;
  }
  session.in = in.substr(used);
  finish_turn(now);
}

void VirtualServer::ended(ConnId conn, Now now) {
  const auto known = sessions_.find(conn);
  if (known == sessions_.end()) return;
  known->second.is_open = false;
  finish_turn(now);
}

void VirtualServer::tick(Now now) {
  engine_.tick(now);
  finish_turn(now);
}

// What was understood must also be what was said: written again, it gives the same bytes, unless
// the sender took a liberty that the protocol allows.
void VirtualServer::handle(ConnId conn, std::string_view bytes, const Packet& packet, Now now) {
  const auto request = parse_request(packet);
  if (!request) return refuse(conn, request.error(), false);
  std::string again;
  append_request(again, *request);
  if (again != bytes) {
    const auto twice = next_frame(again);
    require(twice && *twice && (*twice)->bytes == again.size(), "a request is not one packet");
    const auto second = parse_request(std::get<Packet>((*twice)->unit));
    std::string third;
    if (second) append_request(third, *second);
    require(second && third == again, "a request is read differently when it is written again");
  }
  if (on_request) on_request(conn, *request);
  engine_.handle(conn, *request, now);
}

void VirtualServer::handle(ConnId conn, const TextLine& line, Now now) {
  const auto command = parse_admin(line.text);
  if (!command) return refuse(conn, command.error(), true);
  const std::string answer = engine_.admin(*command, line.text, now);
  send(conn, answer, 0);
}

void VirtualServer::refuse(ConnId conn, const error_code& fault, bool as_text) {
  const Refusal refusal = refusal_of(static_cast<protocol_errc>(fault.value()));
  Session& session = sessions_.at(conn);
  std::string answer;
  if (as_text) {
    answer = admin_error(refusal.code, refusal.text);
  } else {
    append_response(answer, ErrorRes{refusal.code, refusal.text});
  }
  send(conn, answer, 0);
  if (refusal.closes) session.is_open = false;
}

// The engine is told of an end before anything is sent, since others may hear of it.
void VirtualServer::finish_turn(Now now) {
  for (auto& [conn, session] : sessions_) {
    if (!session.is_open) engine_.disconnected(conn, now);
  }
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    const auto session = at++;
    const ConnId conn = session->first;
    if (!session->second.out.empty()) output_.send(conn, std::exchange(session->second.out, {}));
    if (session->second.is_open) continue;
    output_.close(conn);
    sessions_.erase(session);
    free_slots_.push_back(static_cast<std::uint32_t>(conn.value));
  }
  give_to_store();
  for (const JobNumber number : engine_.take_wanted()) {
    wanted_.push_back(number);
    output_.read();
  }
}

// ---- The store

JobRecord VirtualServer::Kept::record() const {
  JobRecord record = changes.added(0);
  if (!is_requeued) return record;
  record.position = position;
  record.attempts_lost = attempts_lost;
  record.due_ms.reset();
  return record;
}

void VirtualServer::give_to_store() {
  if (given_batch_ || !engine_.has_changes()) return;
  given_.clear();
  given_batch_ = engine_.take_batch(given_);
  output_.store();
}

void VirtualServer::keep_given() {
  for (std::size_t i = 0; i < given_.added_count(); ++i) {
    stored_.try_emplace(given_.added(i).number, given_.added(i));
  }
  for (const JobRequeued& job : given_.requeued()) {
    const auto known = stored_.find(job.number);
    if (known == stored_.end()) continue;
    known->second.is_requeued = true;
    known->second.position = job.position;
    known->second.attempts_lost = job.attempts_lost;
  }
  for (const JobNumber number : given_.removed()) stored_.erase(number);
}

void VirtualServer::store_has_it(Now now) {
  if (!given_batch_) return;
  keep_given();
  stored_batch_ = *std::exchange(given_batch_, std::nullopt);
  engine_.set_store_fault({});
  for (auto& [conn, session] : sessions_) {
    std::string& out = session.out;  // clang 14 lets no lambda capture a structured binding
    session.held.release(stored_batch_, [&out](std::string_view bytes) { out += bytes; });
  }
  engine_.stored(stored_batch_, now);
  finish_turn(now);
}

// In any order, and also when the job is gone meanwhile.
void VirtualServer::store_reads(std::size_t which, bool is_lost, Now now) {
  const JobNumber number = wanted_[which];
  wanted_.erase(wanted_.begin() + static_cast<std::ptrdiff_t>(which));
  const auto kept = stored_.find(number);
  if (is_lost || kept == stored_.end()) {
    if (kept != stored_.end()) stored_.erase(kept);
    engine_.lost(number, now);
  } else {
    engine_.fetched(number, kept->second.record().workload, now);
  }
  finish_turn(now);
}

void VirtualServer::give_up_storing(Now now) {
  if (!given_batch_) return;
  const std::string text = "The job was not stored";
  std::string refusal;
  append_response(refusal, ErrorRes{error_text::store_error_code, text});
  for (auto& [conn, session] : sessions_) {
    std::string& out = session.out;
    session.held.give_up(stored_batch_, [&](std::string_view bytes, bool is_broken) {
      if (!is_broken) {
        out += bytes;
        return;
      }
      while (const auto frame = *next_frame(bytes)) {
        const auto& packet = std::get<Packet>(frame->unit);
        bytes.remove_prefix(frame->bytes);
        if (packet.type == PacketType::job_created) out += refusal;
      }
    });
  }
  engine_.give_up_storing(now);
  engine_.set_store_fault(text);
  finish_turn(now);
}

void VirtualServer::restart(bool last_batch_is_stored, Now now) {
  if (given_batch_ && last_batch_is_stored) keep_given();
  given_batch_.reset();
  stored_batch_ = engine_.batch();
  for (const auto& [conn, session] : sessions_) {
    free_slots_.push_back(static_cast<std::uint32_t>(conn.value));
  }
  sessions_.clear();

  std::vector<JobRecord> jobs;
  wanted_.clear();
  for (const auto& [number, kept] : stored_) {
    JobRecord job = kept.record();
    // Some are loaded without, as where many were queued again.
    const bool is_left = settings_.workload_memory_bytes_max != 0 && number % 2 == 0;
    if (is_left && Engine::can_stay_away(job)) {
      job.away_bytes = static_cast<std::uint32_t>(job.workload.size());
      job.workload = {};
    }
    jobs.push_back(job);
  }
  std::ranges::sort(jobs, {}, &JobRecord::position);
  starts_.emplace(start_, settings_.handle_prefix);
  ++start_;
  settings_.handle_prefix = "H" + std::to_string(start_);
  settings_.first_job_number = JobNumber{start_} << job_number_start_shift;
  engine_.restart(settings_, jobs, starts_, last_batch_is_stored, now);
  finish_turn(now);
}

}  // namespace gman::sim
