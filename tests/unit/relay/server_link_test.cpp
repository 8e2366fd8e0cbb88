// SPDX-License-Identifier: BSD-3-Clause
#include "relay/core/server_link.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/extended.hpp"
#include "protocol/framing.hpp"

namespace gman::relay {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = Outcome::Kind;

std::vector<PacketType> types_in(std::string_view bytes) {
  std::vector<PacketType> types;
  while (!bytes.empty()) {
    const auto frame = next_frame(bytes);
    types.push_back(std::get<Packet>((*frame)->unit).type);
    bytes.remove_prefix((*frame)->bytes);
  }
  return types;
}

// A link, and a server that says what the test wants.
struct Conversation {
  ServerLink link{{.silence_max = milliseconds(1000)}};
  Instant now{std::chrono::hours(1)};
  std::vector<Outcome> outcomes;
  std::string broken;

  void hear(const Response& response) {
    std::string bytes;
    append_response(bytes, response);
    broken = link.received(bytes, now, outcomes);
  }
  void begin(bool knows_all) {
    link.begin(now);
    EXPECT_EQ(types_in(link.take_output()), std::vector(4, PacketType::option_req));
    for (int i = 0; i < 4; ++i) {
      EXPECT_FALSE(link.is_ready());
      if (knows_all) {
        hear(OptionRes{"any"});
      } else {
        hear(ErrorRes{"UNKNOWN_OPTION", "no"});
      }
    }
    EXPECT_TRUE(link.is_ready());
  }
  std::vector<std::pair<Ticket, Kind>> taken() {
    std::vector<std::pair<Ticket, Kind>> pairs;
    for (const Outcome& outcome : std::exchange(outcomes, {})) {
      pairs.emplace_back(outcome.ticket, outcome.kind);
    }
    return pairs;
  }
};

std::vector<Part> parts(int count) {
  std::vector<Part> made;
  for (int i = 1; i <= count; ++i) {
    made.push_back({static_cast<Ticket>(i), "u" + std::to_string(i), "w"});
  }
  return made;
}

const Terms background{.function = "f"};
const Terms foreground{.function = "f", .mode = JobMode::foreground};

TEST(server_link, sends_many_jobs_in_one_packet_where_the_server_knows_it) {
  Conversation with;
  with.begin(true);
  with.link.submit(background, parts(1000), with.now);
  EXPECT_THAT(types_in(with.link.take_output()), ElementsAre(PacketType::submit_many));
  with.link.submit(background, parts(1001), with.now);
  EXPECT_THAT(types_in(with.link.take_output()),
              ElementsAre(PacketType::submit_many, PacketType::submit_many));
}

TEST(server_link, sends_plain_packets_to_a_server_that_knows_no_others) {
  Conversation with;
  with.begin(false);
  EXPECT_FALSE(with.link.remembers());
  with.link.submit(background, parts(2), with.now);
  EXPECT_THAT(types_in(with.link.take_output()),
              ElementsAre(PacketType::submit_job_bg, PacketType::submit_job_bg));
}

// There it would join a job that may have read the row before it was changed.
TEST(server_link, sends_no_unique_of_the_rows_own_to_a_server_that_joins_running_jobs) {
  Conversation with;
  with.begin(false);
  Terms own = background;
  own.unique_mode = UniqueMode::until_start;
  with.link.submit(own, parts(1), with.now);
  const std::string bytes = with.link.take_output();
  const auto frame = next_frame(bytes);
  EXPECT_EQ(std::get<Packet>((*frame)->unit).body, std::string_view("f\0\0w", 4));
}

TEST(server_link, sends_a_large_job_alone_and_in_its_place) {
  Conversation with;
  with.begin(true);
  auto jobs = parts(3);
  jobs[1].workload.assign(2u << 20, 'x');
  with.link.submit(background, jobs, with.now);
  EXPECT_THAT(types_in(with.link.take_output()),
              ElementsAre(PacketType::submit_many, PacketType::submit, PacketType::submit_many));
}

TEST(server_link, takes_answers_in_the_order_of_the_submits) {
  Conversation with;
  with.begin(true);
  with.link.submit(background, parts(3), with.now);
  with.hear(JobCreated{"H:1"});
  with.hear(ErrorRes{"QUEUE_ERROR", "Job queue is full"});
  with.hear(ErrorRes{"ARGUMENT_TOO_LARGE", "Workload"});
  EXPECT_THAT(with.taken(), ElementsAre(std::pair(1, Kind::delivered), std::pair(2, Kind::busy),
                                        std::pair(3, Kind::refused)));
}

TEST(server_link, waits_for_the_end_of_a_foreground_job) {
  Conversation with;
  with.begin(true);
  with.link.submit(foreground, parts(3), with.now);
  for (const char* handle : {"H:1", "H:2", "H:3"}) with.hear(JobCreated{handle});
  EXPECT_THAT(with.taken(), IsEmpty());
  with.hear(WorkStatus{"H:2", "1", "2"});
  with.hear(WorkFail{"H:2"});
  with.hear(WorkException{"H:3", "why"});
  with.hear(WorkFail{"H:3"});
  with.hear(WorkComplete{"H:1", "result"});
  EXPECT_THAT(with.taken(), ElementsAre(std::pair(2, Kind::failed), std::pair(3, Kind::failed),
                                        std::pair(1, Kind::delivered)));
}

TEST(server_link, ends_both_waits_for_one_job) {
  Conversation with;
  with.begin(true);
  with.link.submit(foreground, {{1, "u", "w"}, {2, "u", "w"}}, with.now);
  with.hear(JobCreated{"H:1"});
  with.hear(JobCreated{"H:1"});
  EXPECT_EQ(with.broken, "");
  with.hear(WorkComplete{"H:1", ""});
  with.hear(WorkComplete{"H:1", ""});
  EXPECT_THAT(with.taken(),
              ElementsAre(std::pair(1, Kind::delivered), std::pair(2, Kind::delivered)));
}

TEST(server_link, knows_nothing_of_what_was_not_answered_when_the_connection_ends) {
  Conversation with;
  with.begin(true);
  with.link.submit(background, parts(2), with.now);
  with.link.submit(foreground, {{3, "u3", "w"}}, with.now);
  with.hear(JobCreated{"H:1"});
  with.hear(JobCreated{"H:2"});
  with.hear(JobCreated{"H:3"});
  with.link.submit(background, {{4, "u4", "w"}}, with.now);
  EXPECT_THAT(with.taken(),
              ElementsAre(std::pair(1, Kind::delivered), std::pair(2, Kind::delivered)));
  with.outcomes = with.link.end("it ended");
  EXPECT_THAT(with.taken(), ElementsAre(std::pair(4, Kind::unknown), std::pair(3, Kind::unknown)));
  EXPECT_FALSE(with.link.is_ready());
}

TEST(server_link, calls_an_answer_that_nobody_awaits_a_broken_protocol) {
  Conversation with;
  with.begin(true);
  with.hear(JobCreated{"H:1"});
  EXPECT_NE(with.broken, "");
  Conversation of;
  of.begin(true);
  of.broken = of.link.received("status\n", of.now, of.outcomes);
  EXPECT_NE(of.broken, "");
}

TEST(server_link, does_not_take_an_answer_that_comes_twice_for_the_next_jobs) {
  Conversation with;
  with.begin(true);
  with.link.submit(background, parts(2), with.now);
  with.hear(JobCreated{"H:1"});
  with.hear(JobCreated{"H:1"});
  EXPECT_EQ(with.broken, "the server broke the protocol: it told of job H:1 twice");
  EXPECT_THAT(with.taken(), ElementsAre(std::pair(1, Kind::delivered)));
  with.outcomes = with.link.end(with.broken);
  EXPECT_THAT(with.taken(), ElementsAre(std::pair(2, Kind::unknown)));
}

// As when a piece of the stream comes again.
TEST(server_link, does_not_take_an_answer_that_comes_again_later_for_another_jobs) {
  Conversation with;
  with.begin(true);
  with.link.submit(background, parts(4), with.now);
  with.link.submit(foreground, {{5, "u5", "w"}}, with.now);
  for (const char* handle : {"H:1", "H:2", "H:3"}) with.hear(JobCreated{handle});
  EXPECT_EQ(with.broken, "");
  with.hear(JobCreated{"H:1"});
  EXPECT_EQ(with.broken, "the server broke the protocol: it told of job H:1 twice");
  EXPECT_THAT(with.taken(),
              ElementsAre(std::pair(1, Kind::delivered), std::pair(2, Kind::delivered),
                          std::pair(3, Kind::delivered)));
}

TEST(server_link, knows_the_handles_of_one_connection_only) {
  Conversation with;
  with.begin(true);
  with.link.submit(background, {{1, "u1", "w"}}, with.now);
  with.hear(JobCreated{"H:1"});
  EXPECT_THAT(with.link.end("it ended"), IsEmpty());
  static_cast<void>(with.link.take_output());
  with.begin(true);
  with.link.submit(background, {{2, "u2", "w"}}, with.now);
  with.hear(JobCreated{"H:1"});
  EXPECT_EQ(with.broken, "");
}

TEST(answered_handles, are_known_until_there_are_too_many_newer_ones) {
  const auto handle = [](std::size_t number) { return "H:" + std::to_string(number); };
  AnsweredHandles answered;
  for (std::size_t number = 1; number <= AnsweredHandles::count_max; ++number) {
    EXPECT_TRUE(answered.add(handle(number), number));
  }
  EXPECT_FALSE(answered.add(handle(1), 0));
  EXPECT_TRUE(answered.add(handle(1), 1));
  EXPECT_TRUE(answered.add(handle(AnsweredHandles::count_max + 1), 0));
  EXPECT_TRUE(answered.add(handle(1), 0));
}

TEST(server_link, takes_as_many_answers_as_there_are_that_a_job_has_ended) {
  Conversation with;
  with.begin(true);
  with.link.submit(background, parts(2), with.now);
  with.hear(JobCreated{"H:host:0"});
  with.hear(JobCreated{"H:host:0"});
  EXPECT_EQ(with.broken, "");
  EXPECT_THAT(with.taken(),
              ElementsAre(std::pair(1, Kind::delivered), std::pair(2, Kind::delivered)));
}

TEST(server_link, knows_a_function_from_another_in_an_answer_that_comes_twice) {
  Conversation with;
  with.begin(true);
  with.link.submit(background, {{1, "u", "w"}}, with.now);
  with.link.submit({.function = "g"}, {{2, "u", "w"}}, with.now);
  with.hear(JobCreated{"H:1"});
  EXPECT_EQ(with.broken, "");
  with.hear(JobCreated{"H:1"});
  EXPECT_NE(with.broken, "");
}

TEST(server_link, understands_answers_that_come_byte_by_byte) {
  Conversation with;
  with.begin(true);
  with.link.submit(background, parts(1), with.now);
  std::string bytes;
  append_response(bytes, JobCreated{"H:1"});
  for (const char byte : bytes) {
    EXPECT_EQ(with.link.received({&byte, 1}, with.now, with.outcomes), "");
  }
  EXPECT_THAT(with.taken(), ElementsAre(std::pair(1, Kind::delivered)));
}

TEST(server_link, gives_a_silent_server_its_time_and_no_more) {
  Conversation with;
  with.begin(true);
  EXPECT_EQ(with.link.wake_at(), std::nullopt);
  with.now += std::chrono::hours(1);
  with.link.submit(background, parts(1), with.now);
  EXPECT_EQ(with.link.wake_at(), with.now + milliseconds(1000));
  EXPECT_TRUE(with.link.tick(with.now + milliseconds(999)));
  EXPECT_FALSE(with.link.tick(with.now + milliseconds(1000)));
}

TEST(server_link, asks_whether_the_server_is_there_while_a_job_runs) {
  Conversation with;
  with.begin(true);
  with.link.submit(foreground, parts(1), with.now);
  with.hear(JobCreated{"H:1"});
  static_cast<void>(with.link.take_output());
  with.now += milliseconds(500);
  EXPECT_TRUE(with.link.tick(with.now));
  EXPECT_THAT(types_in(with.link.take_output()), ElementsAre(PacketType::echo_req));
  with.hear(EchoRes{"gman-relay"});
  EXPECT_TRUE(with.link.tick(with.now + milliseconds(400)));
  EXPECT_TRUE(with.link.tick(with.now + milliseconds(500)));
  EXPECT_FALSE(with.link.tick(with.now + milliseconds(1500)));
}

}  // namespace
}  // namespace gman::relay
