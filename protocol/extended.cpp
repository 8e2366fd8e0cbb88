// SPDX-License-Identifier: BSD-3-Clause
#include "protocol/extended.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

#include "base/assert.hpp"
#include "protocol/limits.hpp"

namespace gman {
namespace {

struct Extension {
  PacketType type;
  std::string_view option;
};
constexpr std::array extensions{
    Extension{PacketType::submit, "gman.submit"},
    Extension{PacketType::submit_many, "gman.submit_many"},
    Extension{PacketType::can_do_many, "gman.can_do_many"},
};

constexpr std::size_t job_head_bytes = 5;

ExtendedFault fault(protocol_errc code) {
  const Refusal refusal = refusal_of(code);
  return {refusal.code, std::string(refusal.text), refusal.closes};
}

ExtendedFault invalid_option(std::string_view name, std::string_view why) {
  return {error_text::invalid_argument_code,
          "Option " + std::string(name) + ": " + std::string(why), false};
}

// Up to the separator, which is taken off too.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

bool is_option_name(std::string_view name) {
  const auto is_small = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && is_small(name[0]) && std::ranges::all_of(name, [&](char c) {
    return is_small(c) || (c >= '0' && c <= '9') || c == '_';
  });
}

/// Reads "name=value,name=value" into a job.
class OptionReader {
 public:
  explicit OptionReader(SubmitJob& job) : job_(job) {}

  std::optional<ExtendedFault> read(std::string_view options) {
    if (options.size() > submit_options_bytes_max) return fault(protocol_errc::options_too_long);
    if (options.empty()) return std::nullopt;
    const auto count = static_cast<std::size_t>(std::ranges::count(options, ',')) + 1;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view option = take_until(options, ',');
      const std::string_view name = option.substr(0, option.find('='));
      if (name.size() > option_name_bytes_max) return fault(protocol_errc::option_name_too_long);
      if (name.size() == option.size() || !is_option_name(name)) {
        return ExtendedFault{error_text::invalid_argument_code,
                             "Options are not name=value,name=value", false};
      }
      if (auto refused = set(name, option.substr(name.size() + 1))) return refused;
    }
    return std::nullopt;
  }

 private:
  std::optional<ExtendedFault> set(std::string_view name, std::string_view value) {
    if (name == "mode") return choose(name, value, modes, mode_, job_.mode);
    if (name == "priority") return choose(name, value, priorities, priority_, job_.priority);
    if (name == "unique_mode") return choose(name, value, uniques, unique_, job_.unique_mode);
    if (name == "run_at") return set_run_at(name, value);
    return ExtendedFault{error_text::unknown_option_code, "Unknown option " + std::string(name),
                         false};
  }

  template <class T>
  struct Choice {
    std::string_view text;
    T value;
  };
  template <class T, std::size_t count>
  std::optional<ExtendedFault> choose(std::string_view name, std::string_view text,
                                      const std::array<Choice<T>, count>& choices, bool& is_given,
                                      T& chosen) {
    if (std::exchange(is_given, true)) return invalid_option(name, "given twice");
    const auto* const choice = std::ranges::find(choices, text, &Choice<T>::text);
    if (choice == choices.end()) {
      std::string known;
      for (const auto& one : choices) known.append(known.empty() ? "" : ", ").append(one.text);
      return invalid_option(name, "not one of " + known);
    }
    chosen = choice->value;
    return std::nullopt;
  }

  std::optional<ExtendedFault> set_run_at(std::string_view name, std::string_view text) {
    if (job_.run_at_epoch_ms) return invalid_option(name, "given twice");
    std::int64_t ms = -1;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), ms);
    if (failed != std::errc{} || end != text.data() + text.size() || ms < 0 || ms > run_at_ms_max) {
      return invalid_option(
          name, "not a number of milliseconds from 0 to " + std::to_string(run_at_ms_max));
    }
    job_.run_at_epoch_ms = ms;
    return std::nullopt;
  }

  static constexpr std::array modes{Choice<JobMode>{"foreground", JobMode::foreground},
                                    Choice<JobMode>{"background", JobMode::background}};
  static constexpr std::array priorities{Choice<Priority>{"high", Priority::high},
                                         Choice<Priority>{"normal", Priority::normal},
                                         Choice<Priority>{"low", Priority::low}};
  static constexpr std::array uniques{Choice<UniqueMode>{"alive", UniqueMode::alive},
                                      Choice<UniqueMode>{"until_start", UniqueMode::until_start}};

  SubmitJob& job_;
  bool mode_ = false, priority_ = false, unique_ = false;
};

// Only what differs from what is meant without it.
std::string options_of(const SubmitJob& job) {
  std::string text;
  const auto add = [&text](std::string_view name, std::string_view value) {
    if (!text.empty()) text += ',';
    text.append(name).append("=").append(value);
  };
  if (job.mode == JobMode::background) add("mode", "background");
  switch (job.priority) {
    case Priority::high: add("priority", "high"); break;
    case Priority::normal: break;
    case Priority::low: add("priority", "low"); break;
  }
  if (job.run_at_epoch_ms) add("run_at", std::to_string(*job.run_at_epoch_ms));
  if (job.unique_mode == UniqueMode::until_start) add("unique_mode", "until_start");
  return text;
}

std::size_t workload_bytes_at(std::string_view job_head) {
  std::size_t bytes = 0;
  for (const char c : job_head.substr(1, 4)) bytes = bytes << 8 | static_cast<unsigned char>(c);
  return bytes;
}

void append_job_head(std::string& out, const JobOfMany& job) {
  out += static_cast<char>(job.unique.size());
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(job.workload.size() >> shift);
}

}  // namespace

bool is_option(std::string_view given, std::string_view option) {
  return std::ranges::equal(given, option, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

std::optional<PacketType> extension_asked_for(std::string_view option) {
  for (const Extension& extension : extensions) {
    if (is_option(option, extension.option)) return extension.type;
  }
  return std::nullopt;
}

std::string_view option_name_of(PacketType type) {
  const auto* const found = std::ranges::find(extensions, type, &Extension::type);
  GMAN_ASSERT(found != extensions.end());
  return found->option;
}

std::variant<SubmitJob, ExtendedFault> parse_submit(std::string_view body) {
  const auto args = split_arguments(Packet{Magic::req, PacketType::submit, body});
  if (!args) return fault(protocol_errc::missing_argument);
  SubmitJob job{.function = (*args)[0], .unique = (*args)[1], .workload = (*args)[3]};
  if (const auto broken = fault_of(job)) return fault(*broken);
  if (auto refused = OptionReader(job).read((*args)[2])) return *std::move(refused);
  return job;
}

std::variant<SubmitMany, ExtendedFault> parse_submit_many(std::string_view body) {
  const auto args = split_arguments(Packet{Magic::req, PacketType::submit_many, body});
  if (!args) return fault(protocol_errc::jobs_not_framed);
  SubmitMany many{.common = {.function = (*args)[0]}, .fault = {}, .jobs = (*args)[2]};
  std::string_view rest = many.jobs;
  std::size_t count = 0;
  for (; !rest.empty(); ++count) {
    if (count == submit_many_jobs_max) return fault(protocol_errc::too_many_jobs);
    if (rest.size() < job_head_bytes) return fault(protocol_errc::jobs_not_framed);
    const std::size_t bytes =
        job_head_bytes + static_cast<unsigned char>(rest[0]) + workload_bytes_at(rest);
    if (rest.size() < bytes) return fault(protocol_errc::jobs_not_framed);
    rest.remove_prefix(bytes);
  }
  if (count == 0) return fault(protocol_errc::jobs_not_framed);

  if (const auto broken = fault_of(many.common)) {
    many.fault = fault(*broken);
  } else {
    many.fault = OptionReader(many.common).read((*args)[1]);
  }
  return many;
}

std::optional<JobOfMany> SubmitMany::next_job() {
  if (jobs.empty()) return std::nullopt;
  const std::size_t unique_bytes = static_cast<unsigned char>(jobs[0]);
  const std::size_t workload_bytes = workload_bytes_at(jobs);
  const JobOfMany job{jobs.substr(job_head_bytes, unique_bytes),
                      jobs.substr(job_head_bytes + unique_bytes, workload_bytes)};
  jobs.remove_prefix(job_head_bytes + unique_bytes + workload_bytes);
  return job;
}

std::variant<std::vector<CanDo>, ExtendedFault> parse_can_do_many(std::string_view body) {
  const auto separators = static_cast<std::size_t>(std::ranges::count(body, '\0'));
  if (separators % 2 == 0) return fault(protocol_errc::abilities_unpaired);
  const std::size_t count = (separators + 1) / 2;
  if (count > can_do_many_functions_max) return fault(protocol_errc::too_many_abilities);
  std::vector<CanDo> abilities;
  abilities.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view function = take_until(body, '\0');
    const std::string_view timeout = take_until(body, '\0');
    if (function.empty()) return fault(protocol_errc::function_empty);
    if (function.size() > function_bytes_max) return fault(protocol_errc::function_too_long);
    if (timeout.size() > number_bytes_max) return fault(protocol_errc::number_too_long);
    abilities.push_back({function, lenient_number(timeout)});
  }
  return abilities;
}

void append_submit(std::string& out, const SubmitJob& job) {
  append_packet(out, Magic::req, PacketType::submit,
                {job.function, job.unique, options_of(job), job.workload});
}

void append_submit_many(std::string& out, const SubmitJob& common,
                        std::span<const JobOfMany> jobs) {
  std::string body;
  std::size_t bytes = 0;
  for (const JobOfMany& job : jobs) bytes += bytes_in_many(job);
  body.reserve(bytes);
  for (const JobOfMany& job : jobs) {
    append_job_head(body, job);
    body.append(job.unique).append(job.workload);
  }
  append_packet(out, Magic::req, PacketType::submit_many,
                {common.function, options_of(common), body});
}

void append_can_do_many(std::string& out, std::span<const CanDo> abilities) {
  std::string body;
  for (const CanDo& ability : abilities) {
    if (!body.empty()) body += '\0';
    body.append(ability.function).append(1, '\0');
    if (ability.timeout_ms != 0) body += std::to_string(ability.timeout_ms);
  }
  append_packet(out, Magic::req, PacketType::can_do_many, {body});
}

std::size_t bytes_in_many(const JobOfMany& job) {
  return job_head_bytes + job.unique.size() + job.workload.size();
}

}  // namespace gman
