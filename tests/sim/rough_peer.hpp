// SPDX-License-Identifier: BSD-3-Clause
// RoughPeer: client, worker and operator in one, who says anything at any time: results of jobs
// that it has, had, or never had, requests in no order, broken packets, half packets.
//
// Yet it keeps accounts: answers must come in the order of its requests, each request that has an
// answer gets one, and each foreground submit that was acknowledged gets one final WORK_*.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/world.hpp"

namespace gman::sim {

class RoughPeer final : public Peer {
 public:
  explicit RoughPeer(World& world);

  // What it may do; each is one row in the table of history.cpp.
  void submit();
  void submit_for_later();
  void submit_extended();
  void submit_many();
  void register_many();
  void ask_for_unique_window();
  void grab();
  void register_function();
  void give_up_functions();
  void sleep();
  void finish_a_job();
  void report_on_a_job();
  void ask_for_status();
  void say_something_small();
  void order_as_operator();
  void ask_as_operator();
  void send_nonsense();
  void leave();
  /// As an operator who wants an end of it: all jobs, or those that wait for their time.
  enum class Which : std::uint8_t { all, scheduled };
  void cancel(Which which);

  void calm() override;
  [[nodiscard]] bool is_done() const override;
  [[nodiscard]] std::string state() const override;
  void lose_connection() override;

 private:
  enum class Owed : std::uint8_t {
    foreground,
    background,
    grab,
    status,
    status_unique,
    echo,
    option,
    refusal,  // of a packet that cannot be read
    line,
    list,
  };

  void connect();
  void forget_everything();
  /// The extended packets are for those who have asked for them.
  void negotiate();
  void send(const Request& request);
  void send_bytes(std::string_view bytes, std::initializer_list<Owed> owed);
  void receive(std::string_view bytes);
  void read(const Packet& packet);
  void read(const TextLine& line);
  void settle(Owed kind, const std::string& packet);
  void finish(const std::string& handle, bool may_fail);
  [[nodiscard]] std::string some_handle();
  [[nodiscard]] std::string some_unique();

  void answer(const Noop&);
  void answer(const JobCreated& r);
  void answer(const JobAssign& r);
  void answer(const NoJob&);
  void answer(const StatusRes& r);
  void answer(const StatusResUnique& r);
  void answer(const EchoRes& r);
  void answer(const OptionRes&);
  void answer(const ErrorRes& r);
  void answer(const WorkComplete& r) { final(r.handle, r.data); }
  void answer(const WorkFail& r) { final(r.handle, {}); }
  void answer(const WorkException& r) { final(r.handle, r.data); }
  void answer(const WorkData& r) { heard(r.handle, r.data); }
  void answer(const WorkWarning& r) { heard(r.handle, r.data); }
  void answer(const WorkStatus& r) { heard(r.handle, {}); }
  void final(std::string_view handle, std::string_view data);
  void heard(std::string_view handle, std::string_view data);

  std::shared_ptr<Link> link_;
  std::string in_;
  std::deque<Owed> owed_;
  std::map<std::string, int, std::less<>> waits_;  // for final answers, by handle
  std::vector<std::string> held_;                  // jobs that it was given and has not ended
  int reports_ = 0;                                // WORK_* that may be refused
  int naps_ = 0;
  bool may_be_closed_ = false;
  bool has_negotiated_ = false;
};

}  // namespace gman::sim
