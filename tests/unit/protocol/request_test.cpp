// SPDX-License-Identifier: BSD-3-Clause
#include "protocol/request.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/limits.hpp"
#include "protocol/response.hpp"

namespace gman {
namespace {

using namespace std::string_literals;

Result<Request> parsed(PacketType type, const std::string& body) {
  return parse_request(Packet{Magic::req, type, body});
}

// The ERROR code and text that a packet gets, or "taken".
std::string refusal(PacketType type, const std::string& body) {
  const auto request = parsed(type, body);
  if (request) return "taken";
  const Refusal told = refusal_of(static_cast<protocol_errc>(request.error().value()));
  return std::string(told.code) + ": " + std::string(told.text) + (told.closes ? " (closes)" : "");
}

std::string bytes_of(const Request& request) {
  std::string out;
  append_request(out, request);
  return out;
}

TEST(request, reads_every_submit_by_priority_and_mode) {
  struct Row {
    PacketType type;
    Priority priority;
    JobMode mode;
  };
  for (const Row& row : {
           Row{PacketType::submit_job, Priority::normal, JobMode::foreground},
           Row{PacketType::submit_job_bg, Priority::normal, JobMode::background},
           Row{PacketType::submit_job_high, Priority::high, JobMode::foreground},
           Row{PacketType::submit_job_high_bg, Priority::high, JobMode::background},
           Row{PacketType::submit_job_low, Priority::low, JobMode::foreground},
           Row{PacketType::submit_job_low_bg, Priority::low, JobMode::background},
       }) {
    const std::string body = "resize\0cat\0a\0b"s;
    const auto request = parsed(row.type, body);
    ASSERT_TRUE(request) << spec_of(row.type).name;
    const auto& job = std::get<SubmitJob>(*request);
    EXPECT_EQ(job.function, "resize");
    EXPECT_EQ(job.unique, "cat");
    EXPECT_EQ(job.workload, "a\0b"s) << "a workload keeps its NULs";
    EXPECT_EQ(job.priority, row.priority);
    EXPECT_EQ(job.mode, row.mode);
    EXPECT_EQ(submit_type(row.priority, row.mode), row.type);
  }
}

TEST(request, reads_the_time_of_a_delayed_job_and_takes_what_is_no_number_for_now) {
  const std::string body = "f\0u\0"s + "1767225600" + "\0w"s;
  const auto request = parsed(PacketType::submit_job_epoch, body);
  ASSERT_TRUE(request);
  EXPECT_EQ(std::get<SubmitJob>(*request).run_at_epoch_seconds, 1767225600);
  EXPECT_EQ(std::get<SubmitJob>(*request).mode, JobMode::background);
  const std::string soon_body = "f\0u\0soon\0w"s;
  const auto soon = parsed(PacketType::submit_job_epoch, soon_body);
  EXPECT_EQ(std::get<SubmitJob>(*soon).run_at_epoch_seconds, 0);
}

TEST(request, reads_a_schedule_with_any_as_star_or_empty) {
  const std::string body = "f\0u\0"s + "30\0"s + "*\0"s + "1\0"s + "\0"s + "6\0"s + "w";
  const auto request = parsed(PacketType::submit_job_sched, body);
  ASSERT_TRUE(request);
  const Schedule& schedule = *std::get<SubmitJob>(*request).schedule;
  EXPECT_EQ(schedule.minute, 30);
  EXPECT_EQ(schedule.hour, std::nullopt);
  EXPECT_EQ(schedule.day_of_month, 1);
  EXPECT_EQ(schedule.month, std::nullopt);
  EXPECT_EQ(schedule.day_of_week, 6);
}

TEST(request, reads_the_four_arguments_of_a_reduce_job) {
  const std::string body = "split\0u\0join\0unused\0work"s;
  const auto request = parsed(PacketType::submit_reduce_job_background, body);
  ASSERT_TRUE(request);
  const auto& job = std::get<SubmitJob>(*request);
  EXPECT_EQ(job.reducer, "join");
  EXPECT_EQ(job.workload, "work");
  EXPECT_EQ(job.mode, JobMode::background);
  EXPECT_EQ(refusal(PacketType::submit_reduce_job, "split\0u\0join"s),
            "INVALID_PACKET: Packet has fewer arguments than its type needs");
}

TEST(request, comes_back_as_it_was_after_being_written) {
  const std::vector<Request> requests = {
      SubmitJob{.function = "f", .unique = "u", .workload = "w\0w"},
      SubmitJob{.function = "f", .workload = "", .priority = Priority::high},
      SubmitJob{
          .function = "f", .workload = "w", .priority = Priority::low, .mode = JobMode::background},
      SubmitJob{.function = "f",
                .workload = "w",
                .mode = JobMode::background,
                .run_at_epoch_seconds = 1234567890123},
      SubmitJob{.function = "f",
                .workload = "w",
                .mode = JobMode::background,
                .schedule = Schedule{.minute = 59, .day_of_week = 0}},
      SubmitJob{.function = "f", .workload = "w", .reducer = "r"},
      SubmitJob{.function = "f", .workload = "w", .reducer = "r", .mode = JobMode::background},
      GrabJob{GrabForm::plain},
      GrabJob{GrabForm::unique},
      GrabJob{GrabForm::all},
      PreSleep{},
      WorkComplete{"H:1", "data"},
      WorkStatus{"H:1", "4", "10"},
      WorkFail{"H:1"},
      WorkException{"H:1", "why"},
      WorkData{"H:1", "part"},
      WorkWarning{"H:1", "mind"},
      GetStatus{"H:1"},
      GetStatusUnique{"u"},
      CanDo{"f"},
      CanDo{"f", 1500},
      CantDo{"f"},
      ResetAbilities{},
      AllYours{},
      SetClientId{"w1"},
      EchoReq{"x"},
      OptionReq{"exceptions"},
  };
  for (const Request& request : requests) {
    const std::string bytes = bytes_of(request);
    const auto frame = next_frame(bytes);
    ASSERT_TRUE(frame && *frame);
    const auto again = parse_request(std::get<Packet>((*frame)->unit));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(again->index(), request.index());
    EXPECT_EQ(bytes_of(*again), bytes);
  }
}

TEST(request, refuses_packets_that_only_a_server_sends) {
  for (const PacketSpec& spec : packet_table) {
    const std::string body = "1\0"s + "2\0"s + "3\0"s + "4\0"s + "5\0"s + "6\0"s + "7\0"s + "8";
    EXPECT_EQ(refusal(spec.type, body) == "INVALID_COMMAND: Command not expected",
              spec.sent == Sent::res)
        << spec.name;
  }
}

TEST(request, refuses_a_response_magic_and_goes_on) {
  const auto request = parse_request(Packet{Magic::res, PacketType::echo_req, ""});
  ASSERT_FALSE(request);
  const Refusal told = refusal_of(static_cast<protocol_errc>(request.error().value()));
  EXPECT_EQ(told.text, "Request magic expected");
  EXPECT_FALSE(told.closes);
}

TEST(request, takes_each_part_up_to_its_limit_and_names_the_limit_above_it) {
  const auto submit = [](std::size_t function, std::size_t unique) {
    return refusal(PacketType::submit_job,
                   std::string(function, 'f') + "\0"s + std::string(unique, 'u') + "\0w"s);
  };
  EXPECT_EQ(submit(function_bytes_max, 0), "taken");
  EXPECT_EQ(submit(function_bytes_max + 1, 0),
            "ARGUMENT_TOO_LARGE: Function name above the limit of 512 bytes");
  EXPECT_EQ(submit(0, 0), "INVALID_FUNCTION_NAME: Function name is empty");
  EXPECT_EQ(submit(1, unique_bytes_max), "taken");
  EXPECT_EQ(submit(1, unique_bytes_max + 1), "ARGUMENT_TOO_LARGE: Unique value too large");

  const auto handle = [](std::size_t bytes) {
    return refusal(PacketType::get_status, std::string(bytes, 'h'));
  };
  EXPECT_EQ(handle(handle_bytes_max), "taken");
  EXPECT_EQ(handle(handle_bytes_max + 1),
            "ARGUMENT_TOO_LARGE: Job handle above the limit of 63 bytes");

  const auto option = [](std::size_t bytes) {
    return refusal(PacketType::option_req, std::string(bytes, 'o'));
  };
  EXPECT_EQ(option(option_name_bytes_max), "taken");
  EXPECT_EQ(option(option_name_bytes_max + 1),
            "ARGUMENT_TOO_LARGE: Option name above the limit of 63 bytes");

  const auto timeout = [](std::size_t digits) {
    return refusal(PacketType::can_do_timeout, "f\0"s + std::string(digits, '1'));
  };
  EXPECT_EQ(timeout(number_bytes_max), "taken");
  EXPECT_EQ(timeout(number_bytes_max + 1),
            "ARGUMENT_TOO_LARGE: Number above the limit of 20 digits");
}

TEST(request, cuts_a_client_id_at_127_bytes_since_no_worker_expects_an_answer_to_it) {
  const auto id_kept = [](std::size_t bytes) {
    const std::string body(bytes, 'i');
    const auto request = parsed(PacketType::set_client_id, body);
    return std::get<SetClientId>(*request).id.size();
  };
  EXPECT_EQ(id_kept(client_id_bytes_max - 1), client_id_bytes_max - 1);
  EXPECT_EQ(id_kept(client_id_bytes_max), client_id_bytes_max);
  EXPECT_EQ(id_kept(client_id_bytes_max + 1), client_id_bytes_max);
}

TEST(request, takes_a_workload_up_to_64_mib_and_names_the_limit_above_it) {
  const std::string head = "f\0u\0"s;
  EXPECT_EQ(refusal(PacketType::submit_job_bg, head + std::string(workload_bytes_max, 'w')),
            "taken");
  EXPECT_EQ(refusal(PacketType::submit_job_bg, head + std::string(workload_bytes_max + 1, 'w')),
            "ARGUMENT_TOO_LARGE: Workload above the limit of 67108864 bytes");
}

TEST(request, reads_numbers_as_leniently_as_gearmand) {
  EXPECT_EQ(lenient_number("42"), 42U);
  EXPECT_EQ(lenient_number("42 of them"), 42U);
  EXPECT_EQ(lenient_number("many"), 0U);
  EXPECT_EQ(lenient_number(""), 0U);
  EXPECT_EQ(lenient_number("99999999999"), 4294967295U);
}

}  // namespace
}  // namespace gman
