// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/effects.hpp"

namespace gman {

std::string_view to_string(CloseReason reason) {
  switch (reason) {
    case CloseReason::peer_closed: return "peer_closed";
    case CloseReason::peer_reset: return "peer_reset";
    case CloseReason::protocol_error: return "protocol_error";
    case CloseReason::half_packet: return "half_packet";
    case CloseReason::slow_consumer: return "slow_consumer";
    case CloseReason::too_many_words: return "too_many_words";
    case CloseReason::engine_limit: return "engine_limit";
    case CloseReason::shutting_down: return "shutting_down";
  }
  return "unknown";
}

void Effects::send(ConnId to, const Response& response) {
  send(to, encode(response));
}

Effects::Encoded Effects::encode(const Response& response) {
  const std::size_t offset = bytes_.size();
  append_response(bytes_, response);
  return {offset, bytes_.size() - offset};
}

void Effects::send(ConnId to, Encoded packet, std::uint64_t batch) {
  if (!list_.empty()) {
    auto* last = std::get_if<Send>(&list_.back());
    if (last != nullptr && last->to == to && last->batch == batch &&
        last->offset + last->bytes == packet.offset) {
      last->bytes += packet.bytes;
      return;
    }
  }
  list_.emplace_back(Send{to, packet.offset, packet.bytes, batch});
}

void Effects::clear() {
  // A turn that moved a huge result must not hold its memory for ever.
  constexpr std::size_t bytes_kept_max = std::size_t{4} << 20;
  list_.clear();
  bytes_.clear();
  if (bytes_.capacity() > bytes_kept_max) std::string().swap(bytes_);
}

}  // namespace gman
