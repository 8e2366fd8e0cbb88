// SPDX-License-Identifier: BSD-3-Clause
// The relay's rules, with an outbox and servers that are played by the test.
#include "relay/core/relay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <type_traits>

#include "protocol/framing.hpp"
#include "protocol/response.hpp"

namespace gman::relay {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view uuid = "0123abcd-4567-89ab-cdef-0123456789ab";

struct Play {
  explicit Play(RelaySettings settings = {}, std::size_t servers = 1)
      : relay(settings, 1, names(servers), 1) {
    relay.start(now);
    note();
  }

  static std::vector<std::string> names(std::size_t servers) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < servers; ++i) all.push_back("server" + std::to_string(i));
    return all;
  }

  // Keeps the requests of both lines; the rest is counted.
  void note() {
    for (Effect& effect : relay.take_effects()) {
      if (auto* ask = std::get_if<Ask>(&effect)) asked.push_back(std::move(ask->request));
      if (auto* settle = std::get_if<Settle>(&effect)) {
        settling.push_back(settle->request);
        settling_of = settle->database_uuid;
      }
      if (std::holds_alternative<Connect>(effect)) ++connects;
      if (const auto* event = std::get_if<Event>(&effect)) events.push_back(event->kind);
    }
  }
  template <class T>
  auto& requests() {
    if constexpr (std::is_constructible_v<SettleRequest, T>) {
      return settling;
    } else {
      return asked;
    }
  }
  template <class T>
  T take() {
    auto& all = requests<T>();
    EXPECT_EQ(all.size(), 1);  // never more for each line
    T request = std::get<T>(std::move(all.front()));
    all.pop_front();
    return request;
  }
  void answer(LeaseAnswer with) {
    relay.answered(0, std::move(with), now);
    note();
  }
  void settled(SettleAnswer with = Done{}) {
    relay.settled(0, std::move(with), now);
    note();
  }
  void hear(std::size_t server, const Response& response) {
    std::string bytes;
    append_response(bytes, response);
    relay.received(server, bytes, now);
    note();
  }
  // The server has the next row's job.
  void accept() { hear(0, JobCreated{"H:" + std::to_string(++jobs)}); }
  void connect(std::size_t server) {
    relay.connected(server, now);
    note();
    for (int i = 0; i < 4; ++i) hear(server, OptionRes{"any"});
  }
  void pass(milliseconds time) {
    now += time;
    relay.tick(now);
    note();
  }
  // Open, with a server, and asked what is due.
  void open() {
    take<Open>();
    answer(OutboxOpened{std::string(uuid), milliseconds(25)});
    connect(0);
    take<ForgetDead>();
    settled();
  }
  void lease(std::vector<Row> rows, Delivery delivery = Delivery::queue) {
    take<Look>();
    answer(Looked{{{Group{delivery, "f", Priority::normal}, milliseconds(-1)}}});
    take<Lease>();
    answer(Leased{std::move(rows)});
  }
  static Row row(std::uint64_t id, std::uint32_t attempts = 1) {
    return {.id = id, .attempts = attempts, .function = "f", .workload = "w"};
  }

  Instant now{hours(1)};
  Relay relay;
  std::deque<LeaseRequest> asked;
  std::deque<SettleRequest> settling;
  std::string settling_of;  // the database of the last one
  std::vector<Event::Kind> events;
  int connects = 0;
  int jobs = 0;
};

TEST(relay, leases_nothing_before_it_has_a_job_server) {
  Play play;
  play.take<Open>();
  play.answer(OutboxOpened{std::string(uuid), milliseconds(25)});
  EXPECT_THAT(play.asked, IsEmpty());
  play.connect(0);
  EXPECT_FALSE(play.asked.empty());
}

TEST(relay, sends_a_row_under_the_databases_uuid_and_its_number) {
  Play play;
  play.open();
  static_cast<void>(play.relay.take_output(0));
  play.lease({Play::row(17)});
  const std::string bytes = play.relay.take_output(0);
  EXPECT_NE(bytes.find(std::string(uuid) + ":17"), std::string::npos);
}

TEST(relay, deletes_many_rows_at_a_time_while_more_is_due) {
  Play play({.batch_rows_max = 10'000, .sent_rows_max = 10'000});
  play.open();
  std::vector<Row> rows;
  for (std::uint64_t id = 1; id <= 4'000; ++id) rows.push_back(Play::row(id));
  play.lease(std::move(rows));
  for (int i = 0; i < 3'999; ++i) play.accept();
  EXPECT_THAT(play.settling, IsEmpty());
  play.accept();
  EXPECT_EQ(play.take<Delete>().ids.size(), 4'000);
}

TEST(relay, leases_while_it_deletes) {
  Play play({.batch_rows_max = 4'000});
  play.open();
  std::vector<Row> rows;
  for (std::uint64_t id = 1; id <= 4'000; ++id) rows.push_back(Play::row(id));
  play.lease(std::move(rows));
  for (int i = 0; i < 4'000; ++i) play.accept();
  play.take<Delete>();
  play.take<Lease>();
  play.answer(Leased{{Play::row(5'000)}});
  play.take<Lease>();
  play.accept();
  play.answer(Leased{});
  EXPECT_THAT(play.settling, IsEmpty());  // one request at a time
  play.settled();
  EXPECT_THAT(play.take<Delete>().ids, ElementsAre(5'000));
}

TEST(relay, deletes_a_few_rows_after_a_while_though_a_lease_is_not_answered) {
  Play play;
  play.open();
  play.lease({Play::row(1)});
  play.take<Lease>();
  play.accept();
  EXPECT_THAT(play.settling, IsEmpty());
  const auto next = play.relay.next_deadline();
  ASSERT_TRUE(next);
  play.pass(std::chrono::ceil<milliseconds>(*next - play.now));
  EXPECT_THAT(play.take<Delete>().ids, ElementsAre(1));
}

TEST(relay, leases_no_more_when_20000_rows_wait_to_be_deleted) {
  for (const std::uint64_t count : {19'999, 20'000}) {
    Play play({.batch_rows_max = 30'000, .sent_rows_max = 30'000});
    play.open();
    std::vector<Row> rows;
    for (std::uint64_t id = 1; id <= count; ++id) rows.push_back(Play::row(id));
    play.lease(std::move(rows));
    play.take<Lease>();
    for (std::uint64_t id = 1; id <= count; ++id) play.accept();
    play.take<Delete>();  // of the first 4000
    play.answer(Leased{{Play::row(count + 1)}});
    EXPECT_EQ(play.asked.empty(), count == 20'000);
    play.asked.clear();
    play.settled();
    EXPECT_EQ(play.take<Delete>().ids.size(), 10'000);
    if (count == 20'000) play.take<Lease>();
  }
}

TEST(relay, deletes_what_was_accepted_when_nothing_more_is_due) {
  Play play;
  play.open();
  play.lease({Play::row(1), Play::row(2)});
  play.take<Lease>();  // while the answers are under way
  play.accept();
  play.accept();
  EXPECT_THAT(play.settling, IsEmpty());
  play.answer(Leased{});
  EXPECT_THAT(play.take<Delete>().ids, ElementsAre(1, 2));
  play.settled();
  EXPECT_EQ(play.relay.rows_under_way(0), 0);
  EXPECT_EQ(play.relay.counters(0).delivered, 2);
}

TEST(relay, deletes_what_was_accepted_even_when_the_database_was_away_meanwhile) {
  Play play;
  play.open();
  play.lease({Play::row(1)});
  play.take<Lease>();
  play.accept();
  play.answer(OutboxFailure{"gone"});
  for (int failures = 0; failures < 3; ++failures) {
    EXPECT_THAT(play.take<Delete>().ids, ElementsAre(1));
    play.settled(OutboxFailure{"gone too"});
    EXPECT_THAT(play.settling, IsEmpty());
    play.pass(seconds(10));
    play.asked.clear();
  }
  EXPECT_THAT(play.take<Delete>().ids, ElementsAre(1));
  play.settled();
  EXPECT_EQ(play.relay.counters(0).delivered, 1);
  EXPECT_THAT(play.settling, IsEmpty());
}

TEST(relay, leaves_rows_alone_whose_database_is_another_one_now) {
  Play play;
  play.open();
  play.lease({Play::row(1), Play::row(2), Play::row(3)});
  play.accept();
  play.take<Lease>();
  play.answer(OutboxFailure{"gone"});
  EXPECT_THAT(play.take<Delete>().ids, ElementsAre(1));
  EXPECT_EQ(play.settling_of, uuid);
  play.accept();
  play.pass(seconds(1));
  play.take<Open>();
  play.answer(OutboxOpened{"another", milliseconds(25)});
  EXPECT_EQ(play.events[play.events.size() - 2], Event::Kind::outbox_replaced);
  EXPECT_EQ(play.relay.rows_under_way(0), 0);
  play.settled(OutboxFailure{"gone too"});  // was asked of the other one
  play.accept();
  play.pass(seconds(30));
  EXPECT_THAT(play.settling, IsEmpty());

  play.lease({Play::row(3)});
  play.accept();
  play.take<Lease>();
  play.answer(Leased{});
  EXPECT_THAT(play.take<Delete>().ids, ElementsAre(3));
  EXPECT_EQ(play.settling_of, "another");
}

TEST(relay, opens_an_outbox_anew_that_the_other_line_finds_to_be_another_databases) {
  Play play;
  play.open();
  play.lease({Play::row(1), Play::row(2)});
  play.take<Lease>();
  play.accept();
  play.pass(seconds(1));
  play.take<Delete>();
  play.settled(OtherDatabase{});
  EXPECT_EQ(play.events.back(), Event::Kind::outbox_replaced);
  play.accept();
  EXPECT_THAT(play.settling, IsEmpty());
  play.answer(Leased{{Play::row(3)}});  // of the one of before
  EXPECT_EQ(play.relay.rows_under_way(0), 0);
  play.pass(milliseconds(0));
  play.take<Open>();
  play.answer(OutboxOpened{"another", milliseconds(25)});
  EXPECT_EQ(play.events.back(), Event::Kind::outbox_opened);
  play.take<Look>();
}

TEST(relay, settles_while_nothing_can_be_leased) {
  Play play;
  play.open();
  play.lease({Play::row(1), Play::row(2)}, Delivery::completion);
  play.take<Lease>();
  play.answer(OutboxFailure{"gone"});
  play.accept();
  play.accept();
  play.hear(0, WorkComplete{"H:1", ""});
  EXPECT_THAT(play.take<Delete>().ids, ElementsAre(1));
  play.settled();
  play.hear(0, WorkFail{"H:2"});
  EXPECT_EQ(play.take<Return>().rows[0].id, 2);
  play.settled();
  EXPECT_EQ(play.relay.rows_under_way(0), 0);
}

TEST(relay, leases_nothing_until_all_is_settled_that_could_not_be) {
  Play play;
  play.open();
  play.lease({Play::row(1), Play::row(2)}, Delivery::completion);
  play.take<Lease>();
  play.accept();
  play.accept();
  play.pass(milliseconds(200));
  play.hear(0, WorkComplete{"H:1", ""});
  play.take<Delete>();
  play.settled(OutboxFailure{"gone"});
  EXPECT_EQ(play.events.back(), Event::Kind::settling_failed);
  play.answer(Leased{});
  play.pass(milliseconds(1));
  play.take<Look>();
  play.answer(Looked{{{Group{Delivery::queue, "f", Priority::normal}, milliseconds(0)}}});
  EXPECT_THAT(play.asked, IsEmpty());
  play.pass(milliseconds(50));
  EXPECT_THAT(play.take<Delete>().ids, ElementsAre(1));
  play.settled();
  EXPECT_THAT(play.take<Renew>().ids, ElementsAre(2));  // time was lost
  EXPECT_THAT(play.asked, IsEmpty());
  play.settled();
  EXPECT_EQ(play.events.back(), Event::Kind::settles_again);
  play.take<Lease>();
}

TEST(relay, leases_nothing_when_what_it_has_may_be_leased_again) {
  Play play({.lease = seconds(60), .silence_max = hours(1)});
  play.open();
  play.lease({Play::row(1)}, Delivery::completion);
  play.take<Lease>();
  play.accept();
  play.answer(Leased{});
  play.pass(seconds(30));
  play.take<Renew>();  // which hangs
  const Looked due{{{Group{Delivery::queue, "f", Priority::normal}, milliseconds(0)}}};
  play.take<Look>();
  play.pass(seconds(15) - milliseconds(1));
  play.answer(due);
  play.take<Lease>();
  play.pass(milliseconds(1));
  play.answer(Leased{{Play::row(2)}});
  EXPECT_THAT(play.asked, IsEmpty());
  play.settled();
  play.take<Lease>();
}

TEST(relay, counts_a_lease_from_when_it_was_asked_for) {
  Play play({.lease = seconds(60), .silence_max = hours(1)});
  play.open();
  play.take<Look>();
  play.answer(Looked{{{Group{Delivery::queue, "f", Priority::normal}, milliseconds(0)}}});
  play.take<Lease>();  // whose answer is slow
  play.pass(seconds(49));
  play.answer(Leased{{Play::row(1)}});
  EXPECT_THAT(play.take<Renew>().ids, ElementsAre(1));
  play.take<Look>();
  play.answer(Looked{{{Group{Delivery::queue, "f", Priority::normal}, milliseconds(0)}}});
  EXPECT_THAT(play.asked, IsEmpty());  // what it has may be leased again before that is answered
  play.settled();
  play.take<Lease>();
}

TEST(relay, goes_on_when_dead_rows_cannot_be_forgotten) {
  Play play;
  play.take<Open>();
  play.answer(OutboxOpened{std::string(uuid), milliseconds(25)});
  play.connect(0);
  play.take<ForgetDead>();
  play.settled(OutboxFailure{"EXECUTE denied"});
  EXPECT_EQ(play.events.back(), Event::Kind::settling_failed);
  play.lease({Play::row(1)});
  play.take<Lease>();
  play.pass(seconds(20));
  EXPECT_EQ(play.events.back(), Event::Kind::settling_failed);  // nothing was settled again
}

TEST(relay, leases_nothing_while_rows_go_back) {
  Play play;
  play.open();
  play.lease({Play::row(1)});
  play.take<Lease>();
  play.hear(0, ErrorRes{"QUEUE_FULL", "x"});
  EXPECT_THAT(play.settling, IsEmpty());  // the lease that is under way could take it
  play.answer(Leased{{Play::row(2)}});
  play.take<Return>();
  EXPECT_THAT(play.asked, IsEmpty());
  play.settled();
  play.take<Lease>();
}

TEST(relay, gives_back_what_was_not_answered_when_the_connection_ends) {
  Play play;
  play.open();
  play.lease({Play::row(1, 3)});
  play.take<Lease>();
  play.answer(Leased{});
  play.relay.disconnected(0, "broken", play.now);
  play.note();
  const auto returned = play.take<Return>().rows;
  ASSERT_EQ(returned.size(), 1);
  EXPECT_EQ(returned[0].id, 1);
  EXPECT_TRUE(returned[0].was_sent);
  EXPECT_FALSE(returned[0].is_dead);
  EXPECT_GE(returned[0].delay, seconds(2));  // 4 s at the third attempt, half of it by chance
  EXPECT_LE(returned[0].delay, seconds(4));
  EXPECT_EQ(returned[0].error, "server0: broken");
}

TEST(relay, lets_a_job_to_completion_die_at_its_last_attempt_and_a_refused_one_at_once) {
  Play play({.attempts_max = 3});
  play.open();
  play.lease({Play::row(1, 2), Play::row(2, 3), Play::row(3, 1)}, Delivery::completion);
  play.take<Lease>();
  play.accept();
  play.accept();
  play.hear(0, ErrorRes{"ARGUMENT_TOO_LARGE", "x"});
  play.hear(0, WorkFail{"H:1"});
  play.hear(0, WorkFail{"H:2"});
  play.answer(Leased{});
  const auto returned = play.take<Return>().rows;
  ASSERT_EQ(returned.size(), 3);
  EXPECT_EQ(returned[0].id, 3);
  EXPECT_TRUE(returned[0].is_dead);
  EXPECT_EQ(returned[1].id, 1);
  EXPECT_FALSE(returned[1].is_dead);
  EXPECT_EQ(returned[2].id, 2);
  EXPECT_TRUE(returned[2].is_dead);
  EXPECT_EQ(play.relay.counters(0).died, 2);
}

TEST(relay, leases_no_more_than_may_be_under_way) {
  Play play({.batch_rows_max = 2, .sent_rows_max = 3});
  play.open();
  play.take<Look>();
  play.answer(Looked{{{Group{Delivery::queue, "f", Priority::normal}, milliseconds(0)}}});
  EXPECT_EQ(play.take<Lease>().rows_max, 2);
  play.answer(Leased{{Play::row(1), Play::row(2)}});
  EXPECT_EQ(play.take<Lease>().rows_max, 1);
  play.answer(Leased{{Play::row(3)}});
  EXPECT_THAT(play.asked, IsEmpty());
  play.accept();
  EXPECT_EQ(play.take<Lease>().rows_max, 1);
}

TEST(relay, takes_high_priorities_first_and_functions_of_one_priority_in_turn) {
  Play play({.batch_rows_max = 1});
  play.open();
  play.take<Look>();
  play.answer(Looked{{{Group{Delivery::queue, "a", Priority::normal}, milliseconds(0)},
                      {Group{Delivery::queue, "b", Priority::normal}, milliseconds(0)},
                      {Group{Delivery::queue, "c", Priority::high}, milliseconds(0)},
                      {Group{Delivery::queue, "later", Priority::high}, milliseconds(5)}}});
  std::vector<std::string> functions;
  for (std::uint64_t id = 1; id <= 4; ++id) {
    auto lease = play.take<Lease>();
    functions.push_back(lease.group.function);
    const bool is_last_of_it = lease.group.function == "c";
    Row row = Play::row(id);
    row.function = lease.group.function;
    play.answer(Leased{is_last_of_it ? std::vector<Row>{} : std::vector{row}});
  }
  EXPECT_THAT(functions, ElementsAre("c", "a", "b", "a"));
}

TEST(relay, goes_on_behind_the_last_row_and_begins_again_before_it_calls_a_function_done) {
  Play play;
  play.open();
  play.take<Look>();
  play.answer(Looked{{{Group{Delivery::queue, "f", Priority::normal}, milliseconds(0)}}});
  EXPECT_FALSE(play.take<Lease>().after);
  play.answer(Leased{{Play::row(1)}, Place{"noon", 1}});
  const auto second = play.take<Lease>();
  ASSERT_TRUE(second.after);
  EXPECT_EQ(second.after->run_at, "noon");
  EXPECT_EQ(second.after->id, 1);
  play.answer(Leased{});
  EXPECT_FALSE(play.take<Lease>().after);
  play.answer(Leased{});
  EXPECT_THAT(play.asked, IsEmpty());
}

TEST(relay, begins_again_after_a_second_though_there_is_always_more) {
  Play play;
  play.open();
  const Looked due{{{Group{Delivery::queue, "f", Priority::normal}, milliseconds(0)}}};
  play.take<Look>();
  play.answer(due);
  std::vector<bool> begins;
  for (std::uint64_t id = 1; id < 7; ++id) {
    begins.push_back(!play.take<Lease>().after);
    play.now += milliseconds(201);
    play.answer(Leased{{Play::row(id)}, Place{"noon", id}});
    play.take<Look>();
    play.answer(due);
  }
  EXPECT_THAT(begins, ElementsAre(true, false, false, false, false, true));
}

TEST(relay, renews_the_leases_of_rows_whose_server_is_connected) {
  Play play({.lease = seconds(60)});
  play.open();
  play.lease({Play::row(1)}, Delivery::completion);
  play.take<Lease>();
  play.accept();
  play.answer(Leased{});
  play.pass(milliseconds(1));
  play.take<Look>();
  play.answer(Looked{});
  play.pass(seconds(29));
  EXPECT_THAT(play.asked, IsEmpty());
  play.hear(0, EchoRes{"gman-relay"});
  play.pass(seconds(1));
  EXPECT_THAT(play.take<Renew>().ids, ElementsAre(1));
}

TEST(relay, watches_an_idle_outbox_and_leases_what_is_noticed) {
  Play play;
  play.open();
  EXPECT_EQ(play.take<Look>().wait_max, milliseconds(25));
  play.answer(Looked{});
  play.pass(hours(1));  // the outbox would have said something
  play.take<ForgetDead>();
  play.settled();
  EXPECT_THAT(play.asked, IsEmpty());  // it is watched meanwhile
  play.relay.noticed(0, Looked{{{Group{Delivery::queue, "f", Priority::low}, milliseconds(0)}}},
                     play.now);
  play.note();
  EXPECT_EQ(play.take<Lease>().group.priority, Priority::low);
}

TEST(relay, asks_a_function_whose_rows_others_hold_again_a_little_later) {
  Play play;
  play.open();
  play.lease({});
  EXPECT_THAT(play.asked, IsEmpty());
  const auto next = play.relay.next_deadline();
  ASSERT_TRUE(next);
  EXPECT_GT(*next, play.now);
  play.pass(milliseconds(1));
  play.take<Look>();
}

TEST(relay, is_over_after_one_run_when_all_is_deleted_and_nothing_is_due) {
  Play play({.once = true});
  play.open();
  play.lease({Play::row(1)});
  play.take<Lease>();
  play.answer(Leased{});
  play.pass(milliseconds(1));
  play.take<Look>();
  play.answer(Looked{});
  EXPECT_FALSE(play.relay.is_over());
  play.accept();
  EXPECT_FALSE(play.relay.is_over());
  play.take<Delete>();
  EXPECT_FALSE(play.relay.is_over());
  play.settled();
  EXPECT_TRUE(play.relay.is_over());
  EXPECT_EQ(play.relay.failure(), "");
}

TEST(relay, says_why_one_run_could_not_be_made) {
  Play play({.once = true}, 2);
  play.take<Open>();
  play.answer(OutboxOpened{std::string(uuid), milliseconds(25)});
  play.relay.disconnected(0, "refused", play.now);
  EXPECT_FALSE(play.relay.is_over());
  play.relay.disconnected(1, "refused too", play.now);
  EXPECT_TRUE(play.relay.is_over());
  EXPECT_NE(play.relay.failure().find("refused too"), std::string::npos);
}

TEST(relay, gives_back_at_a_stop_what_did_not_end_in_time_and_does_not_count_the_attempt) {
  Play play({.stop_patience = seconds(10)});
  play.open();
  play.lease({Play::row(1), Play::row(2)}, Delivery::completion);
  play.take<Lease>();
  play.accept();
  play.accept();
  play.relay.stop(play.now);
  play.answer(Leased{});
  play.hear(0, WorkComplete{"H:1", ""});
  EXPECT_THAT(play.take<Delete>().ids, ElementsAre(1));
  play.settled();
  EXPECT_FALSE(play.relay.is_over());
  EXPECT_THAT(play.asked, IsEmpty());  // no more leases
  play.pass(seconds(10));
  const auto returned = play.take<Return>().rows;
  ASSERT_EQ(returned.size(), 1);
  EXPECT_EQ(returned[0].id, 2);
  EXPECT_FALSE(returned[0].was_sent);
  EXPECT_EQ(returned[0].delay, milliseconds(0));
  play.settled();
  EXPECT_TRUE(play.relay.is_over());
}

TEST(relay, waits_at_a_stop_for_what_is_being_settled) {
  Play play;
  play.open();
  play.lease({Play::row(1)});
  play.take<Lease>();
  play.accept();
  play.answer(Leased{});
  play.take<Delete>();
  play.relay.stop(play.now);
  play.note();
  EXPECT_FALSE(play.relay.is_over());
  play.settled(OutboxFailure{"gone"});
  EXPECT_FALSE(play.relay.is_over());
  play.pass(milliseconds(50));
  play.take<Delete>();
  play.settled();
  EXPECT_TRUE(play.relay.is_over());
}

TEST(relay, gives_back_at_a_stop_while_nothing_can_be_leased) {
  Play play({.stop_patience = seconds(10)});
  play.open();
  play.lease({Play::row(1)}, Delivery::completion);
  play.take<Lease>();
  play.answer(OutboxFailure{"gone"});
  play.relay.stop(play.now);
  play.pass(seconds(10));
  EXPECT_THAT(play.asked, IsEmpty());  // it is not opened for this
  EXPECT_EQ(play.take<Return>().rows[0].id, 1);
  EXPECT_FALSE(play.relay.is_over());
  play.settled();
  EXPECT_TRUE(play.relay.is_over());
}

TEST(relay, says_why_one_run_could_not_settle) {
  Play play({.once = true});
  play.open();
  play.lease({Play::row(1)});
  play.take<Lease>();
  play.accept();
  play.answer(Leased{});
  play.take<Delete>();
  play.settled(OutboxFailure{"no right to delete"});
  EXPECT_EQ(play.relay.failure(), "no right to delete");
  EXPECT_FALSE(play.relay.is_over());  // it is tried again as long as a stop may take
  play.pass(seconds(10));
  play.take<Delete>();
  play.settled(OutboxFailure{"no right to delete"});
  play.pass(seconds(10));
  EXPECT_TRUE(play.relay.is_over());
}

TEST(relay, ends_in_the_end_though_its_database_is_away) {
  Play play({.stop_patience = seconds(10)});
  play.open();
  play.lease({Play::row(1)});
  play.take<Lease>();
  play.answer(OutboxFailure{"gone"});
  play.relay.stop(play.now);
  play.pass(seconds(10));
  EXPECT_FALSE(play.relay.is_over());
  play.pass(seconds(10));
  EXPECT_TRUE(play.relay.is_over());
}

TEST(relay, connects_again_with_growing_waits_and_forgets_them_when_it_works) {
  Play play;
  EXPECT_EQ(play.connects, 1);
  for (int failures = 0; failures < 10; ++failures) {
    play.relay.disconnected(0, "refused", play.now);
    play.pass(milliseconds(1));
    EXPECT_EQ(play.connects, failures + 1);
    play.pass(seconds(5));
    EXPECT_EQ(play.connects, failures + 2);
  }
  play.connect(0);
  play.relay.disconnected(0, "lost", play.now);
  play.pass(milliseconds(50));
  EXPECT_EQ(play.connects, 12);
}

TEST(relay, leaves_a_server_that_does_not_answer) {
  Play play({.silence_max = seconds(3)});
  play.open();
  play.lease({Play::row(1)});
  play.take<Lease>();
  play.answer(Leased{});
  play.pass(seconds(3));
  play.take<Return>();
  EXPECT_EQ(play.events.back(), Event::Kind::server_lost);
}

}  // namespace
}  // namespace gman::relay
