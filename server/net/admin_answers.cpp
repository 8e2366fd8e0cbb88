// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/admin_answers.hpp"

#include <unistd.h>

#include "server/config/value.hpp"
#include "server/net/listener.hpp"

namespace gman {
namespace {

std::string ok_line(std::string_view value) {
  return "OK " + std::string(value) + "\n";
}

template <class Rows, class Append>
std::string list_of(const Rows& rows, Append append) {
  std::string answer;
  for (const auto& row : rows) append(answer, row);
  answer += admin_text::list_end;
  return answer;
}

struct Answerer {
  AdminContext& context;

  std::string operator()(const AdminStatus&) const {
    return list_of(context.engine.status(), append_status_row);
  }
  std::string operator()(const AdminPriorityStatus&) const {
    return list_of(context.engine.priority_status(), append_priority_status_row);
  }
  std::string operator()(const AdminWorkers&) const {
    std::string answer;
    context.sessions.for_each([&](const Session& session) {
      if (session.phase != Session::Phase::open) return;
      append_workers_row(answer, {.fd = session.socket.get(),
                                  .address = peer_address(session.socket.get()),
                                  .client_id = context.engine.client_id(session.id()),
                                  .functions = context.engine.functions_of(session.id())});
    });
    answer += admin_text::list_end;
    return answer;
  }
  std::string operator()(const AdminVersion&) const { return ok_line(GMAN_VERSION); }
  std::string operator()(const AdminVerbose&) const {
    return ok_line(config::verbosity_name(context.verbosity));
  }
  std::string operator()(const AdminGetPid&) const { return ok_line(std::to_string(::getpid())); }
  std::string operator()(const AdminShowJobs&) const {
    return list_of(context.engine.jobs(), append_jobs_row);
  }
  std::string operator()(const AdminShowUniqueJobs&) const {
    return list_of(context.engine.uniques(), append_unique_row);
  }
  // Whoever may connect by TCP is not thereby trusted with this: to them the command does not
  // exist, as it does not in gearmand.
  std::string operator()(const AdminShutdown& command) const {
    if (!context.may_shut_down) {
      const std::string_view word = context.line.substr(0, context.line.find(' '));
      return admin_error("UNKNOWN_COMMAND", "Unknown server command" + std::string(word));
    }
    context.shutdown_request = command;
    return std::string(admin_text::ok);
  }
  std::string operator()(const AdminMaxQueue& command) const {
    context.engine.set_queue_max(command.function, command.jobs_max);
    return std::string(admin_text::ok);
  }
  std::string operator()(const AdminCreateFunction& command) const {
    context.engine.create_function(command.function);
    return std::string(admin_text::ok);
  }
  std::string operator()(const AdminDropFunction& command) const {
    switch (context.engine.drop_function(command.function)) {
      case Engine::DropResult::dropped: return std::string(admin_text::ok);
      case Engine::DropResult::not_found: return std::string(admin_text::function_not_found);
      case Engine::DropResult::in_use: return std::string(admin_text::function_in_use);
    }
    return std::string(admin_text::function_not_found);
  }
  std::string operator()(const AdminCancelJob& command) const {
    const bool is_cancelled =
        context.engine.cancel_job(command.handle, context.now, context.effects);
    return std::string(is_cancelled ? admin_text::ok : admin_text::unknown_job);
  }
  std::string operator()(const AdminMistake& mistake) const { return mistake.answer; }
};

}  // namespace

std::string admin_answer(const AdminCommand& command, AdminContext context) {
  return std::visit(Answerer{context}, command);
}

}  // namespace gman
