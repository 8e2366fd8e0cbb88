// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/virtual_server.hpp"

#include "protocol/errors.hpp"
#include "tests/sim/failure.hpp"

namespace gman::sim {

VirtualServer::VirtualServer(const EngineSettings& settings, Output output)
    : engine_(
          settings,
          {.send = [this](ConnId conn, std::string_view bytes) { sessions_.at(conn).out += bytes; },
           .close = [this](ConnId conn, CloseReason) { sessions_.at(conn).is_open = false; }}),
      output_(std::move(output)) {}

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
  std::string answer = engine_.admin(*command, line.text, now);
  sessions_.at(conn).out += answer;
}

void VirtualServer::refuse(ConnId conn, const error_code& fault, bool as_text) {
  const Refusal refusal = refusal_of(static_cast<protocol_errc>(fault.value()));
  Session& session = sessions_.at(conn);
  if (as_text) {
    session.out += admin_error(refusal.code, refusal.text);
  } else {
    append_response(session.out, ErrorRes{refusal.code, refusal.text});
  }
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
}

}  // namespace gman::sim
