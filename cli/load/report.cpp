// SPDX-License-Identifier: BSD-3-Clause
#include "cli/load/report.hpp"

#include <array>
#include <cstdio>
#include <utility>

namespace gman::cli::load {
namespace {

/// 1234567 as 1,234,567.
std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string fixed(double number, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, number);
  return text.data();
}

double microseconds(std::uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) * 1e-3;
}

std::string duration_text(std::uint64_t nanoseconds) {
  const double us = microseconds(nanoseconds);
  if (us < 1e3) return fixed(us, 1) + " us";
  if (us < 1e6) return fixed(us * 1e-3, 2) + " ms";
  return fixed(us * 1e-6, 2) + " s";
}

double rate_of(const Plan& plan, const Outcome& outcome) {
  return outcome.seconds > 0 ? static_cast<double>(outcome.jobs(plan)) / outcome.seconds : 0;
}

/// Microseconds for each job; 0 of none.
double each(double cpu_seconds, const Plan& plan, const Outcome& outcome) {
  const auto jobs = static_cast<double>(outcome.jobs(plan));
  return jobs > 0 ? cpu_seconds * 1e6 / jobs : 0;
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escape.data();
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + '"';
}

std::string_view name_of(Mode mode) {
  switch (mode) {
    case Mode::background: return "background";
    case Mode::foreground: return "foreground";
  }
  return {};
}

}  // namespace

Table table_of(const Report& report) {
  const auto& [plan, outcome, server, drained] = report;
  const Counts& counts = outcome.counts;
  Table table({{"WHAT"}, {"FIGURE", Align::right}});
  const auto add = [&table](std::string what, std::string figure, bool is_alarming = false) {
    table.add({std::move(what), std::move(figure)}, is_alarming);
  };
  if (plan.submits()) {
    add("jobs submitted", grouped(counts.submitted));
    add("jobs acknowledged", grouped(counts.acknowledged));
    if (plan.mode == Mode::foreground) add("jobs answered", grouped(counts.answered));
  }
  if (plan.workers > 0) add("jobs taken by our workers", grouped(counts.taken));
  if (counts.failed > 0) add("jobs failed", grouped(counts.failed), true);
  if (counts.refused > 0) add("jobs refused", grouped(counts.refused), true);
  add("seconds", fixed(outcome.seconds, 3));
  add("jobs a second", grouped(static_cast<std::uint64_t>(rate_of(plan, outcome))));
  if (outcome.latency.count() > 0) {
    add("latency, median", duration_text(outcome.latency.percentile(0.5)));
    add("latency, 90 %", duration_text(outcome.latency.percentile(0.9)));
    add("latency, 99 %", duration_text(outcome.latency.percentile(0.99)));
    add("latency, longest", duration_text(outcome.latency.max()));
  }
  if (outcome.server_cpu_seconds) {
    add("server CPU a job", fixed(each(*outcome.server_cpu_seconds, plan, outcome), 3) + " us");
  }
  add("generator CPU a job", fixed(each(outcome.own_cpu_seconds, plan, outcome), 3) + " us");
  if (plan.workers > 0 && plan.submits()) {
    add("workers woken", grouped(counts.wakes));
    add("workers woken in vain", grouped(counts.wakes_in_vain));
  }
  if (drained > 0) add("jobs drained afterwards", grouped(drained));
  return table;
}

std::string json_of(const Report& report) {
  const auto& [plan, outcome, server, drained] = report;
  const Counts& counts = outcome.counts;
  std::string out = "{";
  const auto add = [&out](std::string_view name, const std::string& value) {
    if (out.size() > 1) out += ", ";
    out.append(json_text(name)).append(": ").append(value);
  };
  add("server", json_text(server));
  add("function", json_text(plan.function));
  add("mode", json_text(name_of(plan.mode)));
  add("workload_bytes", std::to_string(plan.workload_bytes));
  add("connections", std::to_string(plan.connections));
  add("window", std::to_string(plan.window));
  add("workers", std::to_string(plan.workers));
  add("unique", plan.has_uniques ? "true" : "false");
  add("jobs_submitted", std::to_string(counts.submitted));
  add("jobs_acknowledged", std::to_string(counts.acknowledged));
  add("jobs_refused", std::to_string(counts.refused));
  add("jobs_answered", std::to_string(counts.answered));
  add("jobs_failed", std::to_string(counts.failed));
  add("jobs_taken", std::to_string(counts.taken));
  add("jobs_drained", std::to_string(drained));
  add("seconds", fixed(outcome.seconds, 6));
  add("jobs_per_second", fixed(rate_of(plan, outcome), 1));
  add("latency_p50_us", fixed(microseconds(outcome.latency.percentile(0.5)), 3));
  add("latency_p90_us", fixed(microseconds(outcome.latency.percentile(0.9)), 3));
  add("latency_p99_us", fixed(microseconds(outcome.latency.percentile(0.99)), 3));
  add("latency_max_us", fixed(microseconds(outcome.latency.max()), 3));
  if (outcome.server_cpu_seconds) {
    add("server_cpu_us_per_job", fixed(each(*outcome.server_cpu_seconds, plan, outcome), 4));
  }
  add("generator_cpu_us_per_job", fixed(each(outcome.own_cpu_seconds, plan, outcome), 4));
  add("wakes", std::to_string(counts.wakes));
  add("wakes_in_vain", std::to_string(counts.wakes_in_vain));
  add("ended", json_text(outcome.end == End::done ? "done" : outcome.why));
  return out + "}\n";
}

std::string live_line(const Plan& plan, const Outcome& outcome) {
  std::string line = grouped(outcome.jobs(plan)) + " jobs, " +
                     grouped(static_cast<std::uint64_t>(rate_of(plan, outcome))) + "/s";
  if (outcome.latency.count() > 0) {
    line += ", median " + duration_text(outcome.latency.percentile(0.5));
  }
  if (outcome.server_cpu_seconds) {
    line +=
        ", server CPU " + fixed(each(*outcome.server_cpu_seconds, plan, outcome), 2) + " us a job";
  }
  return line;
}

}  // namespace gman::cli::load
