// SPDX-License-Identifier: BSD-3-Clause
// A database server of many sessions, each a thread, made of the symbols that gman_udf.so takes
// from MariaDB: what the object shares between sessions is used by all of them at once, where the
// sanitizers can see it, as they cannot inside of a real server.
//
// tests/integration/udf_threads_test.py starts it, with a job server and a worker of "same".
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/mysql/host/call.hpp"

using host::Call;
using testing::HasSubstr;

constexpr int sessions = 16;
constexpr int rounds = 50;
constexpr int killed_code = 1317;

/// A session, which another may kill.
class THD {
 public:
  int killed_errno() { return is_killed ? killed_code : 0; }

  unsigned long id = 0;
  std::atomic<bool> is_killed = false;
  std::vector<unsigned> raised;
};

namespace {
thread_local THD* session = nullptr;
}  // namespace

extern "C" THD* _current_thd() {
  return session;
}

extern "C" int thd_kill_level(const THD* asked) {
  constexpr int softly = 50;
  return asked->is_killed ? softly : 0;
}

extern "C" unsigned long thd_get_thread_id(const THD* asked) {
  return asked->id;
}

extern "C" void my_printf_error(unsigned code, const char*, unsigned long, ...) {
  session->raised.push_back(code);
}

extern "C" void my_error(unsigned code, unsigned long, ...) {
  session->raised.push_back(code);
}

namespace {

/// How many sessions wait for the end of a job.
class Gate {
 public:
  void pass() {
    const std::lock_guard lock(mutex_);
    ++passed_;
    changed_.notify_all();
  }
  void wait_for(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return passed_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int passed_ = 0;
};

/// Runs `live(session, number)` in a thread for each session, and `meanwhile(all)` beside them.
template <class Live, class Meanwhile>
void run_sessions(Live live, Meanwhile meanwhile) {
  std::vector<std::unique_ptr<THD>> all;
  std::vector<std::thread> threads;
  all.reserve(sessions);
  threads.reserve(sessions);
  for (int number = 0; number < sessions; ++number) {
    all.push_back(std::make_unique<THD>());
    all.back()->id = static_cast<unsigned long>(number) + 1;
  }
  for (int number = 0; number < sessions; ++number) {
    threads.emplace_back([&, number] {
      session = all[static_cast<std::size_t>(number)].get();
      live(*session, number);
    });
  }
  meanwhile(all);
  for (std::thread& thread : threads) thread.join();
}

void expect_result_of_its_own(const std::string& workload) {
  Call call(workload.c_str());
  call.name_function("same");
  call.run();
  EXPECT_EQ(call.text, workload);
  EXPECT_EQ(call.error, 0);
}

void expect_error_of_its_own(const std::string& why) {
  Call(nullptr).run();
  Call call(nullptr);
  call.args.arg_count = 0;
  call.run("gman_last_error");
  EXPECT_THAT(call.text, HasSubstr(why));
}

/// The list of all servers again, for a function that is this session's alone.
void set_servers(const std::string& function) {
  Call call(function.c_str());
  call.name_function(std::getenv("GMAN_SERVERS"));
  call.run("gman_servers_set");
  EXPECT_EQ(call.text, std::getenv("GMAN_SERVERS"));
}

TEST(Sessions, share_the_object_and_nothing_that_is_theirs) {
  run_sessions(
      [](THD& own, int number) {
        for (int round = 0; round < rounds; ++round) {
          const std::string text = std::to_string(number) + '.' + std::to_string(round);
          expect_result_of_its_own(text);
          set_servers("function" + text);
          expect_error_of_its_own("workload");
        }
        EXPECT_EQ(own.raised, std::vector<unsigned>(rounds, 1644));
      },
      [](const auto&) {});
}

TEST(Sessions, are_killed_one_by_one) {
  Gate begun;
  run_sessions(
      [&](THD& own, int) {
        begun.pass();
        Call call("w");
        call.name_function("nobody");
        call.run();
        EXPECT_EQ(call.error, 1);
        EXPECT_EQ(own.raised, std::vector<unsigned>{killed_code});
      },
      [&](const auto& all) {
        begun.wait_for(sessions);
        for (const auto& each : all) each->is_killed = true;
      });
}

}  // namespace
