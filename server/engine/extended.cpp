// SPDX-License-Identifier: BSD-3-Clause
// The packets from 1000 up. They come to the same rules as the old ones; here is only who may send
// them, and that each job of many is answered by itself.
#include "protocol/extended.hpp"

#include "protocol/errors.hpp"
#include "server/engine/core.hpp"

namespace gman::engine {

void Core::on(Connection& peer, const ExtendedRequest& request, Turn turn) {
  if (!peer.allows(request.type)) {
    const Refusal unknown = refusal_of(protocol_errc::unknown_type);
    turn.effects.send(peer.id, ErrorRes{unknown.code, unknown.text});
    return turn.effects.close(peer.id, CloseReason::protocol_error);
  }
  if (request.type == PacketType::submit) return submit_one(peer, request.body, turn);
  if (request.type == PacketType::submit_many) return submit_many(peer, request.body, turn);
  if (request.type == PacketType::can_do_many) return can_do_many(peer, request.body, turn);
}

void Core::submit_one(Connection& client, std::string_view body, Turn turn) {
  const auto parsed = parse_submit(body);
  if (const auto* fault = std::get_if<ExtendedFault>(&parsed)) return refuse(client, *fault, turn);
  on(client, std::get<SubmitJob>(parsed), turn);
}

void Core::submit_many(Connection& client, std::string_view body, Turn turn) {
  auto parsed = parse_submit_many(body);
  if (const auto* fault = std::get_if<ExtendedFault>(&parsed)) return refuse(client, *fault, turn);
  auto& many = std::get<SubmitMany>(parsed);
  SubmitJob job = many.common;
  while (const auto part = many.next_job()) {
    job.unique = part->unique;
    job.workload = part->workload;
    if (many.fault) {
      refuse(client, *many.fault, turn);
    } else if (const auto broken = fault_of(job)) {
      const Refusal refusal = refusal_of(*broken);
      turn.effects.send(client.id, ErrorRes{refusal.code, refusal.text});
    } else {
      on(client, job, turn);
    }
  }
}

void Core::can_do_many(Connection& worker, std::string_view body, Turn turn) {
  const auto parsed = parse_can_do_many(body);
  if (const auto* fault = std::get_if<ExtendedFault>(&parsed)) return refuse(worker, *fault, turn);
  for (const CanDo& ability : std::get<std::vector<CanDo>>(parsed)) on(worker, ability, turn);
}

void Core::refuse(const Connection& peer, const ExtendedFault& fault, Turn turn) {
  turn.effects.send(peer.id, ErrorRes{fault.code, fault.text});
  if (fault.closes) turn.effects.close(peer.id, CloseReason::protocol_error);
}

}  // namespace gman::engine
