// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/admin_answer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gman::test {
namespace {

struct Taken {
  std::string text;
  bool is_whole = false;
  bool is_error = false;
  std::size_t bytes = 0;  // that it took to be whole
};

// One byte at a time, which is the hardest way.
Taken take(std::string_view command, std::string_view bytes) {
  AdminAnswer answer(command);
  Taken taken;
  for (; taken.bytes < bytes.size() && !taken.is_whole; ++taken.bytes) {
    taken.is_whole = answer.take(bytes.substr(taken.bytes, 1));
  }
  taken.text = answer.text();
  taken.is_error = answer.is_error();
  return taken;
}

TEST(admin_answer, of_each_list_ends_with_a_line_that_is_a_dot) {
  for (const char* command :
       {"status", "STATUS", "workers", "prioritystatus", "show jobs", "show unique  jobs"}) {
    const Taken taken = take(command, "f\t1\t0\t2\n.g\t0\t0\t0\n.\nmore\n");
    EXPECT_TRUE(taken.is_whole) << command;
    EXPECT_EQ(taken.text, "f\t1\t0\t2\n.g\t0\t0\t0\n") << command;
    EXPECT_EQ(taken.bytes, 19u) << command;
    EXPECT_EQ(take(command, ".\n").text, "") << command;
    EXPECT_TRUE(take(command, ".\r\n").is_whole) << command;
    EXPECT_FALSE(take(command, "f\t1\t0\t2\n.").is_whole) << command;
  }
}

TEST(admin_answer, of_anything_else_is_one_line_without_its_end) {
  for (const char* command : {"version", "cancel job H:1", "getpid", "showy", "no such", "."}) {
    const Taken taken = take(command, "OK 1.1.20\nmore\n");
    EXPECT_TRUE(taken.is_whole) << command;
    EXPECT_EQ(taken.text, "OK 1.1.20") << command;
    EXPECT_FALSE(taken.is_error) << command;
    EXPECT_EQ(take(command, "OK\r\n").text, "OK") << command;
    EXPECT_FALSE(take(command, "OK").is_whole) << command;
  }
}

TEST(admin_answer, that_refuses_a_list_is_one_line) {
  const Taken taken = take("show jobs", "ERR UNKNOWN_COMMAND Unknown+server+commandshow\r\n");
  EXPECT_TRUE(taken.is_whole);
  EXPECT_TRUE(taken.is_error);
  EXPECT_EQ(taken.text, "ERR UNKNOWN_COMMAND Unknown+server+commandshow");
  EXPECT_TRUE(take("cancel job H:1", "ERR UNKNOWN_JOB\r\n").is_error);
}

TEST(admin_answer, is_no_refusal_because_a_function_has_such_a_name) {
  const Taken taken = take("status", "ERR x\t1\t0\t0\nERR y\n.\n");
  EXPECT_TRUE(taken.is_whole);
  EXPECT_FALSE(taken.is_error);
  EXPECT_EQ(taken.text, "ERR x\t1\t0\t0\nERR y\n");
}

TEST(admin_answer, is_no_refusal_because_a_job_has_such_a_unique) {
  const Taken taken = take("show unique jobs", "ERR x\nother\n.\n");
  EXPECT_TRUE(taken.is_whole);
  EXPECT_FALSE(taken.is_error);
  EXPECT_EQ(taken.text, "ERR x\nother\n");
}

TEST(admin_answer, does_not_depend_on_how_it_was_cut) {
  const std::string_view bytes = "f\t1\t0\t2\n.g\t0\t0\t0\n.\nmore\n";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    AdminAnswer answer("status");
    if (!answer.take(bytes.substr(0, cut))) {
      EXPECT_TRUE(answer.take(bytes.substr(cut))) << cut;
    }
    EXPECT_EQ(answer.text(), "f\t1\t0\t2\n.g\t0\t0\t0\n") << cut;
  }
}

TEST(admin_answer, can_be_taken_anew_from_another_server) {
  AdminAnswer answer("status");
  EXPECT_FALSE(answer.take("f\t1\t0\t2\nhalf"));
  answer.start_over();
  EXPECT_FALSE(answer.has_begun());
  EXPECT_TRUE(answer.take("g\t1\t0\t2\n.\n"));
  EXPECT_EQ(answer.text(), "g\t1\t0\t2\n");
}

}  // namespace
}  // namespace gman::test
