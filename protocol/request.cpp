// SPDX-License-Identifier: BSD-3-Clause
#include "protocol/request.hpp"

#include <charconv>
#include <limits>
#include <system_error>

#include "base/assert.hpp"
#include "protocol/limits.hpp"

namespace gman {
namespace {

using Arguments = std::array<std::string_view, 8>;

Result<Request> checked(const SubmitJob& job) {
  if (const auto fault = fault_of(job)) return *fault;
  return Request{job};
}

Result<Request> parse_submit(PacketType type, const Arguments& args) {
  SubmitJob job{.function = args[0], .unique = args[1], .workload = args[2]};
  if (type == PacketType::submit_job_high || type == PacketType::submit_job_high_bg) {
    job.priority = Priority::high;
  } else if (type == PacketType::submit_job_low || type == PacketType::submit_job_low_bg) {
    job.priority = Priority::low;
  }
  const bool is_background = type == PacketType::submit_job_bg ||
                             type == PacketType::submit_job_high_bg ||
                             type == PacketType::submit_job_low_bg;
  job.mode = is_background ? JobMode::background : JobMode::foreground;
  return checked(job);
}

Result<Request> parse_epoch(const Arguments& args) {
  if (args[2].size() > number_bytes_max) return protocol_errc::number_too_long;
  // Text that is no number means 0, hence "now", as in gearmand.
  std::int64_t seconds = 0;
  std::from_chars(args[2].data(), args[2].data() + args[2].size(), seconds);
  return checked(SubmitJob{.function = args[0],
                           .unique = args[1],
                           .workload = args[3],
                           .mode = JobMode::background,
                           .run_at_epoch_seconds = seconds});
}

std::optional<std::uint8_t> schedule_field(std::string_view text) {
  std::uint8_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<Request> parse_sched(const Arguments& args) {
  return checked(SubmitJob{.function = args[0],
                           .unique = args[1],
                           .workload = args[7],
                           .mode = JobMode::background,
                           .schedule = Schedule{.minute = schedule_field(args[2]),
                                                .hour = schedule_field(args[3]),
                                                .day_of_month = schedule_field(args[4]),
                                                .month = schedule_field(args[5]),
                                                .day_of_week = schedule_field(args[6])}});
}

// The fourth argument, the aggregator, is unused by every known client and server.
Result<Request> parse_reduce(const Arguments& args, JobMode mode) {
  return checked(SubmitJob{.function = args[0],
                           .unique = args[1],
                           .workload = args[4],
                           .reducer = args[2],
                           .mode = mode});
}

Result<Request> parse_can_do(std::string_view function, std::string_view timeout) {
  if (function.empty()) return protocol_errc::function_empty;
  if (function.size() > function_bytes_max) return protocol_errc::function_too_long;
  if (timeout.size() > number_bytes_max) return protocol_errc::number_too_long;
  return Request{CanDo{function, lenient_number(timeout)}};
}

std::string_view as_view(const std::optional<std::uint8_t>& field, std::array<char, 4>& digits) {
  if (!field) return "*";
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *field).ptr;
  return {digits.data(), static_cast<std::size_t>(end - digits.data())};
}

void append_submit(std::string& out, const SubmitJob& job) {
  if (job.run_at_epoch_seconds) {
    append_packet(
        out, Magic::req, PacketType::submit_job_epoch,
        {job.function, job.unique, std::to_string(*job.run_at_epoch_seconds), job.workload});
  } else if (job.schedule) {
    std::array<std::array<char, 4>, 5> digits{};
    append_packet(
        out, Magic::req, PacketType::submit_job_sched,
        {job.function, job.unique, as_view(job.schedule->minute, digits[0]),
         as_view(job.schedule->hour, digits[1]), as_view(job.schedule->day_of_month, digits[2]),
         as_view(job.schedule->month, digits[3]), as_view(job.schedule->day_of_week, digits[4]),
         job.workload});
  } else if (!job.reducer.empty()) {
    const PacketType type = job.mode == JobMode::background
                                ? PacketType::submit_reduce_job_background
                                : PacketType::submit_reduce_job;
    append_packet(out, Magic::req, type, {job.function, job.unique, job.reducer, "", job.workload});
  } else {
    append_packet(out, Magic::req, submit_type(job.priority, job.mode),
                  {job.function, job.unique, job.workload});
  }
}

struct RequestWriter {
  std::string& out;

  void one(PacketType type, std::initializer_list<std::string_view> args) const {
    append_packet(out, Magic::req, type, args);
  }

  void operator()(const SubmitJob& r) const { append_submit(out, r); }
  void operator()(const GrabJob& r) const {
    switch (r.form) {
      case GrabForm::plain: return one(PacketType::grab_job, {});
      case GrabForm::unique: return one(PacketType::grab_job_uniq, {});
      case GrabForm::all: return one(PacketType::grab_job_all, {});
    }
  }
  void operator()(const PreSleep&) const { one(PacketType::pre_sleep, {}); }
  void operator()(const WorkComplete& r) const {
    one(PacketType::work_complete, {r.handle, r.data});
  }
  void operator()(const WorkStatus& r) const {
    one(PacketType::work_status, {r.handle, r.numerator, r.denominator});
  }
  void operator()(const WorkFail& r) const { one(PacketType::work_fail, {r.handle}); }
  void operator()(const WorkException& r) const {
    one(PacketType::work_exception, {r.handle, r.data});
  }
  void operator()(const WorkData& r) const { one(PacketType::work_data, {r.handle, r.data}); }
  void operator()(const WorkWarning& r) const { one(PacketType::work_warning, {r.handle, r.data}); }
  void operator()(const GetStatus& r) const { one(PacketType::get_status, {r.handle}); }
  void operator()(const GetStatusUnique& r) const {
    one(PacketType::get_status_unique, {r.unique});
  }
  void operator()(const CanDo& r) const {
    if (r.timeout_ms == 0) return one(PacketType::can_do, {r.function});
    one(PacketType::can_do_timeout, {r.function, std::to_string(r.timeout_ms)});
  }
  void operator()(const CantDo& r) const { one(PacketType::cant_do, {r.function}); }
  void operator()(const ResetAbilities&) const { one(PacketType::reset_abilities, {}); }
  void operator()(const AllYours&) const { one(PacketType::all_yours, {}); }
  void operator()(const SetClientId& r) const { one(PacketType::set_client_id, {r.id}); }
  void operator()(const EchoReq& r) const { one(PacketType::echo_req, {r.data}); }
  void operator()(const OptionReq& r) const { one(PacketType::option_req, {r.name}); }
  void operator()(const ExtendedRequest& r) const { one(r.type, {r.body}); }
};

}  // namespace

// Checked in this order, so that a packet with two faults has one right answer.
std::optional<protocol_errc> fault_of(const SubmitJob& job) {
  if (job.function.empty()) return protocol_errc::function_empty;
  if (job.function.size() > function_bytes_max) return protocol_errc::function_too_long;
  if (job.unique.size() > unique_bytes_max) return protocol_errc::unique_too_long;
  if (job.reducer.size() > function_bytes_max) return protocol_errc::reducer_too_long;
  if (job.workload.size() > workload_bytes_max) return protocol_errc::workload_too_large;
  return std::nullopt;
}

Result<std::array<std::string_view, 8>> split_arguments(const Packet& packet) {
  const PacketSpec& spec = spec_of(packet.type);
  const std::size_t count = spec.args + (spec.body == Body::opaque ? 1U : 0U);
  std::array<std::string_view, 8> args{};
  std::string_view rest = packet.body;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos) return protocol_errc::missing_argument;
    args[i] = rest.substr(0, end);
    rest.remove_prefix(end + 1);
  }
  if (count > 0) args[count - 1] = rest;
  return args;
}

Result<Request> parse_request(const Packet& packet) {
  if (packet.magic != Magic::req) return protocol_errc::response_magic;
  if (is_extended(packet.type)) return Request{ExtendedRequest{packet.type, packet.body}};
  const auto split = split_arguments(packet);
  if (!split) return split.error();
  const Arguments& args = *split;

  const auto with_handle = [&](Request request) -> Result<Request> {
    if (args[0].size() > handle_bytes_max) return protocol_errc::handle_too_long;
    return request;
  };

  switch (packet.type) {
    case PacketType::submit_job:
    case PacketType::submit_job_bg:
    case PacketType::submit_job_high:
    case PacketType::submit_job_high_bg:
    case PacketType::submit_job_low:
    case PacketType::submit_job_low_bg: return parse_submit(packet.type, args);
    case PacketType::submit_job_epoch: return parse_epoch(args);
    case PacketType::submit_job_sched: return parse_sched(args);
    case PacketType::submit_reduce_job: return parse_reduce(args, JobMode::foreground);
    case PacketType::submit_reduce_job_background: return parse_reduce(args, JobMode::background);
    case PacketType::grab_job: return Request{GrabJob{GrabForm::plain}};
    case PacketType::grab_job_uniq: return Request{GrabJob{GrabForm::unique}};
    case PacketType::grab_job_all: return Request{GrabJob{GrabForm::all}};
    case PacketType::pre_sleep: return Request{PreSleep{}};
    case PacketType::can_do: return parse_can_do(args[0], {});
    case PacketType::can_do_timeout: return parse_can_do(args[0], args[1]);
    case PacketType::cant_do: return Request{CantDo{args[0]}};
    case PacketType::reset_abilities: return Request{ResetAbilities{}};
    case PacketType::all_yours: return Request{AllYours{}};
    case PacketType::set_client_id:
      // Cut, not refused: no worker expects an answer to it, and some die of an ERROR.
      return Request{SetClientId{args[0].substr(0, client_id_bytes_max)}};
    case PacketType::get_status: return with_handle(GetStatus{args[0]});
    case PacketType::get_status_unique:
      if (args[0].size() > unique_bytes_max) return protocol_errc::unique_too_long;
      return Request{GetStatusUnique{args[0]}};
    case PacketType::echo_req: return Request{EchoReq{args[0]}};
    case PacketType::option_req:
      if (args[0].size() > option_name_bytes_max) return protocol_errc::option_name_too_long;
      return Request{OptionReq{args[0]}};
    case PacketType::work_status:
      if (args[1].size() > number_bytes_max || args[2].size() > number_bytes_max) {
        return protocol_errc::number_too_long;
      }
      return with_handle(WorkStatus{args[0], args[1], args[2]});
    case PacketType::work_complete: return with_handle(WorkComplete{args[0], args[1]});
    case PacketType::work_fail: return with_handle(WorkFail{args[0]});
    case PacketType::work_exception: return with_handle(WorkException{args[0], args[1]});
    case PacketType::work_data: return with_handle(WorkData{args[0], args[1]});
    case PacketType::work_warning: return with_handle(WorkWarning{args[0], args[1]});
    case PacketType::noop:
    case PacketType::job_created:
    case PacketType::no_job:
    case PacketType::job_assign:
    case PacketType::job_assign_uniq:
    case PacketType::job_assign_all:
    case PacketType::echo_res:
    case PacketType::error:
    case PacketType::status_res:
    case PacketType::status_res_unique:
    case PacketType::option_res: return protocol_errc::unexpected_type;
    case PacketType::submit:
    case PacketType::submit_many:
    case PacketType::can_do_many: break;  // returned above
  }
  return protocol_errc::unknown_type;
}

void append_request(std::string& out, const Request& request) {
  std::visit(RequestWriter{out}, request);
}

PacketType submit_type(Priority priority, JobMode mode) {
  const bool is_background = mode == JobMode::background;
  switch (priority) {
    case Priority::high:
      return is_background ? PacketType::submit_job_high_bg : PacketType::submit_job_high;
    case Priority::normal:
      return is_background ? PacketType::submit_job_bg : PacketType::submit_job;
    case Priority::low:
      return is_background ? PacketType::submit_job_low_bg : PacketType::submit_job_low;
  }
  return PacketType::submit_job;
}

std::uint32_t lenient_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault == std::errc::result_out_of_range) return std::numeric_limits<std::uint32_t>::max();
  return value;
}

}  // namespace gman
