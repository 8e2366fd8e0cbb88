// SPDX-License-Identifier: BSD-3-Clause
// gman::Worker against servers that do what each test tells them to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <csignal>
#include <gman/worker.hpp>

#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/integration/worker/scripted_server.hpp"

namespace gman::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using Kind = WorkerEvent::Kind;

constexpr auto patience = 10s;

/// Opens once; whoever waits goes on. Waiting for ever is a failed test.
class Gate {
 public:
  void open() {
    {
      const std::lock_guard lock(mutex_);
      is_open_ = true;
    }
    opened_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    if (!opened_.wait_for(lock, patience, [&] { return is_open_; })) {
      throw std::runtime_error("the gate was never opened");
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = false;
};

WorkResult reverse(Job& job) {
  return WorkResult::complete({job.workload().rbegin(), job.workload().rend()});
}

/// A worker in a thread of its own.
class Running {
 public:
  explicit Running(WorkerSettings settings) : worker_(std::move(settings)) {
    worker_.on_event([this](const WorkerEvent& event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
      changed_.notify_all();
    });
  }
  ~Running() {
    if (!thread_.joinable()) return;
    worker_.stop();
    worker_.stop();
    thread_.join();
  }
  Worker* operator->() { return &worker_; }
  void start() {
    thread_ = std::thread([this] {
      worker_.run();
      ended_.open();
    });
  }
  void wait_ended() {
    ended_.wait();
    thread_.join();
  }
  WorkerEvent wait_event(Kind kind) {
    std::unique_lock lock(mutex_);
    std::optional<WorkerEvent> found;
    const auto is_there = [&] {
      for (const WorkerEvent& event : events_) {
        if (event.kind == kind) found = event;
      }
      return found.has_value();
    };
    if (!changed_.wait_for(lock, patience, is_there)) throw std::runtime_error("no such event");
    return *found;
  }

 private:
  Worker worker_;
  std::thread thread_;
  Gate ended_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<WorkerEvent> events_;
};

WorkerSettings settings_for(std::string servers, std::size_t jobs_max = 1) {
  WorkerSettings settings;
  settings.servers = std::move(servers);
  settings.jobs_max = jobs_max;
  settings.reconnect_first = 5ms;
  settings.reconnect_max = 20ms;
  return settings;
}

TEST(worker, serves_a_job_and_asks_for_the_next_in_one_write) {
  ScriptedServer server;
  Running worker(settings_for(server.address()));
  worker->add_function("reverse", reverse);
  worker.start();
  auto connection = server.accept();
  EXPECT_EQ(connection.receive(), "CAN_DO reverse");
  EXPECT_EQ(connection.receive(), "GRAB_JOB_ALL");
  connection.send(PacketType::job_assign_all, {"H:1", "reverse", "", "", "Hello"});
  // The slot is taken, so nothing comes but the result, with the next grab behind it.
  const std::string bytes = connection.receive_some();
  EXPECT_THAT(bytes, HasSubstr("olleH"));
  EXPECT_TRUE(bytes.ends_with(std::string("\0REQ\0\0\0\x27\0\0\0\0", 12))) << bytes.size();
  connection.send(PacketType::no_job);
  EXPECT_EQ(connection.receive(), "PRE_SLEEP");
  connection.send(PacketType::noop);
  EXPECT_EQ(connection.receive(), "GRAB_JOB_ALL");
  connection.send(PacketType::no_job);
  EXPECT_EQ(connection.receive(), "PRE_SLEEP");
  worker->stop();
  EXPECT_EQ(connection.receive(), "closed");
  worker.wait_ended();
}

TEST(worker, gives_a_function_everything_that_the_server_said_of_its_job) {
  ScriptedServer server;
  Running worker(settings_for(server.address()));
  std::promise<std::vector<std::string>> seen;
  worker->add_function("look", [&](Job& job) {
    seen.set_value({job.handle(), job.function(), job.unique(), job.workload(), job.server()});
    return WorkResult::complete("");
  });
  worker.start();
  auto connection = server.accept();
  connection.send(PacketType::job_assign_all, {"H:7", "look", "key", "", "work"});
  auto future = seen.get_future();
  // The assignment came before any grab: a server that does that is left, so ask properly.
  EXPECT_EQ(connection.receive(), "CAN_DO look");
  connection.close();
  auto again = server.accept();
  EXPECT_EQ(again.receive(), "CAN_DO look");
  EXPECT_EQ(again.receive(), "GRAB_JOB_ALL");
  again.send(PacketType::job_assign_all, {"H:7", "look", "key", "", "work"});
  ASSERT_EQ(future.wait_for(patience), std::future_status::ready);
  EXPECT_THAT(future.get(), ElementsAre("H:7", "look", "key", "work", server.address()));
}

TEST(worker, sends_what_a_function_says_in_its_order) {
  ScriptedServer server;
  Running worker(settings_for(server.address()));
  worker->add_function("talk", [](Job& job) {
    job.send_status(1, 2);
    job.send_data("part");
    job.send_warning("hm");
    return WorkResult::complete("all");
  });
  worker.start();
  auto connection = server.accept();
  connection.receive();
  connection.receive();
  connection.send(PacketType::job_assign, {"H:1", "talk", ""});
  EXPECT_EQ(connection.receive(), "WORK_STATUS H:1 1 2");
  EXPECT_EQ(connection.receive(), "WORK_DATA H:1 part");
  EXPECT_EQ(connection.receive(), "WORK_WARNING H:1 hm");
  EXPECT_EQ(connection.receive(), "WORK_COMPLETE H:1 all");
}

TEST(worker, reports_each_way_to_fail_by_its_packet) {
  ScriptedServer server;
  Running worker(settings_for(server.address()));
  worker->add_function("end", [](Job& job) -> WorkResult {
    if (job.workload() == "fail") return WorkResult::fail();
    if (job.workload() == "exception") return WorkResult::exception("told");
    if (job.workload() == "throw") throw std::runtime_error("thrown");
    throw 1;
  });
  worker.start();
  auto connection = server.accept();
  connection.receive();
  struct Case {
    std::string workload, answer;
  };
  for (const Case& c : std::vector<Case>{
           {"fail", "WORK_FAIL H:1"},
           {"exception", "WORK_EXCEPTION H:1 told"},
           {"throw", "WORK_EXCEPTION H:1 thrown"},
           {"else", "WORK_EXCEPTION H:1 the worker's function threw what is no std::exception"}}) {
    EXPECT_EQ(connection.receive(), "GRAB_JOB_ALL");
    connection.send(PacketType::job_assign, {"H:1", "end", c.workload});
    EXPECT_EQ(connection.receive(), c.answer);
  }
}

TEST(worker, survives_an_error_packet_before_its_assignment) {
  ScriptedServer server;
  Running worker(settings_for(server.address()));
  worker->add_function("reverse", reverse);
  worker.start();
  auto connection = server.accept();
  connection.receive();
  connection.receive();
  connection.send(PacketType::error, {"JOB_NOT_FOUND", "late"});
  connection.send(PacketType::job_assign, {"H:1", "reverse", "ab"});
  EXPECT_EQ(connection.receive(), "WORK_COMPLETE H:1 ba");
  EXPECT_EQ(worker.wait_event(Kind::server_error).detail, "JOB_NOT_FOUND: late");
}

TEST(worker, takes_no_more_jobs_than_it_has_slots_over_all_servers) {
  ScriptedServer one;
  ScriptedServer two;
  Running worker(settings_for(one.address() + "," + two.address()));
  Gate go;
  worker->add_function("wait", [&](Job&) {
    go.wait();
    return WorkResult::complete("");
  });
  worker.start();
  auto first = one.accept();
  auto second = two.accept();
  EXPECT_EQ(first.receive(), "CAN_DO wait");
  EXPECT_EQ(second.receive(), "CAN_DO wait");
  EXPECT_EQ(first.receive(), "GRAB_JOB_ALL");
  first.send(PacketType::job_assign, {"H:1", "wait", ""});
  worker.wait_event(Kind::job_started);
  go.open();
  // While the one slot was taken the second server was not asked; now it is its turn, not the
  // first's again, however much work that has.
  EXPECT_EQ(first.receive(), "WORK_COMPLETE H:1 ");
  EXPECT_EQ(second.receive(), "GRAB_JOB_ALL");
  second.send(PacketType::job_assign, {"H:2", "wait", ""});
  EXPECT_EQ(second.receive(), "WORK_COMPLETE H:2 ");
  EXPECT_EQ(first.receive(), "GRAB_JOB_ALL");
}

TEST(worker, runs_jobs_of_two_servers_at_the_same_time) {
  ScriptedServer one;
  ScriptedServer two;
  Running worker(settings_for(one.address() + "," + two.address(), 2));
  Gate first_runs;
  Gate second_runs;
  worker->add_function("meet", [&](Job& job) {
    (job.workload() == "1" ? first_runs : second_runs).open();
    (job.workload() == "1" ? second_runs : first_runs).wait();
    return WorkResult::complete("met");
  });
  worker.start();
  auto first = one.accept();
  auto second = two.accept();
  for (auto* connection : {&first, &second}) {
    EXPECT_EQ(connection->receive(), "CAN_DO meet");
    EXPECT_EQ(connection->receive(), "GRAB_JOB_ALL");
  }
  first.send(PacketType::job_assign, {"H:1", "meet", "1"});
  second.send(PacketType::job_assign, {"H:1", "meet", "2"});
  // Whoever ends first frees a slot, with which either may grab.
  for (auto* connection : {&first, &second}) {
    std::string packet = connection->receive();
    if (packet == "GRAB_JOB_ALL") packet = connection->receive();
    EXPECT_EQ(packet, "WORK_COMPLETE H:1 met");
  }
}

TEST(worker, comes_back_to_a_server_that_went_away) {
  ScriptedServer server;
  Running worker(settings_for(server.address()));
  worker->add_function("reverse", reverse);
  worker.start();
  {
    auto connection = server.accept();
    EXPECT_EQ(connection.receive(), "CAN_DO reverse");
    server.stop_listening();
  }
  EXPECT_EQ(worker.wait_event(Kind::disconnected).server, server.address());
  EXPECT_EQ(worker.wait_event(Kind::connect_failed).detail, "No such file or directory");
  server.listen();
  auto connection = server.accept();
  EXPECT_EQ(connection.receive(), "CAN_DO reverse");
  EXPECT_EQ(connection.receive(), "GRAB_JOB_ALL");
}

TEST(worker, serves_the_servers_that_are_up) {
  ScriptedServer up;
  Running worker(settings_for("unix:/nonexistent/gmand.sock," + up.address()));
  worker->add_function("reverse", reverse);
  worker.start();
  auto connection = up.accept();
  EXPECT_EQ(connection.receive(), "CAN_DO reverse");
  EXPECT_EQ(connection.receive(), "GRAB_JOB_ALL");
}

TEST(worker, drops_the_result_of_a_job_whose_connection_was_lost) {
  ScriptedServer server;
  Running worker(settings_for(server.address()));
  Gate lost;
  Gate saw_it;
  worker->add_function("wait", [&](Job& job) {
    lost.wait();
    if (job.abandoned()) saw_it.open();
    job.send_data("nobody hears this");
    return WorkResult::complete("nor this");
  });
  worker.start();
  {
    auto connection = server.accept();
    connection.receive();
    connection.receive();
    connection.send(PacketType::job_assign, {"H:1", "wait", ""});
    worker.wait_event(Kind::job_started);
  }
  auto again = server.accept();
  lost.open();
  saw_it.wait();
  EXPECT_EQ(again.receive(), "CAN_DO wait");
  EXPECT_EQ(again.receive(), "GRAB_JOB_ALL") << "and the slot is free again";
}

TEST(worker, does_not_take_a_lost_run_of_a_job_for_the_one_that_it_was_given_again) {
  ScriptedServer server;
  WorkerSettings settings = settings_for(server.address());
  settings.jobs_max = 2;
  Running worker(settings);
  Gate second_runs;
  Gate first_ended;
  std::atomic<int> runs = 0;
  worker->add_function("slow", [&](Job& job) {
    if (++runs == 2) {
      second_runs.open();
      first_ended.wait();
      return WorkResult::complete("of the second run");
    }
    second_runs.wait();
    const bool knows = job.abandoned();
    job.send_data("of the first run");
    return knows ? WorkResult::exception("ended") : WorkResult::complete("did not know");
  });
  worker.start();
  auto connection = server.accept();
  EXPECT_EQ(connection.receive(), "CAN_DO slow");
  EXPECT_EQ(connection.receive(), "GRAB_JOB_ALL");
  connection.send(PacketType::job_assign, {"H:1", "slow", ""});
  EXPECT_EQ(connection.receive(), "GRAB_JOB_ALL");
  connection.send(PacketType::job_assign, {"H:1", "slow", ""});
  worker.wait_event(Kind::job_ended);
  EXPECT_EQ(connection.receive(), "GRAB_JOB_ALL") << "and nothing of the first run";
  first_ended.open();
  EXPECT_EQ(connection.receive(), "WORK_COMPLETE H:1 of the second run");
}

TEST(worker, finishes_its_job_when_it_is_told_to_stop) {
  ScriptedServer server;
  Running worker(settings_for(server.address()));
  Gate go;
  bool was_abandoned = true;
  worker->add_function("wait", [&](Job& job) {
    go.wait();
    was_abandoned = job.abandoned();
    return WorkResult::complete("done");
  });
  worker.start();
  auto connection = server.accept();
  connection.receive();
  connection.receive();
  connection.send(PacketType::job_assign, {"H:1", "wait", ""});
  worker.wait_event(Kind::job_started);
  worker->stop();
  go.open();
  EXPECT_EQ(connection.receive(), "WORK_COMPLETE H:1 done");
  EXPECT_EQ(connection.receive(), "closed") << "without another grab";
  worker.wait_ended();
  EXPECT_FALSE(was_abandoned);
}

TEST(worker, runs_the_job_that_was_on_its_way_when_it_was_told_to_stop) {
  ScriptedServer server;
  Running worker(settings_for(server.address()));
  worker->add_function("reverse", reverse);
  worker.start();
  auto connection = server.accept();
  connection.receive();
  EXPECT_EQ(connection.receive(), "GRAB_JOB_ALL");
  worker->stop();
  connection.send(PacketType::job_assign, {"H:1", "reverse", "ab"});
  EXPECT_EQ(connection.receive(), "WORK_COMPLETE H:1 ba");
  EXPECT_EQ(connection.receive(), "closed");
  worker.wait_ended();
}

TEST(worker, abandons_its_job_when_it_is_told_twice) {
  ScriptedServer server;
  Running worker(settings_for(server.address()));
  worker->add_function("wait", [&](Job& job) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!job.abandoned() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return WorkResult::complete("too late");
  });
  worker.start();
  auto connection = server.accept();
  connection.receive();
  connection.receive();
  connection.send(PacketType::job_assign, {"H:1", "wait", ""});
  worker.wait_event(Kind::job_started);
  worker->stop();
  worker->stop();
  EXPECT_EQ(connection.receive(), "closed") << "so that the server gives the job to another";
  worker.wait_ended();
}

TEST(worker, ends_after_the_jobs_that_it_was_to_do) {
  ScriptedServer server;
  auto settings = settings_for(server.address(), 4);
  settings.jobs_total = 3;
  Running worker(settings);
  worker->add_function("reverse", reverse);
  worker.start();
  auto connection = server.accept();
  connection.receive();
  int results = 0;
  int grabs = 0;
  for (std::string packet = connection.receive(); packet != "closed";
       packet = connection.receive()) {
    if (packet.starts_with("WORK_COMPLETE")) ++results;
    if (packet == "GRAB_JOB_ALL") {
      ++grabs;
      connection.send(PacketType::job_assign, {"H:" + std::to_string(grabs), "reverse", "x"});
    }
  }
  EXPECT_EQ(grabs, 3) << "it must not take a job that it will not do";
  EXPECT_EQ(results, 3);
  worker.wait_ended();
}

TEST(worker, stops_while_it_waits_for_a_server_that_is_down) {
  auto settings = settings_for("unix:/nonexistent/gmand.sock");
  settings.reconnect_first = 1h;
  settings.reconnect_max = 1h;
  Running worker(settings);
  worker->add_function("reverse", reverse);
  worker.start();
  worker.wait_event(Kind::connect_failed);
  worker->stop();
  worker.wait_ended();
}

TEST(worker, leaves_a_server_that_never_answers_its_last_grab) {
  ScriptedServer server;
  Running worker(settings_for(server.address()));
  worker->add_function("reverse", reverse);
  worker.start();
  auto connection = server.accept();
  connection.receive();
  connection.receive();
  worker->stop();
  worker.wait_ended();
  EXPECT_EQ(worker.wait_event(Kind::disconnected).detail, "no answer to a grab");
}

TEST(worker, carries_a_large_workload_and_a_large_result) {
  ScriptedServer server;
  Running worker(settings_for(server.address()));
  worker->add_function("reverse", reverse);
  worker.start();
  auto connection = server.accept();
  connection.receive();
  connection.receive();
  std::string workload(20u << 20, 'a');
  workload.front() = 'z';
  connection.send(PacketType::job_assign, {"H:1", "reverse", workload});
  const std::string result = connection.receive();
  EXPECT_EQ(result.size(), workload.size() + std::string("WORK_COMPLETE H:1 ").size());
  EXPECT_EQ(result.back(), 'z');
}

TEST(worker, slows_a_function_down_that_sends_faster_than_its_server_reads) {
  ScriptedServer server;
  Running worker(settings_for(server.address()));
  constexpr int pieces = 64;
  const std::string piece(1u << 20, 'x');
  std::atomic<int> sent = 0;
  worker->add_function("flood", [&](Job& job) {
    for (int i = 0; i < pieces; ++i) {
      job.send_data(piece);
      ++sent;
    }
    return WorkResult::complete("");
  });
  worker.start();
  auto connection = server.accept();
  connection.receive();
  connection.receive();
  connection.send(PacketType::job_assign, {"H:1", "flood", ""});
  // One piece has left, so the function has begun; only about 8 MiB may wait behind it.
  EXPECT_TRUE(connection.receive().starts_with("WORK_DATA"));
  EXPECT_LT(sent, pieces / 2);
  int received = 1;
  while (connection.receive().starts_with("WORK_DATA")) ++received;
  EXPECT_EQ(received, pieces);
}

TEST(worker, ends_by_a_signal) {
  ScriptedServer server;
  Worker worker(settings_for(server.address()));
  worker.add_function("reverse", reverse);
  std::thread thread([&] { worker.run_until_signal(); });
  auto connection = server.accept();
  connection.receive();
  connection.receive();
  connection.send(PacketType::no_job);
  EXPECT_EQ(connection.receive(), "PRE_SLEEP");
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(connection.receive(), "closed");
  thread.join();
}

TEST(worker, refuses_settings_that_cannot_work) {
  const auto reason = [](auto&& change) -> std::string {
    WorkerSettings settings;
    change(settings);
    try {
      Worker worker(settings);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(reason([](auto&) {}), "accepted");
  EXPECT_EQ(reason([](auto& s) { s.servers = " "; }), "no job server is given");
  EXPECT_THAT(reason([](auto& s) { s.servers = "a:b"; }), HasSubstr("a:b"));
  EXPECT_EQ(reason([](auto& s) { s.jobs_max = 0; }), "jobs_max is 0; it must be from 1 to 1024");
  EXPECT_EQ(reason([](auto& s) { s.jobs_max = 1; }), "accepted");
  EXPECT_EQ(reason([](auto& s) { s.jobs_max = 1024; }), "accepted");
  EXPECT_THAT(reason([](auto& s) { s.jobs_max = 1025; }), HasSubstr("1024"));
  EXPECT_THAT(reason([](auto& s) { s.client_id = "a b"; }), HasSubstr("holds a blank"));
  EXPECT_EQ(reason([](auto& s) { s.client_id = std::string(127, 'x'); }), "accepted");
  EXPECT_THAT(reason([](auto& s) { s.client_id = std::string(128, 'x'); }), HasSubstr("127"));
  EXPECT_THAT(reason([](auto& s) { s.reconnect_first = 0ms; }), HasSubstr("reconnect_first"));
}

TEST(worker, refuses_functions_that_cannot_be_registered) {
  Worker worker(WorkerSettings{});
  EXPECT_THROW(worker.add_function("", reverse), std::invalid_argument);
  EXPECT_THROW(worker.add_function(std::string("a\0b", 3), reverse), std::invalid_argument);
  EXPECT_NO_THROW(worker.add_function(std::string(512, 'f'), reverse));
  EXPECT_THROW(worker.add_function(std::string(513, 'f'), reverse), std::invalid_argument);
  EXPECT_THROW(worker.add_function("f", reverse, -1ms), std::invalid_argument);
}

}  // namespace
}  // namespace gman::test
