// SPDX-License-Identifier: BSD-3-Clause
// Any bytes, cut into frames. What a frame is does not depend on how the bytes came.
#include "protocol/framing.hpp"

#include "protocol/limits.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using gman::frame_bytes_needed;
using gman::next_frame;
using gman::fuzz::require;

namespace {

// A frame that is whole is seen in no less, and in all that is longer, the same.
void check_prefixes(std::string_view in, std::size_t frame_bytes) {
  for (std::size_t size = 0; size < frame_bytes; ++size) {
    const auto early = next_frame(in.substr(0, size));
    require(early && !*early, "the beginning of a good frame is half a frame");
  }
  const auto exact = next_frame(in.substr(0, frame_bytes));
  require(exact && *exact && (*exact)->bytes == frame_bytes, "a frame ends where it ends");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view in(reinterpret_cast<const char*>(data), size);
  while (true) {
    const auto frame = next_frame(in);
    if (!frame) return 0;
    const std::size_t needed = frame_bytes_needed(in);
    if (!*frame) {
      require(needed == 0 || needed > in.size(), "half a frame needs more than is there");
      require(needed <= gman::header_bytes + gman::body_bytes_max, "no frame is above the limit");
      return 0;
    }
    const std::size_t bytes = (*frame)->bytes;
    require(bytes > 0 && bytes <= in.size(), "a frame lies in what is there");
    if (const auto* packet = std::get_if<gman::Packet>(&(*frame)->unit)) {
      require(needed == bytes, "what a packet needs is what it has");
      require(bytes == gman::header_bytes + packet->body.size(), "a packet is header and body");
    } else {
      require(bytes <= gman::text_line_bytes_max, "no line is above the limit");
    }
    check_prefixes(in, bytes);
    in.remove_prefix(bytes);
  }
}
