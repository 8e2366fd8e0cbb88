// SPDX-License-Identifier: BSD-3-Clause
#include "protocol/response.hpp"

namespace gman {
namespace {

std::string_view digit(bool flag) {
  return flag ? "1" : "0";
}

struct ResponseWriter {
  std::string& out;

  void one(PacketType type, std::initializer_list<std::string_view> args) const {
    append_packet(out, Magic::res, type, args);
  }

  void operator()(const JobCreated& r) const { one(PacketType::job_created, {r.handle}); }
  void operator()(const Noop&) const { one(PacketType::noop, {}); }
  void operator()(const NoJob&) const { one(PacketType::no_job, {}); }
  void operator()(const JobAssign& r) const {
    switch (r.form) {
      case GrabForm::plain: return one(PacketType::job_assign, {r.handle, r.function, r.workload});
      case GrabForm::unique:
        return one(PacketType::job_assign_uniq, {r.handle, r.function, r.unique, r.workload});
      case GrabForm::all:
        return one(PacketType::job_assign_all,
                   {r.handle, r.function, r.unique, r.reducer, r.workload});
    }
  }
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
  void operator()(const StatusRes& r) const {
    one(PacketType::status_res, {r.handle, digit(r.known), digit(r.running),
                                 std::to_string(r.numerator), std::to_string(r.denominator)});
  }
  void operator()(const StatusResUnique& r) const {
    one(PacketType::status_res_unique,
        {r.unique, digit(r.known), digit(r.running), std::to_string(r.numerator),
         std::to_string(r.denominator), std::to_string(r.clients)});
  }
  void operator()(const EchoRes& r) const { one(PacketType::echo_res, {r.data}); }
  void operator()(const OptionRes& r) const { one(PacketType::option_res, {r.name}); }
  void operator()(const ErrorRes& r) const { one(PacketType::error, {r.code, r.text}); }
};

}  // namespace

Result<Response> parse_response(const Packet& packet) {
  if (packet.magic != Magic::res) return protocol_errc::request_magic;
  const auto split = split_arguments(packet);
  if (!split) return split.error();
  const auto& args = *split;
  // gearmand ends some handles with a stray NUL (WORK_FAIL for an exception, for one).
  const auto trimmed = [](std::string_view handle) { return handle.substr(0, handle.find('\0')); };

  switch (packet.type) {
    case PacketType::job_created: return Response{JobCreated{trimmed(args[0])}};
    case PacketType::noop: return Response{Noop{}};
    case PacketType::no_job: return Response{NoJob{}};
    case PacketType::job_assign:
      return Response{JobAssign{
          .form = GrabForm::plain, .handle = args[0], .function = args[1], .workload = args[2]}};
    case PacketType::job_assign_uniq:
      return Response{JobAssign{.form = GrabForm::unique,
                                .handle = args[0],
                                .function = args[1],
                                .unique = args[2],
                                .workload = args[3]}};
    case PacketType::job_assign_all:
      return Response{JobAssign{.form = GrabForm::all,
                                .handle = args[0],
                                .function = args[1],
                                .unique = args[2],
                                .reducer = args[3],
                                .workload = args[4]}};
    case PacketType::work_status: return Response{WorkStatus{args[0], args[1], args[2]}};
    case PacketType::work_complete: return Response{WorkComplete{args[0], args[1]}};
    case PacketType::work_fail: return Response{WorkFail{trimmed(args[0])}};
    case PacketType::work_exception: return Response{WorkException{args[0], args[1]}};
    case PacketType::work_data: return Response{WorkData{args[0], args[1]}};
    case PacketType::work_warning: return Response{WorkWarning{args[0], args[1]}};
    case PacketType::status_res:
      return Response{StatusRes{.handle = args[0],
                                .known = args[1] == "1",
                                .running = args[2] == "1",
                                .numerator = lenient_number(args[3]),
                                .denominator = lenient_number(args[4])}};
    case PacketType::status_res_unique:
      return Response{StatusResUnique{.unique = args[0],
                                      .known = args[1] == "1",
                                      .running = args[2] == "1",
                                      .numerator = lenient_number(args[3]),
                                      .denominator = lenient_number(args[4]),
                                      .clients = lenient_number(args[5])}};
    case PacketType::echo_res: return Response{EchoRes{args[0]}};
    case PacketType::option_res: return Response{OptionRes{args[0]}};
    case PacketType::error: return Response{ErrorRes{args[0], args[1]}};
    case PacketType::can_do:
    case PacketType::cant_do:
    case PacketType::reset_abilities:
    case PacketType::pre_sleep:
    case PacketType::submit_job:
    case PacketType::grab_job:
    case PacketType::get_status:
    case PacketType::echo_req:
    case PacketType::submit_job_bg:
    case PacketType::submit_job_high:
    case PacketType::set_client_id:
    case PacketType::can_do_timeout:
    case PacketType::all_yours:
    case PacketType::option_req:
    case PacketType::grab_job_uniq:
    case PacketType::submit_job_high_bg:
    case PacketType::submit_job_low:
    case PacketType::submit_job_low_bg:
    case PacketType::submit_job_sched:
    case PacketType::submit_job_epoch:
    case PacketType::submit_reduce_job:
    case PacketType::submit_reduce_job_background:
    case PacketType::grab_job_all:
    case PacketType::get_status_unique:
    case PacketType::submit:
    case PacketType::submit_many:
    case PacketType::can_do_many: return protocol_errc::unexpected_type;
  }
  return protocol_errc::unknown_type;
}

void append_response(std::string& out, const Response& response) {
  std::visit(ResponseWriter{out}, response);
}

}  // namespace gman
