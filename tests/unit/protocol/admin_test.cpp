// SPDX-License-Identifier: BSD-3-Clause
#include "protocol/admin.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gman {
namespace {

std::string numbers(const std::array<std::uint32_t, priority_count>& values) {
  return std::to_string(values[0]) + " " + std::to_string(values[1]) + " " +
         std::to_string(values[2]);
}

// What a line means, in words; a mistake is its answer without the line end.
std::string meaning(std::string_view line) {
  struct Words {
    std::string operator()(const AdminStatus&) const { return "status"; }
    std::string operator()(const AdminPriorityStatus&) const { return "prioritystatus"; }
    std::string operator()(const AdminWorkers&) const { return "workers"; }
    std::string operator()(const AdminVersion&) const { return "version"; }
    std::string operator()(const AdminVerbose&) const { return "verbose"; }
    std::string operator()(const AdminGetPid&) const { return "getpid"; }
    std::string operator()(const AdminShowJobs&) const { return "show jobs"; }
    std::string operator()(const AdminShowUniqueJobs&) const { return "show unique jobs"; }
    std::string operator()(const AdminShutdown& c) const {
      return c.graceful ? "shutdown graceful" : "shutdown";
    }
    std::string operator()(const AdminMaxQueue& c) const {
      return "maxqueue " + std::string(c.function) + " " + numbers(c.jobs_max);
    }
    std::string operator()(const AdminCreateFunction& c) const {
      return "create " + std::string(c.function);
    }
    std::string operator()(const AdminDropFunction& c) const {
      return "drop " + std::string(c.function);
    }
    std::string operator()(const AdminCancelJob& c) const {
      return "cancel " + std::string(c.handle);
    }
    std::string operator()(const AdminMistake& c) const {
      return c.answer.substr(0, c.answer.size() - 2);
    }
  };
  const auto command = parse_admin(line);
  if (!command) return "closes: " + command.error().message();
  return std::visit(Words{}, *command);
}

TEST(admin, understands_every_command_of_gearmand) {
  struct Row {
    const char* line;
    const char* means;
  };
  for (const Row& row : {
           Row{"status", "status"},
           Row{"STATUS", "status"},
           Row{"status  ", "status"},
           Row{"prioritystatus", "prioritystatus"},
           Row{"workers", "workers"},
           Row{"version", "version"},
           Row{"verbose", "verbose"},
           Row{"getpid", "getpid"},
           Row{"show jobs", "show jobs"},
           Row{"show   unique    jobs", "show unique jobs"},
           Row{"shutdown", "shutdown"},
           Row{"shutdown graceful", "shutdown graceful"},
           Row{"maxqueue resize", "maxqueue resize 0 0 0"},
           Row{"maxqueue resize 5", "maxqueue resize 5 5 5"},
           Row{"maxqueue resize 1 2 3", "maxqueue resize 1 2 3"},
           Row{"create function resize", "create resize"},
           Row{"drop function resize", "drop resize"},
           Row{"cancel job H:host:1", "cancel H:host:1"},
       }) {
    EXPECT_EQ(meaning(row.line), row.means) << row.line;
  }
}

TEST(admin, answers_mistakes_in_gearmands_words) {
  EXPECT_EQ(meaning("frobnicate"), "ERR UNKNOWN_COMMAND Unknown+server+commandfrobnicate");
  EXPECT_EQ(meaning(" status"), "ERR UNKNOWN_COMMAND Unknown+server+command");
  EXPECT_EQ(meaning(""), "ERR UNKNOWN_COMMAND Unknown+server+command");
  EXPECT_EQ(meaning("show"),
            "ERR INVALID_ARGUMENTS "
            "An+incomplete+set+of+arguments+was+sent+to+this+command+show");
  EXPECT_EQ(meaning("show me"), "ERR UNKNOWN_SHOW_ARGUMENTS");
  EXPECT_EQ(meaning("cancel job"),
            "ERR INVALID_ARGUMENTS "
            "An+incomplete+set+of+arguments+was+sent+to+this+command+cancel");
  EXPECT_EQ(meaning("maxqueue resize many"),
            "ERR INVALID_ARGUMENTS "
            "An+incomplete+set+of+arguments+was+sent+to+this+command+maxqueue");
}

TEST(admin, takes_seven_words_and_closes_at_eight) {
  EXPECT_EQ(meaning("a b c d e f g"), "ERR UNKNOWN_COMMAND Unknown+server+commanda");
  EXPECT_EQ(meaning("a b c d e f g h"), "closes: Admin line above the limit of 7 words");
}

TEST(admin, writes_rows_as_gearmand_does) {
  std::string out;
  append_status_row(out, {.function = "resize", .total = 12, .running = 2, .workers = 3});
  append_priority_status_row(out, {.function = "resize", .queued = {1, 2, 3}, .workers = 4});
  append_workers_row(out, {.fd = 33, .address = "127.0.0.1", .functions = {"resize", "crop"}});
  append_workers_row(out, {.fd = 34, .address = "unix", .client_id = "w1"});
  append_jobs_row(out, {.handle = "H:host:1", .retries = 1, .persisted = true});
  append_unique_row(out, "cat");
  EXPECT_EQ(out,
            "resize\t12\t2\t3\n"
            "resize\t1\t2\t3\t4\n"
            "33 127.0.0.1 - : resize crop\n"
            "34 unix w1 :\n"
            "H:host:1\t1\t0\t1\n"
            "cat\n");
}

}  // namespace
}  // namespace gman
