// SPDX-License-Identifier: BSD-3-Clause
#include "protocol/response.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gman {
namespace {

using namespace std::string_literals;

std::string bytes_of(const Response& response) {
  std::string out;
  append_response(out, response);
  return out;
}

TEST(response, comes_back_as_it_was_after_being_written) {
  const std::vector<Response> responses = {
      JobCreated{"H:1"},
      Noop{},
      NoJob{},
      JobAssign{.handle = "H:1", .function = "f", .workload = "w"},
      JobAssign{GrabForm::unique, "H:1", "f", "u", "", "w"},
      JobAssign{GrabForm::all, "H:1", "f", "u", "r", "w"},
      WorkComplete{"H:1", "data"},
      WorkStatus{"H:1", "4", "10"},
      WorkFail{"H:1"},
      WorkException{"H:1", "why"},
      WorkData{"H:1", "part"},
      WorkWarning{"H:1", "mind"},
      StatusRes{"H:1", true, true, 4, 10},
      StatusResUnique{"u", true, false, 0, 0, 3},
      EchoRes{"x"},
      OptionRes{"exceptions"},
      ErrorRes{"QUEUE_ERROR", "Job queue is full"},
  };
  for (const Response& response : responses) {
    const std::string bytes = bytes_of(response);
    const auto frame = next_frame(bytes);
    ASSERT_TRUE(frame && *frame);
    const auto again = parse_response(std::get<Packet>((*frame)->unit));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(again->index(), response.index());
    EXPECT_EQ(bytes_of(*again), bytes);
  }
}

TEST(response, is_refused_when_only_a_client_sends_it) {
  const std::string body = "1\0"s + "2\0"s + "3\0"s + "4\0"s + "5\0"s + "6\0"s + "7\0"s + "8";
  for (const PacketSpec& spec : packet_table) {
    const auto response = parse_response(Packet{Magic::res, spec.type, body});
    EXPECT_EQ(!response && response.error() == protocol_errc::unexpected_type,
              spec.sent == Sent::req)
        << spec.name;
  }
  EXPECT_EQ(parse_response(Packet{Magic::req, PacketType::noop, ""}).error(),
            make_error_code(protocol_errc::request_magic));
}

TEST(response, reads_gearmands_handle_that_ends_in_a_stray_nul) {
  const std::string body = "H:host:1\0"s;
  const auto response = parse_response(Packet{Magic::res, PacketType::work_fail, body});
  ASSERT_TRUE(response);
  EXPECT_EQ(std::get<WorkFail>(*response).handle, "H:host:1");
}

}  // namespace
}  // namespace gman
