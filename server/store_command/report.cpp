// SPDX-License-Identifier: BSD-3-Clause
#include "server/store_command/report.hpp"

#include <cstdio>

namespace gman {
namespace {

constexpr std::size_t complaints_shown_max = 20;

unsigned long long printed(std::uint64_t number) {
  return number;
}

/// For a terminal: a function's name may be any bytes.
std::string shown(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) {
      text += c;
    } else {
      std::array<char, 8> hex{};
      std::snprintf(hex.data(), hex.size(), "\\x%02x", byte);
      text += hex.data();
    }
  }
  return text;
}

}  // namespace

void StoreReport::complain(const std::string& what) {
  if (++complaints_ <= complaints_shown_max) std::printf("damaged: %s\n", what.c_str());
}

void StoreReport::count(const JobRecord& job) {
  ++jobs_;
  // Found without making a name of it, for most.
  auto function = functions_.find(job.function);
  if (function == functions_.end()) {
    function = functions_.try_emplace(std::string(job.function)).first;
  }
  if (job.due_ms) {
    ++function->second.delayed;
  } else {
    ++function->second.waiting[static_cast<std::size_t>(job.priority)];
  }
  ++of_start_[job.number >> job_number_start_shift];
}

void StoreReport::add_start(std::uint64_t number, std::string_view prefix) {
  prefixes_[number] = prefix;
}

void StoreReport::complain_of_missing_starts() {
  for (const auto& [start, jobs] : of_start_) {
    if (prefixes_.contains(start)) continue;
    complain("start " + std::to_string(start) + " is missing, and " + std::to_string(jobs) +
             " jobs are of it");
  }
}

void StoreReport::print(const std::string& name) const {
  std::printf("%s: %s\n", name.c_str(), is_sound() ? "sound" : "damaged");
  std::printf("jobs: %llu\n", printed(jobs_));
  if (!functions_.empty()) {
    std::printf("%10s %10s %10s %10s  function\n", "high", "normal", "low", "delayed");
  }
  for (const auto& [function_name, function] : functions_) {
    for (const std::uint64_t waiting : function.waiting) std::printf("%10llu ", printed(waiting));
    std::printf("%10llu  %s\n", printed(function.delayed), shown(function_name).c_str());
  }
  std::printf("starts of a server: %zu\n", prefixes_.size());
  for (const auto& [number, prefix] : prefixes_) {
    const auto jobs = of_start_.find(number);
    std::printf("%10llu %s: %llu jobs\n", printed(number), shown(prefix).c_str(),
                printed(jobs == of_start_.end() ? 0 : jobs->second));
  }
  std::printf("set aside: %llu\n", printed(set_aside_));
  if (complaints_ > complaints_shown_max) {
    std::printf("%zu more complaints are not shown\n", complaints_ - complaints_shown_max);
  }
}

}  // namespace gman
