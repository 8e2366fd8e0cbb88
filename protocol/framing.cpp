// SPDX-License-Identifier: BSD-3-Clause
#include "protocol/framing.hpp"

#include <cstring>

#include "base/assert.hpp"

namespace gman {
namespace {

constexpr std::string_view request_magic{"\0REQ", 4};
constexpr std::string_view response_magic{"\0RES", 4};

std::uint32_t load_big_u32(const char* at) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(at);
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[3]};
}

char* store_big_u32(char* at, std::uint32_t value) {
  at[0] = static_cast<char>(value >> 24);
  at[1] = static_cast<char>(value >> 16);
  at[2] = static_cast<char>(value >> 8);
  at[3] = static_cast<char>(value);
  return at + 4;
}

Result<std::optional<Frame>> next_line(std::string_view in) {
  const std::size_t end = in.substr(0, text_line_bytes_max).find('\n');
  if (end == std::string_view::npos) {
    if (in.size() >= text_line_bytes_max) return protocol_errc::text_line_too_long;
    return std::nullopt;
  }
  std::string_view text = in.substr(0, end);
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  return Frame{TextLine{text}, end + 1};
}

}  // namespace

Result<std::optional<Frame>> next_frame(std::string_view in, std::uint32_t body_limit) {
  if (in.empty()) return std::nullopt;
  if (in.front() != '\0') return next_line(in);

  // A wrong magic is reported as soon as it shows, so that a peer of another protocol is not
  // waited for.
  const std::size_t magic_bytes = std::min(in.size(), request_magic.size());
  const std::string_view head = in.substr(0, magic_bytes);
  const bool is_request = head == request_magic.substr(0, magic_bytes);
  const bool is_response = head == response_magic.substr(0, magic_bytes);
  if (!is_request && !is_response) return protocol_errc::bad_magic;
  if (in.size() < header_bytes) return std::nullopt;

  const PacketSpec* spec = find_spec(load_big_u32(&in[4]));
  if (spec == nullptr) return protocol_errc::unknown_type;
  const std::uint32_t body_bytes = load_big_u32(&in[8]);
  if (body_bytes > body_limit) return protocol_errc::body_too_large;
  if (in.size() - header_bytes < body_bytes) return std::nullopt;
  return Frame{
      Packet{is_request ? Magic::req : Magic::res, spec->type, in.substr(header_bytes, body_bytes)},
      header_bytes + body_bytes};
}

std::size_t frame_bytes_needed(std::string_view in) {
  if (in.size() < header_bytes || in.front() != '\0') return 0;
  return header_bytes + std::size_t{load_big_u32(&in[8])};
}

void append_packet(std::string& out, Magic magic, PacketType type,
                   std::initializer_list<std::string_view> args) {
  std::size_t body_bytes = args.size() > 1 ? args.size() - 1 : 0;
  for (const std::string_view arg : args) body_bytes += arg.size();
  GMAN_ASSERT(body_bytes <= body_bytes_max);

  const std::size_t start = out.size();
  out.resize(start + header_bytes + body_bytes);
  char* at = out.data() + start;
  std::memcpy(at, (magic == Magic::req ? request_magic : response_magic).data(), 4);
  at = store_big_u32(at + 4, static_cast<std::uint32_t>(type));
  at = store_big_u32(at, static_cast<std::uint32_t>(body_bytes));
  bool first = true;
  for (const std::string_view arg : args) {
    if (!first) *at++ = '\0';
    first = false;
    if (!arg.empty()) std::memcpy(at, arg.data(), arg.size());
    at += arg.size();
  }
}

}  // namespace gman
