// SPDX-License-Identifier: BSD-3-Clause
// A call told as a script: what the machine must do, and what the world answers.
//
//     CallScript(PingCall{}, "a").opens("a").writes({OptionReq{"exceptions"}, EchoReq{"gman
//     ping"}})
//         .reads({OptionRes{"exceptions"}, EchoRes{"gman ping"}})
//         .ends_well()
//         .comes_out_the_same_byte_by_byte()
//         .fails_cleanly_at_every_step();
//
// Each check at the end replays the script from its beginning, with a clock that moves only when
// the script says so.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "client/fsm/call_fsm.hpp"
#include "protocol/request.hpp"
#include "protocol/response.hpp"

namespace gman::test {

[[nodiscard]] std::string bytes_of_response(const Response& response);

class CallScript {
 public:
  /// What `call` refers to must outlive the script, as string literals do.
  CallScript(Call call, std::string servers, CallLimits limits = {});

  CallScript& opens(std::string server);
  CallScript& reuses(std::string server, Agreements agreements = {});
  CallScript& opens_in_vain(std::string server, std::string reason);
  CallScript& writes(std::initializer_list<Request> requests);
  /// A request that is no packet.
  CallScript& writes_bytes(std::string bytes);
  CallScript& reads(std::initializer_list<Response> responses);
  CallScript& reads_bytes(std::string bytes);
  CallScript& breaks(std::string reason);
  /// The clock moves on; the machine is resumed if it asked for that.
  CallScript& passes(milliseconds time);

  /// The script's last step ends the call, and in this way.
  const CallScript& ends_well(const std::function<void(const CallResult&)>& check = {}) const;
  const CallScript& ends_with(client_errc code, std::string_view message,
                              std::string_view hint = "") const;
  /// In whatever way.
  const CallScript& ends(const std::function<void(const CallFsm&)>& check) const;
  /// Whether the connection may be used by another call.
  const CallScript& leaves_connection_clean(bool expected) const;

  /// What is to be kept with the connection.
  const CallScript& leaves_agreements(Agreements::Answer submit,
                                      Agreements::Answer submit_many) const;

  /// One byte is written and one is read at a time: nothing else may change.
  const CallScript& comes_out_the_same_byte_by_byte() const;
  /// At each step in turn the connection cannot be made, ends, is reset, or stays silent until
  /// time runs out, and so does all that follows: the call ends, with one error that is true.
  const CallScript& fails_cleanly_at_every_step() const;

 private:
  struct Opens {
    std::string server;
    bool is_reused = false;
    Agreements agreements{};
  };
  struct OpensInVain {
    std::string server, reason;
  };
  struct Writes {
    std::string bytes;
    bool ends_request = false;
  };
  struct Reads {
    std::string bytes;
  };
  struct Breaks {
    std::string reason;
  };
  struct Passes {
    milliseconds time;
  };
  using Step = std::variant<Opens, OpensInVain, Writes, Reads, Breaks, Passes>;
  enum class Failure { end_of_stream, reset, silence };
  struct Replay;

  [[nodiscard]] std::unique_ptr<Replay> replay(std::size_t steps, std::size_t chunk_bytes) const;
  void fail_at(std::size_t step, Failure failure) const;

  Call call_;
  std::string servers_;
  CallLimits limits_;
  std::vector<Step> steps_;
};

}  // namespace gman::test
