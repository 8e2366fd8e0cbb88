// SPDX-License-Identifier: BSD-3-Clause
#include "cli/load/cpu_time.hpp"

#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace gman::cli::load {

// schedstat of a process is that of its first thread only, so each thread's is read.
std::optional<double> cpu_seconds_of(int pid) {
  std::error_code error;
  const std::filesystem::path threads = "/proc/" + std::to_string(pid) + "/task";
  double nanoseconds = 0;
  bool found = false;
  for (std::filesystem::directory_iterator thread(threads, error), none; !error && thread != none;
       thread.increment(error)) {
    double on_cpu = 0;
    if (std::ifstream(thread->path() / "schedstat") >> on_cpu) {
      nanoseconds += on_cpu;
      found = true;
    }
  }
  if (error || !found) return std::nullopt;
  return nanoseconds * 1e-9;
}

double own_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace gman::cli::load
