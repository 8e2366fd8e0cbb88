// SPDX-License-Identifier: BSD-3-Clause
// gman::Client: gman.h for C++ programs that may block. One call at a time, one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <gman/error.hpp>

namespace gman {

enum class JobPriority : std::uint8_t { normal, high, low };

/// Which job of the same function and unique a submit joins: see gman_unique_mode in gman.h.
enum class JobUnique : std::uint8_t { alive, until_start };

/// A time to run at, UTC.
using JobTime = std::chrono::sys_time<std::chrono::milliseconds>;

struct ClientSettings {
  std::string servers = "127.0.0.1:4730";
  std::chrono::milliseconds connect_timeout{2000};
  std::chrono::milliseconds deadline{0};
  std::chrono::milliseconds answer_timeout{10000};
  std::chrono::milliseconds retry_after{5000};
};

struct JobRequest {
  std::string_view function;
  std::string_view unique;
  std::string_view workload;
  JobPriority priority = JobPriority::normal;
  bool background = false;
  JobUnique unique_mode = JobUnique::alive;
  /// Not before this time.
  std::optional<JobTime> run_at{};
};

/// Background jobs that have all but unique and workload in common; at most GMAN_JOBS_MAX.
struct JobsRequest {
  std::string_view function;
  JobPriority priority = JobPriority::normal;
  JobUnique unique_mode = JobUnique::alive;
  std::optional<JobTime> run_at{};
  struct Part {
    std::string_view unique;
    std::string_view workload;
  };
  std::vector<Part> parts{};
};

struct JobsAnswer {
  struct Outcome {
    std::string handle;   ///< empty: it was refused
    std::string refusal;  ///< the server's words
  };
  /// Of the jobs that were answered, in their order.
  std::vector<Outcome> outcomes;
  std::string server;
  /// Why not all were; nothing when they were.
  std::optional<Error> error;
};

struct JobAnswer {
  std::string handle;
  std::string data;
  std::string warning;
  std::string server;
};

struct PingAnswer {
  std::string server;
  double round_trip_ms = 0;
};

class Client {
 public:
  /// Throws std::invalid_argument, with the reason, when the settings are wrong.
  explicit Client(const ClientSettings& settings);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Asked at least every 100 ms while a call waits; true ends it with client_errc::cancelled.
  void set_interrupt(std::function<bool()> interrupted);

  /// Told of what the worker reports by WORK_STATUS while run() waits, though not of each report.
  void set_progress(std::function<void(std::uint32_t numerator, std::uint32_t denominator)> told);

  [[nodiscard]] std::variant<JobAnswer, Error> run(const JobRequest& job);
  [[nodiscard]] JobsAnswer submit(const JobsRequest& jobs);
  [[nodiscard]] std::variant<PingAnswer, Error> ping();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gman
