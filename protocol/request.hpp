// SPDX-License-Identifier: BSD-3-Clause
// What a client or a worker may ask of the server, as values.
//
// Views point into the packet that was parsed; whoever keeps a part copies it. Everything that can
// be checked without knowing the server's state has been checked here: counts, lengths, numbers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.hpp"
#include "protocol/framing.hpp"

namespace gman {

enum class Priority : std::uint8_t { high, normal, low };
inline constexpr std::size_t priority_count = 3;

enum class JobMode : std::uint8_t { foreground, background };

/// Which jobs a submit with the same key joins: any, or those that no worker has.
enum class UniqueMode : std::uint8_t { alive, until_start };

/// SUBMIT_JOB_SCHED's five fields; nullopt means "any", as '*' or an empty field does.
struct Schedule {
  std::optional<std::uint8_t> minute, hour, day_of_month, month, day_of_week;
};

/// All nine SUBMIT_* packets: the six by priority and mode, EPOCH, SCHED and the REDUCE pair. What
/// the extended SUBMIT says as well, which has packets of its own: protocol/extended.hpp.
struct SubmitJob {
  std::string_view function;
  std::string_view unique;  ///< empty: never coalesced; "-": the workload is the key
  std::string_view workload;
  std::string_view reducer;  ///< empty unless the job came by a REDUCE packet
  Priority priority = Priority::normal;
  JobMode mode = JobMode::foreground;
  std::optional<std::int64_t> run_at_epoch_seconds;  ///< SUBMIT_JOB_EPOCH
  std::optional<Schedule> schedule;                  ///< SUBMIT_JOB_SCHED
  std::optional<std::int64_t> run_at_epoch_ms;       ///< SUBMIT
  UniqueMode unique_mode = UniqueMode::alive;        ///< SUBMIT
};

struct CanDo {
  std::string_view function;
  std::uint32_t timeout_ms = 0;  ///< 0: no limit
};
struct CantDo {
  std::string_view function;
};
struct ResetAbilities {};
struct AllYours {};
struct PreSleep {};

/// Which of GRAB_JOB, GRAB_JOB_UNIQ and GRAB_JOB_ALL was sent, hence what JOB_ASSIGN* answers it.
enum class GrabForm : std::uint8_t { plain, unique, all };
struct GrabJob {
  GrabForm form = GrabForm::plain;
};

struct SetClientId {
  std::string_view id;
};
struct GetStatus {
  std::string_view handle;
};
struct GetStatusUnique {
  std::string_view unique;
};
struct EchoReq {
  std::string_view data;
};
struct OptionReq {
  std::string_view name;
};

// The WORK_* packets travel from worker to server and, unchanged, from server to client.
struct WorkStatus {
  std::string_view handle;
  std::string_view numerator, denominator;  ///< as sent; `lenient_number` reads them
};
struct WorkComplete {
  std::string_view handle, data;
};
struct WorkFail {
  std::string_view handle;
};
struct WorkException {
  std::string_view handle, data;
};
struct WorkData {
  std::string_view handle, data;
};
struct WorkWarning {
  std::string_view handle, data;
};

/// SUBMIT, SUBMIT_MANY and CAN_DO_MANY as they came. Nothing in them is looked at before it is
/// known that they were negotiated; then protocol/extended.hpp reads them.
struct ExtendedRequest {
  PacketType type{};
  std::string_view body;
};

using Request =
    std::variant<SubmitJob, GrabJob, PreSleep, WorkComplete, WorkStatus, WorkFail, WorkException,
                 WorkData, WorkWarning, GetStatus, GetStatusUnique, CanDo, CantDo, ResetAbilities,
                 AllYours, SetClientId, EchoReq, OptionReq, ExtendedRequest>;

/// The request in a packet. An error is a fault of this one packet: `refusal_of` says what to
/// answer, and the connection goes on.
[[nodiscard]] Result<Request> parse_request(const Packet& packet);

/// The first limit that a job breaks, or nullopt.
[[nodiscard]] std::optional<protocol_errc> fault_of(const SubmitJob& job);

/// Appends the request as a "\0REQ" packet.
/// Requires: the parts are within protocol/limits.hpp, and a job has nothing of SUBMIT's own.
void append_request(std::string& out, const Request& request);

/// The packet type that a job of this priority and mode is submitted by.
[[nodiscard]] PacketType submit_type(Priority priority, JobMode mode);

/// Reads digits as gearmand's atoi does: what is not a number is 0, what is too large is the
/// largest.
[[nodiscard]] std::uint32_t lenient_number(std::string_view text);

/// Cuts a body into the arguments of its type, the opaque body last. Missing NULs are an error.
[[nodiscard]] Result<std::array<std::string_view, 8>> split_arguments(const Packet& packet);

}  // namespace gman
