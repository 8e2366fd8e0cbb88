// SPDX-License-Identifier: BSD-3-Clause
// Scenario: a story of peers, time and an engine, told as a text table.
//
//   w1 > CAN_DO resize
//   c1 > SUBMIT_JOB resize - cat.png  =>  c1 < JOB_CREATED H:1
//   w1 > GRAB_JOB                     =>  w1 < JOB_ASSIGN H:1 resize cat.png
//   w1 disconnects                    =>  resize has 1 queued, 0 running
//
// A line is an event and, after "=>", all that the engine must do about it, in order, parted by
// ";"; a line that begins with "=>" goes on with the line above. Without "=>" nothing may happen.
// Events: a packet ("who > NAME arguments"), "who connects", "who disconnects", "+50ms" (also s,
// min, h), "wall clock +1h", "cancel H:1", "create F", "drop F", "maxqueue F high normal low",
// "stop assigning", "the store commits" (what has been gathered), "the store gets a piece" (of
// that, not yet durable), "the store gives up", "the store
// fault TEXT" (none: it works again), "the store reads H:1 H:2" (their workloads come), "the store
// has lost H:1", "the store is taken" (by another server; "is being taken" is the first step of
// that). Expectations: a packet ("who < NAME arguments"), "who closed: reason", what an order
// returned ("cancelled", "unknown job", "dropped", "not found", "in use"), what is stored
// ("+ H:1", "again H:1", "- H:1"), what is to be read ("wants H:1 H:2", last), and questions that
// need no event: "F has N queued, N running" (perhaps "N scheduled", "N workers"), "a deadline",
// "no deadline".
//
// A packet that waits for the store ends with "when stored".
//
// A peer connects when it is first named. Packets travel as bytes, through the protocol layer. The
// n-th handle that the engine makes is called H:n, whatever it is. An argument '' is empty, 64*x is
// sixty-four times x; [unique:workload] is a job of a SUBMIT_MANY. The laws are checked after every
// event.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/engine/engine.hpp"

namespace gman::test {

class Scenario {
 public:
  explicit Scenario(EngineSettings settings = {});

  /// Every difference is a test failure that names the line.
  void run(std::string_view story);

  [[nodiscard]] Engine& engine() { return engine_; }
  [[nodiscard]] ConnId peer(const std::string& name);
  /// The handle that the story calls by this name.
  [[nodiscard]] const std::string& handle(const std::string& alias) const;
  [[nodiscard]] Now now() const { return now_; }
  void set_wall(WallTime wall) { now_.wall = wall; }

 private:
  void play(std::string_view event, std::string_view expectations);
  void act(const std::vector<std::string>& words);
  void send(const std::string& who, const std::vector<std::string>& words);
  void advance(std::chrono::nanoseconds duration);
  void note_effects();
  void let_store(const std::vector<std::string>& words);
  void note_changes(const JobChanges& changes);
  [[nodiscard]] std::string answer(std::string_view question) const;
  [[nodiscard]] std::string describe(std::string_view packet_bytes);
  [[nodiscard]] std::string alias_of(std::string_view handle);

  Engine engine_;
  Now now_;
  std::optional<std::uint32_t> disown_from_;
  Effects effects_;
  std::vector<std::string> happened_;
  std::map<std::string, ConnId> peers_;
  std::map<ConnId, std::string> names_;
  std::map<std::string, std::string, std::less<>> alias_by_handle_;
  std::map<std::string, std::string, std::less<>> handle_by_alias_;
  std::map<JobNumber, std::string> alias_by_number_;
  std::map<std::string, std::pair<JobNumber, std::string>> stored_;  ///< workloads by alias
  std::uint64_t connections_ = 0;
};

}  // namespace gman::test
