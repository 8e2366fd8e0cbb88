// SPDX-License-Identifier: BSD-3-Clause
// gman::Client: gman.h for C++ programs that may block. One call at a time, one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include <gman/error.hpp>

namespace gman {

enum class JobPriority : std::uint8_t { normal, high, low };

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
  [[nodiscard]] std::variant<PingAnswer, Error> ping();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gman
