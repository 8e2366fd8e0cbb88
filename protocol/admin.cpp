// SPDX-License-Identifier: BSD-3-Clause
#include "protocol/admin.hpp"

#include <algorithm>
#include <charconv>

#include "protocol/limits.hpp"

namespace gman {
namespace {

struct Words {
  std::array<std::string_view, text_words_max> word{};
  std::size_t count = 0;

  [[nodiscard]] std::span<const std::string_view> after(std::size_t n) const {
    return std::span(word).subspan(n, count - n);
  }
};

// A leading blank makes an empty first word, hence an unknown command: gearmand's habit.
Result<Words> split_words(std::string_view line) {
  Words words;
  if (!line.empty() && line.front() == ' ') words.word[words.count++] = {};
  while (true) {
    const std::size_t start = line.find_first_not_of(' ');
    if (start == std::string_view::npos) return words;
    if (words.count == text_words_max) return protocol_errc::too_many_words;
    line.remove_prefix(start);
    const std::size_t end = std::min(line.find(' '), line.size());
    words.word[words.count++] = line.substr(0, end);
    line.remove_prefix(end);
  }
}

bool is_word(std::string_view given, std::string_view word) {
  return std::ranges::equal(given, word, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

AdminMistake unknown_command(std::string_view word) {
  return {admin_error("UNKNOWN_COMMAND", "Unknown server command" + std::string(word))};
}

AdminMistake incomplete(std::string_view word) {
  return {
      admin_error("INVALID_ARGUMENTS",
                  "An incomplete set of arguments was sent to this command " + std::string(word))};
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

AdminCommand parse_max_queue(std::span<const std::string_view> args) {
  if (args.empty()) return incomplete("maxqueue");
  AdminMaxQueue command{.function = args[0]};
  if (args.size() == 1) return command;
  if (args.size() != 2 && args.size() != 1 + priority_count) return incomplete("maxqueue");
  for (std::size_t i = 0; i < priority_count; ++i) {
    const auto jobs_max = number(args.size() == 2 ? args[1] : args[1 + i]);
    if (!jobs_max) return incomplete("maxqueue");
    command.jobs_max[i] = *jobs_max;
  }
  return command;
}

AdminCommand parse_show(std::span<const std::string_view> args) {
  if (args.size() == 1 && is_word(args[0], "jobs")) return AdminShowJobs{};
  if (args.size() == 2 && is_word(args[0], "unique") && is_word(args[1], "jobs")) {
    return AdminShowUniqueJobs{};
  }
  if (args.empty()) return incomplete("show");
  return AdminMistake{"ERR UNKNOWN_SHOW_ARGUMENTS\r\n"};
}

// "create function F", "drop function F", "cancel job H": a verb, its object's kind, its object.
template <class Command>
AdminCommand parse_on(std::string_view verb, std::string_view kind,
                      std::span<const std::string_view> args) {
  if (args.size() < 2 || !is_word(args[0], kind)) return incomplete(verb);
  return Command{args[1]};
}

}  // namespace

Result<AdminCommand> parse_admin(std::string_view line) {
  const auto split = split_words(line);
  if (!split) return split.error();
  const std::string_view verb = split->word[0];
  if (split->count == 0) return AdminCommand{unknown_command({})};
  const auto args = split->after(1);

  if (is_word(verb, "status")) return AdminCommand{AdminStatus{}};
  if (is_word(verb, "prioritystatus")) return AdminCommand{AdminPriorityStatus{}};
  if (is_word(verb, "workers")) return AdminCommand{AdminWorkers{}};
  if (is_word(verb, "version")) return AdminCommand{AdminVersion{}};
  if (is_word(verb, "verbose")) return AdminCommand{AdminVerbose{}};
  if (is_word(verb, "getpid")) return AdminCommand{AdminGetPid{}};
  if (is_word(verb, "maxqueue")) return parse_max_queue(args);
  if (is_word(verb, "show")) return parse_show(args);
  if (is_word(verb, "create")) return parse_on<AdminCreateFunction>("create", "function", args);
  if (is_word(verb, "drop")) return parse_on<AdminDropFunction>("drop", "function", args);
  if (is_word(verb, "cancel")) return parse_on<AdminCancelJob>("cancel", "job", args);
  if (is_word(verb, "shutdown")) {
    if (args.empty()) return AdminCommand{AdminShutdown{}};
    if (args.size() == 1 && is_word(args[0], "graceful")) return AdminCommand{AdminShutdown{true}};
    return AdminCommand{incomplete("shutdown")};
  }
  return AdminCommand{unknown_command(verb)};
}

std::string admin_error(std::string_view code, std::string_view text) {
  std::string answer = "ERR ";
  answer += code;
  answer += ' ';
  for (const char c : text) answer += c == ' ' ? '+' : c;
  return answer + "\r\n";
}

void append_status_row(std::string& out, const FunctionStatus& row) {
  out += row.function;
  for (const std::uint64_t number_of : {row.total, row.running, row.workers}) {
    out += '\t';
    out += std::to_string(number_of);
  }
  out += '\n';
}

void append_priority_status_row(std::string& out, const FunctionPriorityStatus& row) {
  out += row.function;
  for (const std::uint64_t queued : row.queued) {
    out += '\t';
    out += std::to_string(queued);
  }
  out += '\t';
  out += std::to_string(row.workers);
  out += '\n';
}

void append_workers_row(std::string& out, const ConnectionStatus& row) {
  out += std::to_string(row.fd);
  out += ' ';
  out += row.address;
  out += ' ';
  out += row.client_id.empty() ? std::string_view{"-"} : row.client_id;
  out += " :";
  for (const std::string_view function : row.functions) {
    out += ' ';
    out += function;
  }
  out += '\n';
}

void append_jobs_row(std::string& out, const JobStatusRow& row) {
  out += row.handle;
  for (const std::uint32_t number_of :
       {row.retries, std::uint32_t{row.ignored}, std::uint32_t{row.persisted}}) {
    out += '\t';
    out += std::to_string(number_of);
  }
  out += '\n';
}

void append_unique_row(std::string& out, std::string_view unique) {
  out += unique;
  out += '\n';
}

}  // namespace gman
