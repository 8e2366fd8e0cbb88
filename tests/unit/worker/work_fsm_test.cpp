// SPDX-License-Identifier: BSD-3-Clause
// One worker connection, told as dialogues: what the server sends, what the worker answers. Every
// dialogue is also replayed with its bytes arriving one at a time, and broken off at each step.
#include "client/fsm/work_fsm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "protocol/limits.hpp"
#include "protocol/request.hpp"

namespace gman {
namespace {

using State = WorkFsm::State;
using testing::ElementsAre;
using testing::IsEmpty;

std::string packet(PacketType type, std::initializer_list<std::string_view> args = {}) {
  std::string out;
  append_packet(out, Magic::res, type, args);
  return out;
}

const std::string no_job = packet(PacketType::no_job);
const std::string noop = packet(PacketType::noop);

std::string assign_all(std::string_view handle = "H:1", std::string_view function = "reverse",
                       std::string_view workload = "Hello") {
  return packet(PacketType::job_assign_all, {handle, function, "key", "", workload});
}

/// The packets in what a worker sent, by name and arguments: "CAN_DO reverse".
std::vector<std::string> names(std::string_view bytes) {
  std::vector<std::string> found;
  while (!bytes.empty()) {
    const auto frame = next_frame(bytes);
    if (!frame || !*frame) return {"not a packet"};
    const auto& sent = std::get<Packet>((*frame)->unit);
    std::string text(spec_of(sent.type).name);
    if (!sent.body.empty()) text += ' ' + std::string(sent.body);
    for (char& c : text) {
      if (c == '\0') c = ' ';
    }
    found.push_back(std::move(text));
    bytes.remove_prefix((*frame)->bytes);
  }
  return found;
}

std::string told(const WorkAction& action) {
  if (const auto* run = std::get_if<RunJob>(&action)) {
    return "run " + run->handle + ' ' + run->function + ' ' + run->unique + ' ' + run->workload;
  }
  if (std::holds_alternative<FreeSlot>(action)) return "free";
  if (std::holds_alternative<EndConnection>(action)) return "end";
  const auto& error = std::get<ReportError>(action);
  return "error " + error.code + ' ' + error.text;
}

/// A shell that does nothing by itself: tests pass bytes in and look at what comes out.
class Dialogue {
 public:
  explicit Dialogue(std::vector<WorkerAbility> abilities = {{.function = "reverse"}})
      : fsm("", std::move(abilities)) {
    fsm.connected();
    sent();
  }

  std::vector<std::string> sent() { return names(fsm.take_output()); }

  std::vector<std::string> receives(std::string_view bytes) {
    in_ += bytes;
    std::size_t taken = 0;
    const auto actions = fsm.receive(in_, taken);
    in_.erase(0, taken);
    std::vector<std::string> texts;
    for (const WorkAction& action : actions) {
      if (const auto* end = std::get_if<EndConnection>(&action)) error = end->reason;
      texts.push_back(told(action));
    }
    return texts;
  }

  WorkFsm fsm;
  error_code error;

 private:
  std::string in_;
};

TEST(work_fsm, registers_its_id_and_every_function_before_anything_else) {
  WorkFsm fsm("indexer-1", {{.function = "fetch"},
                            {.function = "index", .timeout = std::chrono::milliseconds(1500)}});
  EXPECT_EQ(fsm.state(), State::closed);
  fsm.connected();
  EXPECT_THAT(names(fsm.take_output()),
              ElementsAre("SET_CLIENT_ID indexer-1", "CAN_DO fetch", "CAN_DO_TIMEOUT index 1500"));
  EXPECT_TRUE(fsm.wants_grab());
}

TEST(work_fsm, sends_no_id_when_it_has_none) {
  WorkFsm fsm("", {{.function = "reverse"}});
  fsm.connected();
  EXPECT_THAT(names(fsm.take_output()), ElementsAre("CAN_DO reverse"));
}

std::vector<WorkerAbility> abilities(std::size_t count) {
  std::vector<WorkerAbility> all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back({.function = "f" + std::to_string(i), .timeout = std::chrono::milliseconds(i)});
  }
  return all;
}
const std::string option_on = packet(PacketType::option_res, {"gman.can_do_many"});
const std::string option_unknown = packet(PacketType::error, {"UNKNOWN_OPTION", "not given"});

TEST(work_fsm, registers_fewer_than_sixteen_functions_without_asking) {
  WorkFsm fsm("", abilities(WorkFsm::many_abilities - 1));
  fsm.connected();
  const auto sent = names(fsm.take_output());
  ASSERT_EQ(sent.size(), 15);
  EXPECT_EQ(sent[0], "CAN_DO f0");
  EXPECT_EQ(sent[14], "CAN_DO_TIMEOUT f14 14");
}

TEST(work_fsm, registers_sixteen_functions_by_one_packet_where_the_server_takes_it) {
  WorkFsm fsm("indexer-1", abilities(WorkFsm::many_abilities));
  fsm.connected();
  EXPECT_THAT(names(fsm.take_output()),
              ElementsAre("OPTION_REQ gman.can_do_many", "SET_CLIENT_ID indexer-1"));
  EXPECT_EQ(fsm.state(), State::introducing);
  EXPECT_TRUE(fsm.is_awaiting());
  EXPECT_FALSE(fsm.wants_grab());
  std::size_t taken = 0;
  EXPECT_THAT(fsm.receive(option_on, taken), IsEmpty());
  EXPECT_EQ(taken, option_on.size());
  EXPECT_THAT(names(fsm.take_output()),
              ElementsAre("CAN_DO_MANY f0  f1 1 f2 2 f3 3 f4 4 f5 5 f6 6 f7 7 f8 8 f9 9 f10 10 f11 "
                          "11 f12 12 f13 13 f14 14 f15 15"));
  EXPECT_TRUE(fsm.wants_grab());
  EXPECT_FALSE(fsm.is_awaiting());
}

TEST(work_fsm, registers_them_one_by_one_where_the_server_does_not) {
  Dialogue worker(abilities(WorkFsm::many_abilities));
  EXPECT_THAT(worker.receives(option_unknown), IsEmpty()) << "nothing that people need to read";
  EXPECT_EQ(worker.sent().size(), 16);
  EXPECT_TRUE(worker.fsm.wants_grab());
}

TEST(work_fsm, registers_more_functions_than_a_packet_holds_by_several) {
  Dialogue worker(abilities(can_do_many_functions_max + 1));
  EXPECT_THAT(worker.receives(option_on), IsEmpty());
  const auto sent = worker.sent();
  ASSERT_EQ(sent.size(), 2);
  EXPECT_EQ(sent[1], "CAN_DO_MANY f10000 10000");
}

TEST(work_fsm, takes_the_answer_to_its_option_after_it_retired) {
  Dialogue worker(abilities(WorkFsm::many_abilities));
  worker.fsm.retire();
  EXPECT_THAT(worker.receives(option_on), IsEmpty());
  EXPECT_EQ(worker.fsm.state(), State::retired);
  EXPECT_THAT(worker.sent(), IsEmpty());
}

TEST(work_fsm, ends_with_a_server_that_gives_a_job_before_it_was_asked) {
  Dialogue worker(abilities(WorkFsm::many_abilities));
  EXPECT_THAT(worker.receives(assign_all()), ElementsAre("end"));
}

TEST(work_fsm, grabs_only_when_it_is_given_a_slot) {
  Dialogue worker;
  EXPECT_THAT(worker.sent(), IsEmpty());
  worker.fsm.grab();
  EXPECT_THAT(worker.sent(), ElementsAre("GRAB_JOB_ALL"));
  EXPECT_FALSE(worker.fsm.wants_grab()) << "one grab at a time";
}

TEST(work_fsm, sleeps_when_there_is_no_job_and_gives_the_slot_back) {
  Dialogue worker;
  worker.fsm.grab();
  worker.sent();
  EXPECT_THAT(worker.receives(no_job), ElementsAre("free"));
  EXPECT_THAT(worker.sent(), ElementsAre("PRE_SLEEP"));
  EXPECT_EQ(worker.fsm.state(), State::asleep);
  EXPECT_FALSE(worker.fsm.wants_grab());
}

TEST(work_fsm, wakes_by_noop_and_grabs_again) {
  Dialogue worker;
  worker.fsm.grab();
  worker.receives(no_job);
  worker.sent();
  EXPECT_THAT(worker.receives(noop), IsEmpty());
  ASSERT_TRUE(worker.fsm.wants_grab());
  worker.fsm.grab();
  EXPECT_THAT(worker.sent(), ElementsAre("GRAB_JOB_ALL"));
}

TEST(work_fsm, takes_no_notice_of_a_noop_while_it_is_awake) {
  Dialogue worker;
  EXPECT_THAT(worker.receives(noop), IsEmpty());
  EXPECT_EQ(worker.fsm.state(), State::awake);
  worker.fsm.grab();
  EXPECT_THAT(worker.receives(noop), IsEmpty());
  EXPECT_EQ(worker.fsm.state(), State::grabbing) << "the answer to the grab is still to come";
}

TEST(work_fsm, runs_a_job_in_each_form_of_assignment) {
  struct Form {
    std::string bytes, run;
  };
  const std::vector<Form> forms{
      {packet(PacketType::job_assign, {"H:1", "reverse", "Hello"}), "run H:1 reverse  Hello"},
      {packet(PacketType::job_assign_uniq, {"H:1", "reverse", "key", "Hello"}),
       "run H:1 reverse key Hello"},
      {assign_all(), "run H:1 reverse key Hello"},
  };
  for (const Form& form : forms) {
    Dialogue worker;
    worker.fsm.grab();
    EXPECT_THAT(worker.receives(form.bytes), ElementsAre(form.run));
    EXPECT_TRUE(worker.fsm.wants_grab()) << "there may be more where it came from";
  }
}

TEST(work_fsm, keeps_nul_bytes_of_a_workload) {
  Dialogue worker;
  worker.fsm.grab();
  std::size_t taken = 0;
  const std::string workload("a\0b\0", 4);
  const auto actions = worker.fsm.receive(assign_all("H:1", "reverse", workload), taken);
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(std::get<RunJob>(actions[0]).workload, workload);
}

TEST(work_fsm, sends_a_result_and_the_next_grab_in_one_output) {
  Dialogue worker;
  worker.fsm.grab();
  worker.receives(assign_all());
  worker.sent();
  worker.fsm.complete("H:1", "olleH");
  worker.fsm.grab();
  EXPECT_THAT(worker.sent(), ElementsAre("WORK_COMPLETE H:1 olleH", "GRAB_JOB_ALL"));
  EXPECT_THAT(worker.sent(), IsEmpty());
}

TEST(work_fsm, sends_everything_that_a_job_may_say) {
  Dialogue worker;
  worker.fsm.data("H:1", "part");
  worker.fsm.warning("H:1", "hm");
  worker.fsm.status("H:1", 3, 10);
  worker.fsm.fail("H:1");
  worker.fsm.exception("H:2", "boom");
  EXPECT_THAT(worker.sent(),
              ElementsAre("WORK_DATA H:1 part", "WORK_WARNING H:1 hm", "WORK_STATUS H:1 3 10",
                          "WORK_FAIL H:1", "WORK_EXCEPTION H:2 boom"));
}

TEST(work_fsm, survives_an_error_between_a_grab_and_its_answer) {
  Dialogue worker;
  worker.fsm.grab();
  const std::string late =
      packet(PacketType::error, {"JOB_NOT_FOUND", "Job given in work result not found"});
  EXPECT_THAT(worker.receives(late + assign_all()),
              ElementsAre("error JOB_NOT_FOUND Job given in work result not found",
                          "run H:1 reverse key Hello"));
  EXPECT_FALSE(worker.error);
}

TEST(work_fsm, reports_an_error_while_it_sleeps_and_sleeps_on) {
  Dialogue worker;
  worker.fsm.grab();
  worker.receives(no_job);
  EXPECT_THAT(worker.receives(packet(PacketType::error, {"X", "y"})), ElementsAre("error X y"));
  EXPECT_EQ(worker.fsm.state(), State::asleep);
}

TEST(work_fsm, refuses_a_job_of_a_function_that_it_does_not_offer) {
  Dialogue worker;
  worker.fsm.grab();
  worker.sent();
  EXPECT_THAT(worker.receives(assign_all("H:9", "other")), ElementsAre("free"));
  EXPECT_THAT(worker.sent(),
              ElementsAre("WORK_EXCEPTION H:9 this worker does not offer the function that it was "
                          "assigned"));
  EXPECT_TRUE(worker.fsm.wants_grab());
}

TEST(work_fsm, retires_at_once_unless_a_grab_is_under_way) {
  Dialogue awake;
  awake.fsm.retire();
  EXPECT_EQ(awake.fsm.state(), State::retired);

  Dialogue asleep;
  asleep.fsm.grab();
  asleep.receives(no_job);
  asleep.fsm.retire();
  EXPECT_EQ(asleep.fsm.state(), State::retired);
  EXPECT_THAT(asleep.receives(noop), IsEmpty());
  EXPECT_FALSE(asleep.fsm.wants_grab()) << "a retired worker stays so";
}

TEST(work_fsm, runs_the_job_that_its_last_grab_brings) {
  Dialogue worker;
  worker.fsm.grab();
  worker.fsm.retire();
  EXPECT_EQ(worker.fsm.state(), State::last_grabbing);
  EXPECT_THAT(worker.receives(assign_all()), ElementsAre("run H:1 reverse key Hello"));
  EXPECT_EQ(worker.fsm.state(), State::retired);
  worker.sent();
  worker.fsm.complete("H:1", "olleH");
  EXPECT_THAT(worker.sent(), ElementsAre("WORK_COMPLETE H:1 olleH"));
}

TEST(work_fsm, does_not_announce_a_sleep_that_it_will_not_sleep) {
  Dialogue worker;
  worker.fsm.grab();
  worker.sent();
  worker.fsm.retire();
  EXPECT_THAT(worker.receives(no_job), ElementsAre("free"));
  EXPECT_THAT(worker.sent(), IsEmpty());
  EXPECT_EQ(worker.fsm.state(), State::retired);
}

TEST(work_fsm, ends_the_connection_when_the_server_breaks_the_protocol) {
  struct Fault {
    std::string what, bytes;
    protocol_errc error;
    bool while_grabbing = true;
  };
  const std::string too_long(handle_bytes_max + 1, 'h');
  std::string as_request;
  append_packet(as_request, Magic::req, PacketType::can_do, {"x"});
  std::string huge = no_job.substr(0, 8) + std::string("\x7f\xff\xff\xff", 4);
  const std::vector<Fault> faults{
      {"an assignment that was not asked for", assign_all(), protocol_errc::unexpected_type, false},
      {"NO_JOB that was not asked for", no_job, protocol_errc::unexpected_type, false},
      {"a client's answer", packet(PacketType::job_created, {"H:1"}),
       protocol_errc::unexpected_type},
      {"a request", as_request, protocol_errc::request_magic},
      {"a line of text", "OK\r\n", protocol_errc::bad_magic},
      {"a magic that is none", std::string("\0XXX\0\0\0\1\0\0\0\0", 12), protocol_errc::bad_magic},
      {"a type that is none", std::string("\0RES\0\0\x03\xe7\0\0\0\0", 12),
       protocol_errc::unknown_type},
      {"a body above the limit", huge, protocol_errc::body_too_large},
      {"an assignment with too few arguments", packet(PacketType::job_assign, {"H:1"}),
       protocol_errc::missing_argument},
      {"a handle that is too long", assign_all(too_long), protocol_errc::handle_too_long},
  };
  for (const Fault& fault : faults) {
    SCOPED_TRACE(fault.what);
    Dialogue worker;
    if (fault.while_grabbing) worker.fsm.grab();
    EXPECT_THAT(worker.receives(fault.bytes), ElementsAre("end"));
    EXPECT_EQ(worker.error, make_error_code(fault.error));
  }
}

TEST(work_fsm, obeys_what_came_before_the_fault) {
  Dialogue worker;
  worker.fsm.grab();
  EXPECT_THAT(worker.receives(no_job + "nonsense\n"), ElementsAre("free", "end"))
      << "the slot must not be lost with the connection";
}

TEST(work_fsm, accepts_a_handle_at_the_limit) {
  Dialogue worker;
  worker.fsm.grab();
  const std::string longest(handle_bytes_max, 'h');
  EXPECT_THAT(worker.receives(assign_all(longest)),
              ElementsAre("run " + longest + " reverse key Hello"));
}

/// A whole working life against one stream of bytes: what the shell would do, with one slot.
std::vector<std::string> live(const std::string& stream, std::size_t piece_bytes) {
  Dialogue worker;
  std::vector<std::string> log;
  const auto note = [&log](const std::vector<std::string>& lines) {
    log.insert(log.end(), lines.begin(), lines.end());
  };
  bool slot_free = true;
  const auto grab_if_possible = [&] {
    if (slot_free && worker.fsm.wants_grab()) {
      slot_free = false;
      worker.fsm.grab();
    }
  };
  grab_if_possible();
  note(worker.sent());
  for (std::size_t at = 0; at < stream.size(); at += piece_bytes) {
    for (const std::string& action : worker.receives(stream.substr(at, piece_bytes))) {
      log.push_back(action);
      if (action == "free") slot_free = true;
      if (action.starts_with("run ")) {
        worker.fsm.complete("H:1", "olleH");
        slot_free = true;
      }
    }
    grab_if_possible();
    note(worker.sent());
  }
  return log;
}

TEST(work_fsm, lives_the_same_life_however_its_bytes_are_cut) {
  const std::string error = packet(PacketType::error, {"JOB_NOT_FOUND", "late"});
  const std::vector<std::string> answers{assign_all(), no_job, noop, error, assign_all(), no_job};
  std::string stream;
  for (const std::string& answer : answers) stream += answer;
  const auto byte_by_byte = live(stream, 1);
  EXPECT_THAT(byte_by_byte,
              ElementsAre("GRAB_JOB_ALL", "run H:1 reverse key Hello", "WORK_COMPLETE H:1 olleH",
                          "GRAB_JOB_ALL", "free", "PRE_SLEEP", "GRAB_JOB_ALL",
                          "error JOB_NOT_FOUND late", "run H:1 reverse key Hello",
                          "WORK_COMPLETE H:1 olleH", "GRAB_JOB_ALL", "free", "PRE_SLEEP"));
  for (const std::size_t piece_bytes : {2, 3, 5, 7, 11, 12}) {
    EXPECT_EQ(live(stream, piece_bytes), byte_by_byte) << piece_bytes;
  }
}

TEST(work_fsm, never_holds_or_loses_a_slot_when_the_connection_breaks_at_any_byte) {
  const std::string stream = assign_all() + no_job + noop + assign_all();
  for (std::size_t bytes = 0; bytes <= stream.size(); ++bytes) {
    Dialogue worker;
    int slots_out = 0;
    const auto grab_if_possible = [&] {
      if (slots_out == 0 && worker.fsm.wants_grab()) {
        worker.fsm.grab();
        ++slots_out;
      }
    };
    grab_if_possible();
    for (std::size_t at = 0; at < bytes; ++at) {
      for (const std::string& action : worker.receives(stream.substr(at, 1))) {
        if (action == "free" || action.starts_with("run ")) --slots_out;  // run: done at once
      }
      ASSERT_FALSE(worker.error) << "at byte " << at;
      grab_if_possible();
    }
    // The law by which the shell frees a slot of a connection that ended.
    EXPECT_EQ(slots_out, worker.fsm.is_grabbing() ? 1 : 0) << "after " << bytes << " bytes";
  }
}

}  // namespace
}  // namespace gman
