// SPDX-License-Identifier: BSD-3-Clause
// What Narada's four programs have in common: their options, their log, and how a job that meets
// passing trouble is tried again.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <mutex>
#include <string>

#include <gman/worker.hpp>

#include "base/log.hpp"
#include "examples/narada/trouble.hpp"

namespace gman::narada {

/// A job that meets passing trouble is tried so often, with growing waits: for about 20 s.
inline constexpr int attempts_max = 12;

/// One attempt at a job: its answer, or trouble.
using Work = std::function<Result<std::string>(const std::string& workload)>;

class Program {
 public:
  /// `jobs` is the default of --jobs.
  Program(std::string name, const std::string& about, std::size_t jobs);

  [[nodiscard]] CLI::App& options() { return options_; }
  [[nodiscard]] const std::string& servers() const { return servers_; }

  /// Adds --database, which must be given.
  void add_database(std::string& dsn);
  /// Adds --index, which must be given.
  void add_index(std::string& path);

  /// Reads the command line, lets `prepare` make the work of `function`, and serves until SIGINT
  /// or SIGTERM. The program's exit code: 0, 1 when it could not begin, 2 when the command line is
  /// wrong.
  [[nodiscard]] int serve(int argc, char** argv, const std::string& function,
                          const std::function<Result<Work>()>& prepare);

 private:
  [[nodiscard]] WorkResult run_patiently(const Work& work, Job& job);
  void report(const WorkerEvent& event);
  void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields);

  CLI::App options_;
  std::string name_;
  std::string servers_ = "127.0.0.1:4730";
  std::size_t jobs_;
  std::mutex log_mutex_;
  Log log_;
};

}  // namespace gman::narada
