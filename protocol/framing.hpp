// SPDX-License-Identifier: BSD-3-Clause
// Framing: where one packet or one admin line ends in a stream of bytes.
//
// One connection may carry packets and admin lines in any order; the first byte of each decides:
// NUL begins a packet, anything else a line up to LF (a CR before it is dropped). Nothing is
// allocated here and nothing is copied: a frame is a view into the caller's bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.hpp"
#include "protocol/errors.hpp"
#include "protocol/limits.hpp"
#include "protocol/packet.hpp"

namespace gman {

enum class Magic : std::uint8_t { req, res };

/// A whole packet. `body` lives as long as the bytes it was found in.
struct Packet {
  Magic magic{};
  PacketType type{};
  std::string_view body;
};

/// A whole admin line, without its end.
struct TextLine {
  std::string_view text;
};

struct Frame {
  std::variant<Packet, TextLine> unit;
  std::size_t bytes = 0;  ///< how much of the input it took
};

/// The first frame of `in`. Half a frame is not an error, it is `nullopt`. An error ends the
/// connection: what follows cannot be trusted. A server may allow less than body_bytes_max.
[[nodiscard]] Result<std::optional<Frame>> next_frame(std::string_view in,
                                                      std::uint32_t body_limit = body_bytes_max);

/// How many bytes the frame that starts `in` will need in all, as far as that can be told already
/// (0: not yet). Lets a reader size its buffer once; the limit has been checked by `next_frame`.
[[nodiscard]] std::size_t frame_bytes_needed(std::string_view in);

/// Appends one packet: `args` separated by NUL, the last one taking the rest.
/// Requires: the body fits body_bytes_max.
void append_packet(std::string& out, Magic magic, PacketType type,
                   std::initializer_list<std::string_view> args);

}  // namespace gman
