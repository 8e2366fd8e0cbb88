// SPDX-License-Identifier: BSD-3-Clause
// A byte string as a story of many connections, their bytes and the time, told to the simulation's
// server: framing, requests, admin lines and the engine, with the model beside it.
//
// Each step is a byte that says what happens and to which of eight connections, then what it needs.
// In packets and lines the bytes 0xf0 to 0xff stand for the handle of a living job, and 0xec to
// 0xef for uniques as relays make them.
#include <array>
#include <string>

#include "tests/fuzz/fuzz_input.hpp"
#include "tests/sim/virtual_server.hpp"

using namespace gman;
using gman::fuzz::FuzzInput;

namespace {

constexpr std::size_t steps_max = 400;
constexpr std::uint8_t first_handle = 0xf0;
constexpr std::uint8_t first_unique = 0xec;

class Story {
 public:
  explicit Story(const EngineSettings& settings)
      : server_(settings, {.send = [](ConnId, std::string_view) {},
                           .close = [this](ConnId conn) { forget(conn); }}) {
    now_.steady = Instant(std::chrono::hours(1));
    now_.wall = WallTime(std::chrono::sys_days(std::chrono::year{2026} / 11 / 22));
  }

  void tell(FuzzInput& input) {
    for (std::size_t step = 0; step < steps_max && !input.empty(); ++step) one_step(input);
    for (const auto& conn : conns_) {
      if (conn) server_.ended(*conn, now_);
    }
  }

 private:
  void one_step(FuzzInput& input) {
    const std::uint8_t choice = input.byte();
    const std::size_t who = choice >> 5;
    switch (choice & 7U) {
      case 0: return receive(who, input.bytes(input.byte()));
      case 1:
      case 2:
      case 3: return receive(who, packet(input));
      case 4: return receive(who, with_names(input.bytes(input.byte())) + "\n");
      case 5: return pass(input.byte());
      case 6:
        if (conns_[who]) server_.ended(*conns_[who], now_);
        return;
      case 7: now_.wall += std::chrono::seconds(input.byte() - 128); return;
    }
  }

  [[nodiscard]] std::string packet(FuzzInput& input) const {
    const std::uint8_t type = input.byte();
    const std::string body = with_names(input.bytes(input.byte()));
    std::string bytes;
    append_packet(bytes, Magic::req, packet_table[type % packet_table.size()].type, {body});
    return bytes;
  }

  [[nodiscard]] std::string with_names(std::string_view text) const {
    const auto& jobs = server_.engine().model().jobs();
    std::string result;
    for (const char c : text) {
      const auto byte = static_cast<std::uint8_t>(c);
      if (byte >= first_unique && byte < first_handle) {
        result += "0123abcd-4567-89ab-cdef-0123456789ab:" + std::to_string(byte - first_unique + 1);
      } else if (byte < first_handle || jobs.empty()) {
        result += c;
      } else {
        result += std::next(jobs.begin(), static_cast<std::ptrdiff_t>(byte % jobs.size()))->first;
      }
    }
    return result;
  }

  void receive(std::size_t who, std::string_view bytes) {
    if (!conns_[who]) conns_[who] = server_.accept();
    server_.receive(*conns_[who], bytes, now_);
  }

  void pass(std::uint8_t much) {
    const auto step = milliseconds(much < 128 ? much : (much - 128) * 1000);
    now_.steady += step;
    now_.wall += step;
    // Late or early, but always after what is due.
    server_.tick(now_);
  }

  void forget(ConnId conn) {
    for (auto& known : conns_) {
      if (known == conn) known.reset();
    }
  }

  sim::VirtualServer server_;
  Now now_;
  std::array<std::optional<ConnId>, 8> conns_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const std::uint8_t kind = input.byte();
  EngineSettings settings{.handle_prefix = "H"};
  settings.unique_window = std::chrono::minutes(1);
  settings.unique_window_max = 2;
  settings.attempts_max = kind & 3U;
  settings.exceptions_for_all = (kind & 4U) != 0;
  if ((kind & 8U) != 0) settings.clients_per_job_max = 2;
  if ((kind & 16U) != 0) settings.function_queue_max = 2;
  if ((kind & 32U) != 0) settings.functions_max = 3;
  if ((kind & 64U) != 0) settings.functions_per_worker_max = 2;
  if ((kind & 128U) != 0) settings.timeout_action = TimeoutAction::fail;
  Story(settings).tell(input);
  return 0;
}
