// SPDX-License-Identifier: BSD-3-Clause
// Any body under any type, read as a request and as a response. What was read can be written, and
// reads the same again.
#include <string>

#include "protocol/errors.hpp"
#include "protocol/request.hpp"
#include "protocol/response.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace gman;
using gman::fuzz::FuzzInput;
using gman::fuzz::require;

namespace {

Packet packet_in(const std::string& bytes) {
  const auto frame = next_frame(bytes);
  require(frame && *frame && (*frame)->bytes == bytes.size(), "what is written is one packet");
  return std::get<Packet>((*frame)->unit);
}

void check_request(const Packet& packet) {
  const auto request = parse_request(packet);
  if (!request) {
    const Refusal refusal = refusal_of(static_cast<protocol_errc>(request.error().value()));
    require(!refusal.closes, "a fault in a packet costs its sender that packet only");
    require(!refusal.code.empty() && !refusal.text.empty(), "a refusal says why");
    return;
  }
  std::string once;
  append_request(once, *request);
  const auto again = parse_request(packet_in(once));
  require(again.has_value(), "a good request is good when it is written again");
  std::string twice;
  append_request(twice, *again);
  require(once == twice, "a request is the same when it is written again");
}

void check_response(const Packet& packet) {
  const auto response = parse_response(packet);
  if (!response) return;
  std::string once;
  append_response(once, *response);
  const auto again = parse_response(packet_in(once));
  require(again.has_value(), "a good response is good when it is written again");
  std::string twice;
  append_response(twice, *again);
  require(once == twice, "a response is the same when it is written again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const std::uint8_t choice = input.byte();
  const PacketSpec& spec = packet_table[choice % packet_table.size()];
  const std::string_view body = input.all();
  check_request({.magic = Magic::req, .type = spec.type, .body = body});
  check_response({.magic = Magic::res, .type = spec.type, .body = body});
  return 0;
}
