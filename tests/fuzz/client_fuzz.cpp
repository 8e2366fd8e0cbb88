// SPDX-License-Identifier: BSD-3-Clause
// Any bytes from a server, with time and broken connections between them, heard by a call and by a
// worker. What a call makes of an answer does not depend on how its bytes were cut.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "client/fsm/call_fsm.hpp"
#include "client/fsm/work_fsm.hpp"
#include "protocol/limits.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace gman;
using gman::fuzz::FuzzInput;
using gman::fuzz::require;

namespace {

constexpr std::size_t result_bytes_max_here = 300;

// What the server sends: stretches of raw bytes, and well-formed packets.
std::string server_bytes(FuzzInput& input, std::uint8_t choice) {
  if ((choice & 1U) == 0) return std::string(input.bytes(input.byte()));
  const std::uint8_t type = input.byte();
  std::string bytes;
  append_packet(bytes, Magic::res, packet_table[type % packet_table.size()].type,
                {input.bytes(input.byte())});
  return bytes;
}

class Caller {
 public:
  explicit Caller(std::uint8_t kind) {
    auto servers = parse_server_list((kind & 8U) != 0 ? "one:1,two:2" : "one:1");
    choice_.configure(std::get<std::vector<ServerAddress>>(std::move(servers)), milliseconds(5000));
    CallLimits limits{.result_bytes_max = result_bytes_max_here,
                      .admin_answer_bytes_max = result_bytes_max_here};
    if ((kind & 16U) != 0) limits.deadline = milliseconds(100);
    fsm_ = std::make_unique<CallFsm>(call_of(kind), limits, choice_);
    action_ = fsm_->start(now_);
    obey();
  }

  void hear(std::string_view bytes, std::size_t piece) {
    while (!bytes.empty() && action_ == Action::transfer) {
      const std::span<char> space = fsm_->read_space();
      require(!space.empty(), "there is always room to read into");
      const std::size_t count = std::min({space.size(), bytes.size(), piece});
      std::copy_n(bytes.data(), count, space.data());
      bytes.remove_prefix(count);
      resume(Received{count});
    }
  }
  void pass(milliseconds time) {
    now_ += time;
    const auto wake_at = fsm_->wake_at();
    if (action_ != Action::done && wake_at && *wake_at <= now_) resume(TimePassed{});
  }
  void break_off() {
    if (action_ == Action::transfer) resume(Broken{"reset"});
  }
  [[nodiscard]] bool is_done() const { return action_ == Action::done; }
  void give_up() {
    if (!is_done()) fsm_->cancel(now_);
    action_ = fsm_->action();
    require(is_done(), "a call that is cancelled has ended");
  }
  [[nodiscard]] const CallFsm& fsm() const { return *fsm_; }

 private:
  static Call call_of(std::uint8_t kind) {
    static constexpr std::array jobs{JobOfMany{"u", "w"}, JobOfMany{"", "x"}, JobOfMany{"u", "w"},
                                     JobOfMany{"", "y"}};
    if ((kind & 128U) != 0) {
      switch (kind & 3U) {
        case 0: return AdminCall{"status"};
        case 1: return AdminCall{"version"};
        case 2: return StatusUniqueCall{"u"};
        default: return RunManyCall{.function = "f", .jobs = jobs};
      }
    }
    switch (kind & 7U) {
      case 0:
      case 1: return PingCall{};
      case 2: return StatusCall{"H:1"};
      case 3: return SubmitCall{.function = "f", .mode = JobMode::background};
      default: return SubmitCall{.function = "f", .unique = "u", .workload = "w"};
    }
  }
  void resume(const CallEvent& event) {
    action_ = fsm_->resume(event, now_);
    obey();
  }
  // The network does at once what it is asked for.
  void obey() {
    constexpr int rounds_max = 100;
    for (int round = 0; round < rounds_max; ++round) {
      if (action_ == Action::open) {
        action_ = fsm_->resume(LookedUp{}, now_);
        if (action_ == Action::open) action_ = fsm_->resume(Opened{}, now_);
      } else if (action_ == Action::transfer && !fsm_->unsent().empty()) {
        action_ = fsm_->resume(Wrote{fsm_->unsent().size()}, now_);
      } else {
        return;
      }
    }
    require(false, "a call does not go round and round");
  }

  ServerChoice choice_;
  std::unique_ptr<CallFsm> fsm_;
  Action action_{};
  Instant now_{std::chrono::hours(1)};
};

void check_end(const Caller& caller) {
  const CallResult& result = caller.fsm().result();
  require(result.data.size() + result.warning.size() <= result_bytes_max_here,
          "no result is above the limit");
  require(result.handle.size() <= handle_bytes_max, "no handle is above the limit");
  std::size_t bytes = 0;
  for (const JobOutcome& job : result.jobs) {
    bytes += job.data.size() + job.warning.size() + job.exception.size();
    require(job.handle.size() <= handle_bytes_max, "no handle is above the limit");
    require(!job.same_as || *job.same_as < result.jobs.size(), "no outcome is elsewhere");
  }
  require(bytes <= result_bytes_max_here, "all results together are not above the limit");
  if (caller.fsm().error()) {
    require(!caller.fsm().error()->message.empty(), "an error says what happened");
    const std::string& message = caller.fsm().error()->message;
    require(std::ranges::all_of(message, [](char c) { return c != '\n' && c != '\0'; }),
            "an error is one printable line");
  }
}

// Many jobs are sent as what is heard allows it. An answer that comes together with what allows the
// question is a lie, which the pieces cannot show.
bool answered_too_early(const Caller& whole) {
  const auto& error = whole.fsm().error();
  return !whole.fsm().result().jobs.empty() && error && error->code == client_errc::protocol_error;
}

void fuzz_call(FuzzInput& input) {
  const std::uint8_t kind = input.byte();
  Caller pieces(kind);
  Caller whole(kind);
  while (!input.empty()) {
    const std::uint8_t choice = input.byte();
    switch (choice & 7U) {
      case 6: {
        const milliseconds time(input.byte() * 10);
        pieces.pass(time);
        whole.pass(time);
        break;
      }
      case 7:
        pieces.break_off();
        whole.break_off();
        break;
      default: {
        const std::string bytes = server_bytes(input, choice);
        pieces.hear(bytes, 1 + (choice >> 3U));
        whole.hear(bytes, bytes.size());
      }
    }
    if (answered_too_early(whole)) break;
    require(pieces.is_done() == whole.is_done(), "how bytes are cut does not matter");
  }
  pieces.give_up();
  whole.give_up();
  check_end(pieces);
  check_end(whole);
  if (answered_too_early(whole)) return;
  const auto& some = pieces.fsm().result().jobs;
  const auto& same = whole.fsm().result().jobs;
  require(std::ranges::equal(some, same,
                             [](const JobOutcome& a, const JobOutcome& b) {
                               return a.data == b.data && a.handle == b.handle &&
                                      (a.error == nullptr) == (b.error == nullptr);
                             }),
          "how bytes are cut does not matter");
  require(pieces.fsm().result().data == whole.fsm().result().data &&
              pieces.fsm().error().has_value() == whole.fsm().error().has_value(),
          "how bytes are cut does not matter");
}

void fuzz_worker(FuzzInput& input) {
  WorkFsm worker("me", {{"f", milliseconds(0)}, {"g", milliseconds(50)}});
  worker.connected();
  std::string in;
  std::vector<std::string> running;
  std::size_t slots = 2;
  while (!input.empty()) {
    const std::uint8_t choice = input.byte();
    if ((choice & 7U) == 6 && !running.empty()) {
      worker.complete(running.back(), "done");
      running.pop_back();
      ++slots;
    } else if ((choice & 7U) == 7) {
      worker.retire();
    } else {
      in += server_bytes(input, choice);
    }
    if (worker.wants_grab() && slots > 0) {
      worker.grab();
      --slots;
    }
    std::size_t taken = 0;
    for (const WorkAction& action : worker.receive(in, taken)) {
      if (const auto* run = std::get_if<RunJob>(&action)) {
        require(run->function == "f" || run->function == "g", "only jobs that it offers are run");
        require(run->handle.size() <= handle_bytes_max, "no handle is above the limit");
        running.push_back(run->handle);
      } else if (std::holds_alternative<FreeSlot>(action)) {
        ++slots;
      } else if (std::holds_alternative<EndConnection>(action)) {
        return;
      }
    }
    require(taken <= in.size(), "only what is there is taken");
    in.erase(0, taken);
    require(slots + running.size() + (worker.is_grabbing() ? 1 : 0) == 2, "no slot is lost");
    static_cast<void>(worker.take_output());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  if ((input.byte() & 1U) == 0) {
    fuzz_call(input);
  } else {
    fuzz_worker(input);
  }
  return 0;
}
