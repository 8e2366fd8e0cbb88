// SPDX-License-Identifier: BSD-3-Clause
// The packets from 1000 up, which say what the old protocol cannot: SUBMIT, SUBMIT_MANY and
// CAN_DO_MANY.
//
// A peer may send one only after OPTION_REQ with its name, and the server looks at nothing in it
// before that: here are the names, and the way from bodies to values and back. The engine makes of
// them what it makes of the old packets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/errors.hpp"
#include "protocol/request.hpp"

namespace gman {

/// Asks the server to recognise the relay's uniques for some time after their jobs have ended.
inline constexpr std::string_view unique_window_option = "gman.unique_window";

/// Options are understood in any case. Requires: `option` is in small letters.
[[nodiscard]] bool is_option(std::string_view given, std::string_view option);
/// The packet that an OPTION_REQ asks for; nullopt: it asks for none.
[[nodiscard]] std::optional<PacketType> extension_asked_for(std::string_view option);
/// "gman.submit" and so on. Requires: is_extended(type).
[[nodiscard]] std::string_view option_name_of(PacketType type);

/// What an ERROR packet says of a packet that was understood in part, and whether the connection
/// ends with it.
struct ExtendedFault {
  std::string_view code;
  std::string text;
  bool closes = false;
};

[[nodiscard]] std::variant<SubmitJob, ExtendedFault> parse_submit(std::string_view body);

/// The part of a job that is its own in a SUBMIT_MANY.
struct JobOfMany {
  std::string_view unique, workload;
};

/// A SUBMIT_MANY whose jobs can be told apart.
struct SubmitMany {
  SubmitJob common;  ///< without unique and workload
  /// What is wrong with the common part; then each job is refused by it.
  std::optional<ExtendedFault> fault;
  std::string_view jobs;  ///< for next_job

  /// Takes the next job off the front of `jobs`; nullopt: there is none. Its limits are not
  /// checked yet.
  [[nodiscard]] std::optional<JobOfMany> next_job();
};
[[nodiscard]] std::variant<SubmitMany, ExtendedFault> parse_submit_many(std::string_view body);

[[nodiscard]] std::variant<std::vector<CanDo>, ExtendedFault> parse_can_do_many(
    std::string_view body);

// Appending packets. Requires: the parts are within protocol/limits.hpp.
void append_submit(std::string& out, const SubmitJob& job);
void append_submit_many(std::string& out, const SubmitJob& common, std::span<const JobOfMany> jobs);
void append_can_do_many(std::string& out, std::span<const CanDo> abilities);

/// How much a job adds to the body of a SUBMIT_MANY.
[[nodiscard]] std::size_t bytes_in_many(const JobOfMany& job);

}  // namespace gman
