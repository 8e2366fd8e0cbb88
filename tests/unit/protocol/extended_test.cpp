// SPDX-License-Identifier: BSD-3-Clause
#include "protocol/extended.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/limits.hpp"

namespace gman {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

std::string text_of(const ExtendedFault& fault) {
  return std::string(fault.code) + ": " + fault.text + (fault.closes ? " (closes)" : "");
}

template <class T>
std::string text_of(const std::variant<T, ExtendedFault>& parsed) {
  const auto* fault = std::get_if<ExtendedFault>(&parsed);
  return fault == nullptr ? "taken" : text_of(*fault);
}

std::string with_options(const std::string& options) {
  return "f\0u\0"s + options + "\0w"s;
}

std::string body_of(const std::string& packet) {
  return packet.substr(header_bytes);
}

std::string job(const std::string& unique, const std::string& workload) {
  std::string bytes(1, static_cast<char>(unique.size()));
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(workload.size() >> shift);
  return bytes + unique + workload;
}

// ---- Names

TEST(extended, has_an_option_for_each_packet_from_1000_up_and_for_no_other) {
  for (const PacketSpec& spec : packet_table) {
    if (!is_extended(spec.type)) continue;
    EXPECT_EQ(extension_asked_for(option_name_of(spec.type)), spec.type) << spec.name;
  }
  EXPECT_EQ(extension_asked_for("GMAN.SUBMIT_MANY"), PacketType::submit_many);
  EXPECT_EQ(extension_asked_for("gman.submit_man"), std::nullopt);
  EXPECT_EQ(extension_asked_for("gman."), std::nullopt);
  EXPECT_EQ(extension_asked_for("exceptions"), std::nullopt);
}

TEST(extended, leaves_the_numbers_around_it_unknown) {
  for (const std::uint32_t type : {43U, 999U, 1003U, 0xffffffffU}) {
    EXPECT_EQ(find_spec(type), nullptr) << type;
  }
  EXPECT_NE(find_spec(1000), nullptr);
  EXPECT_NE(find_spec(1002), nullptr);
}

// ---- Bytes

TEST(extended, writes_the_documented_bytes) {
  std::string out;
  append_submit(out, {.function = "f",
                      .unique = "u",
                      .workload = "w\0w"sv,
                      .priority = Priority::low,
                      .mode = JobMode::background,
                      .run_at_epoch_ms = 1767225600123,
                      .unique_mode = UniqueMode::until_start});
  EXPECT_EQ(out, "\0REQ\0\0\x03\xe8\0\0\0\x51"s +
                     "f\0u\0mode=background,priority=low,run_at=1767225600123,"s +
                     "unique_mode=until_start\0w\0w"s);
  out.clear();
  append_submit(out, {.function = "f", .workload = "w"});
  EXPECT_EQ(out,
            "\0REQ\0\0\x03\xe8\0\0\0\x05"
            "f\0\0\0w"s);
  out.clear();
  const std::vector<JobOfMany> jobs{{"u", "one"}, {"", std::string_view("\0", 1)}};
  append_submit_many(out, {.function = "f", .mode = JobMode::background}, jobs);
  EXPECT_EQ(out,
            "\0REQ\0\0\x03\xe9\0\0\0\x21"
            "f\0mode=background\0"s +
                "\x01\0\0\0\x03uone"s + "\0\0\0\0\x01\0"s);
  EXPECT_EQ(bytes_in_many(jobs[0]), 9);
  out.clear();
  const std::vector<CanDo> abilities{{"f", 0}, {"g", 1500}};
  append_can_do_many(out, abilities);
  EXPECT_EQ(out,
            "\0REQ\0\0\x03\xea\0\0\0\x09"
            "f\0\0g\0"
            "1500"s);
}

TEST(extended, reads_back_every_job_that_it_can_write) {
  for (const JobMode mode : {JobMode::foreground, JobMode::background}) {
    for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
      for (const UniqueMode unique_mode : {UniqueMode::alive, UniqueMode::until_start}) {
        for (const std::optional<std::int64_t> run_at :
             {std::optional<std::int64_t>{}, {0}, {run_at_ms_max}}) {
          std::string packet;
          append_submit(packet, {.function = "f",
                                 .unique = "u",
                                 .workload = "w\0w"sv,
                                 .priority = priority,
                                 .mode = mode,
                                 .run_at_epoch_ms = run_at,
                                 .unique_mode = unique_mode});
          const std::string body = body_of(packet);
          const auto parsed = parse_submit(body);
          ASSERT_EQ(text_of(parsed), "taken");
          const auto& job = std::get<SubmitJob>(parsed);
          EXPECT_EQ(job.function, "f");
          EXPECT_EQ(job.unique, "u");
          EXPECT_EQ(job.workload, "w\0w"sv);
          EXPECT_EQ(job.priority, priority);
          EXPECT_EQ(job.mode, mode);
          EXPECT_EQ(job.run_at_epoch_ms, run_at);
          EXPECT_EQ(job.unique_mode, unique_mode);
        }
      }
    }
  }
}

// ---- Options

TEST(submit_options, are_refused_by_name_when_unknown) {
  EXPECT_EQ(text_of(parse_submit(with_options("attempts=3"))),
            "UNKNOWN_OPTION: Unknown option attempts");
  EXPECT_EQ(text_of(parse_submit(with_options("mode=background,a_b2=1"))),
            "UNKNOWN_OPTION: Unknown option a_b2");
  const std::string longest(option_name_bytes_max, 'o');
  EXPECT_EQ(text_of(parse_submit(with_options(longest + "="))),
            "UNKNOWN_OPTION: Unknown option " + longest);
  EXPECT_EQ(text_of(parse_submit(with_options(longest + "o="))),
            "ARGUMENT_TOO_LARGE: Option name above the limit of 63 bytes");
}

TEST(submit_options, are_refused_when_they_are_none) {
  const std::string told = "INVALID_ARGUMENT: Options are not name=value,name=value";
  for (const char* options : {",", "mode", "=", "=x", "mode=background,", ",mode=background",
                              "Mode=background", "1a=x", "_a=x", "a b=c", "mode =background"}) {
    EXPECT_EQ(text_of(parse_submit(with_options(options))), told) << options;
  }
}

TEST(submit_options, are_refused_with_a_value_that_they_cannot_have) {
  const auto refusal = [](const std::string& options) {
    return text_of(parse_submit(with_options(options)));
  };
  EXPECT_EQ(refusal("mode="), "INVALID_ARGUMENT: Option mode: not one of foreground, background");
  EXPECT_EQ(refusal("priority=HIGH"),
            "INVALID_ARGUMENT: Option priority: not one of high, normal, low");
  EXPECT_EQ(refusal("unique_mode=queued"),
            "INVALID_ARGUMENT: Option unique_mode: not one of alive, until_start");
  for (const char* name : {"mode=background", "priority=low", "unique_mode=alive", "run_at=1"}) {
    const std::string option(name);
    std::string twice = option;
    twice.append(",").append(option);
    std::string expected = "INVALID_ARGUMENT: Option ";
    expected.append(option, 0, option.find('=')).append(": given twice");
    EXPECT_EQ(refusal(twice), expected);
  }
}

TEST(submit_options, take_a_time_up_to_the_end_of_the_year_9999) {
  const std::string told =
      "INVALID_ARGUMENT: Option run_at: not a number of milliseconds from 0 to 253402300799999";
  for (const char* taken : {"0", "1", "253402300799999", "00012"}) {
    EXPECT_EQ(text_of(parse_submit(with_options("run_at="s + taken))), "taken") << taken;
  }
  for (const char* refused :
       {"", "-1", "+1", "1.5", "1s", " 1", "soon", "253402300800000", "99999999999999999999"}) {
    EXPECT_EQ(text_of(parse_submit(with_options("run_at="s + refused))), told) << refused;
  }
}

TEST(submit_options, are_taken_up_to_their_limit) {
  const auto refusal = [](std::size_t bytes) {
    const std::string head = "x=";
    return text_of(parse_submit(with_options(head + std::string(bytes - head.size(), 'v'))));
  };
  EXPECT_EQ(refusal(submit_options_bytes_max), "UNKNOWN_OPTION: Unknown option x");
  EXPECT_EQ(refusal(submit_options_bytes_max + 1),
            "ARGUMENT_TOO_LARGE: Options above the limit of 1024 bytes");
}

TEST(submit, has_the_limits_of_the_old_packets) {
  const auto refusal = [](std::size_t function, std::size_t unique) {
    return text_of(
        parse_submit(std::string(function, 'f') + "\0"s + std::string(unique, 'u') + "\0\0w"s));
  };
  EXPECT_EQ(refusal(function_bytes_max, unique_bytes_max), "taken");
  EXPECT_EQ(refusal(function_bytes_max + 1, 0),
            "ARGUMENT_TOO_LARGE: Function name above the limit of 512 bytes");
  EXPECT_EQ(refusal(0, 0), "INVALID_FUNCTION_NAME: Function name is empty");
  EXPECT_EQ(refusal(1, unique_bytes_max + 1), "ARGUMENT_TOO_LARGE: Unique value too large");
  EXPECT_EQ(text_of(parse_submit("f\0u\0mode=background"s)),
            "INVALID_PACKET: Packet has fewer arguments than its type needs");
  EXPECT_EQ(text_of(parse_submit("f\0\0\0"s + std::string(workload_bytes_max, 'w'))), "taken");
  EXPECT_EQ(text_of(parse_submit("f\0\0\0"s + std::string(workload_bytes_max + 1, 'w'))),
            "ARGUMENT_TOO_LARGE: Workload above the limit of 67108864 bytes");
}

// ---- SUBMIT_MANY

TEST(submit_many, tells_its_jobs_apart_by_their_lengths) {
  const std::string body = "f\0priority=low\0"s + job("u", "one\0two"s) + job("", "") +
                           job(std::string(255, 'x'), std::string(70'000, 'y'));
  auto parsed = parse_submit_many(body);
  ASSERT_EQ(text_of(parsed), "taken");
  auto& many = std::get<SubmitMany>(parsed);
  EXPECT_EQ(many.common.function, "f");
  EXPECT_EQ(many.common.priority, Priority::low);
  EXPECT_FALSE(many.fault);
  auto next = many.next_job();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->unique, "u");
  EXPECT_EQ(next->workload, "one\0two"sv);
  next = many.next_job();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->unique, "");
  EXPECT_EQ(next->workload, "");
  next = many.next_job();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->unique.size(), 255);
  EXPECT_EQ(next->workload.size(), 70'000);
  EXPECT_FALSE(many.next_job());
}

TEST(submit_many, is_refused_as_a_whole_at_every_length_that_does_not_fill_it) {
  const std::string told = "INVALID_PACKET: The jobs do not fill the packet exactly (closes)";
  const std::string head = "f\0\0"s;
  const std::string jobs = job("u", "one") + job("", "two");
  const std::size_t first = job("u", "one").size();
  for (std::size_t bytes = 0; bytes < jobs.size(); ++bytes) {
    if (bytes == first) continue;
    EXPECT_EQ(text_of(parse_submit_many(head + jobs.substr(0, bytes))), told) << bytes;
  }
  EXPECT_EQ(text_of(parse_submit_many(head + jobs)), "taken");
  EXPECT_EQ(text_of(parse_submit_many(head + jobs + "\0"s)), told);
  EXPECT_EQ(text_of(parse_submit_many(head + "\0\xff\xff\xff\xffx"s)), told);
  EXPECT_EQ(text_of(parse_submit_many("f\0"s)), told);
  EXPECT_EQ(text_of(parse_submit_many("")), told);
}

TEST(submit_many, holds_up_to_a_thousand_jobs) {
  std::string body = "f\0\0"s;
  for (std::size_t i = 0; i < submit_many_jobs_max; ++i) body += job("", "w");
  EXPECT_EQ(text_of(parse_submit_many(body)), "taken");
  EXPECT_EQ(text_of(parse_submit_many(body + job("", "w"))),
            "ARGUMENT_TOO_LARGE: Packet above the limit of 1000 jobs (closes)");
}

TEST(submit_many, keeps_what_is_wrong_for_all_jobs_for_each_of_them) {
  const auto parsed = parse_submit_many("f\0colour=red\0"s + job("", "w"));
  ASSERT_EQ(text_of(parsed), "taken");
  const auto& fault = std::get<SubmitMany>(parsed).fault;
  ASSERT_TRUE(fault);
  EXPECT_EQ(text_of(*fault), "UNKNOWN_OPTION: Unknown option colour");
}

// ---- CAN_DO_MANY

TEST(can_do_many, reads_pairs_and_takes_an_empty_timeout_for_none) {
  const std::string body = "f\0\0g\0"s + "1500\0h\0"s + "0";
  const auto parsed = parse_can_do_many(body);
  ASSERT_EQ(text_of(parsed), "taken");
  const auto& abilities = std::get<std::vector<CanDo>>(parsed);
  ASSERT_EQ(abilities.size(), 3);
  EXPECT_EQ(abilities[0].function, "f");
  EXPECT_EQ(abilities[0].timeout_ms, 0);
  EXPECT_EQ(abilities[1].function, "g");
  EXPECT_EQ(abilities[1].timeout_ms, 1500);
  EXPECT_EQ(abilities[2].function, "h");
  EXPECT_EQ(abilities[2].timeout_ms, 0);
}

TEST(can_do_many, refuses_a_function_without_its_milliseconds) {
  const std::string told = "INVALID_PACKET: A function without its milliseconds";
  for (const std::string& body : {""s, "f"s, "f\0\0g"s}) {
    EXPECT_EQ(text_of(parse_can_do_many(body)), told);
  }
  for (const std::string& body : {"\0"s, "f\0\0\0"s}) {
    EXPECT_EQ(text_of(parse_can_do_many(body)), "INVALID_FUNCTION_NAME: Function name is empty");
  }
}

TEST(can_do_many, holds_up_to_ten_thousand_functions) {
  std::vector<std::string> names;
  names.reserve(can_do_many_functions_max + 1);
  for (std::size_t i = 0; i <= can_do_many_functions_max; ++i) {
    names.push_back("f" + std::to_string(i));
  }
  std::vector<CanDo> abilities;
  abilities.reserve(names.size());
  for (const std::string& name : names) abilities.push_back({name, 7});
  std::string packet;
  append_can_do_many(packet, std::span(abilities).first(can_do_many_functions_max));
  const std::string most = body_of(packet);
  const auto parsed = parse_can_do_many(most);
  ASSERT_EQ(text_of(parsed), "taken");
  EXPECT_EQ(std::get<std::vector<CanDo>>(parsed).back().function, "f9999");
  packet.clear();
  append_can_do_many(packet, abilities);
  EXPECT_EQ(text_of(parse_can_do_many(body_of(packet))),
            "ARGUMENT_TOO_LARGE: Packet above the limit of 10000 functions");
}

}  // namespace
}  // namespace gman
