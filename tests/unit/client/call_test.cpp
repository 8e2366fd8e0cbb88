// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/call.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gman {
namespace {

std::string fault(const Call& call, std::size_t workload_max = workload_bytes_max) {
  const auto error = fault_of(call, CallLimits{.workload_bytes_max = workload_max});
  if (!error) return "none";
  EXPECT_EQ(error->code, client_errc::invalid_argument);
  return error->message;
}

TEST(call, holds_each_limit_at_its_edge_and_names_it) {
  const auto of = [](std::size_t bytes) { return std::string(bytes, 'x'); };
  EXPECT_EQ(fault(SubmitCall{.function = of(511)}), "none");
  EXPECT_EQ(fault(SubmitCall{.function = of(512)}), "none");
  EXPECT_EQ(fault(SubmitCall{.function = of(513)}),
            "function name of 513 bytes is above the limit of 512 bytes");
  EXPECT_EQ(fault(SubmitCall{.function = "f", .unique = of(63)}), "none");
  EXPECT_EQ(fault(SubmitCall{.function = "f", .unique = of(64)}), "none");
  EXPECT_EQ(fault(SubmitCall{.function = "f", .unique = of(65)}),
            "unique key of 65 bytes is above the limit of 64 bytes");
  EXPECT_EQ(fault(SubmitCall{.function = "f", .workload = of(9)}, 10), "none");
  EXPECT_EQ(fault(SubmitCall{.function = "f", .workload = of(10)}, 10), "none");
  EXPECT_EQ(fault(SubmitCall{.function = "f", .workload = of(11)}, 10),
            "workload of 11 bytes is above the limit of 10 bytes");
  EXPECT_EQ(fault(StatusCall{of(62)}), "none");
  EXPECT_EQ(fault(StatusCall{of(63)}), "none");
  EXPECT_EQ(fault(StatusCall{of(64)}), "job handle of 64 bytes is above the limit of 63 bytes");
}

TEST(call, refuses_what_would_shift_the_arguments_of_a_packet) {
  using namespace std::string_view_literals;
  EXPECT_EQ(fault(SubmitCall{.function = ""}), "function name is empty");
  EXPECT_EQ(fault(SubmitCall{.function = "re\0verse"sv}),
            "function name contains a NUL byte, at offset 2");
  EXPECT_EQ(fault(SubmitCall{.function = "f", .unique = "\0"sv}),
            "unique key contains a NUL byte, at offset 0");
  EXPECT_EQ(fault(StatusCall{""}), "job handle is empty");
  EXPECT_EQ(fault(StatusCall{"H:1\0"sv}), "job handle contains a NUL byte, at offset 3");
}

TEST(call, takes_any_bytes_as_a_workload) {
  using namespace std::string_view_literals;
  EXPECT_EQ(fault(SubmitCall{.function = "f", .workload = "\0\xff\n"sv}), "none");
  EXPECT_EQ(fault(SubmitCall{.function = "f", .workload = ""}), "none");
  EXPECT_EQ(fault(PingCall{}), "none");
}

}  // namespace
}  // namespace gman
