// SPDX-License-Identifier: BSD-3-Clause
// A server of somebody else's, private to a test: its files in a directory of its own, listening
// on a socket there, killed by its pid.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace gman::store_test {

class PrivateServer {
 public:
  /// It has started when it has printed `ready`. A "%" at the front of an argument is the
  /// directory.
  PrivateServer(std::vector<std::string> command, std::string ready)
      : command_(std::move(command)), ready_(std::move(ready)) {
    std::string name = (std::filesystem::temp_directory_path() / "gman_store_test.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error(name);
    directory_ = name;
    for (std::string& argument : command_) {
      if (argument.starts_with('%')) argument.replace(0, 1, name);
    }
  }
  ~PrivateServer() {
    kill();
    std::filesystem::remove_all(directory_);
  }
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

  // Requires: it does not run.
  void start() {
    std::array<int, 2> output{};
    if (::pipe2(output.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    std::vector<char*> arguments;
    for (std::string& argument : command_) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // also when a test stops the program
      ::dup2(output[1], 1);
      ::dup2(output[1], 2);
      ::execvp(arguments[0], arguments.data());
      ::perror(arguments[0]);
      ::_exit(127);
    }
    ::close(output[1]);
    std::string printed;
    const auto read = [](int from, std::string& into) {
      std::array<char, 4096> bytes{};
      const ssize_t got = ::read(from, bytes.data(), bytes.size());
      if (got > 0) into.assign(bytes.data(), static_cast<std::size_t>(got));
      return got > 0;
    };
    std::string more;
    while (printed.find(ready_) == printed.npos) {
      if (!read(output[0], more)) {
        ::close(output[0]);
        throw std::runtime_error(command_[0] + " has not started: " + printed);
      }
      printed += more;
    }
    // It goes on printing, and would wait if nobody read that.
    output_ = std::thread([read, from = output[0]] {
      for (std::string unused; read(from, unused);) {
      }
      ::close(from);
    });
  }
  void signal(int number) const {
    if (pid_ > 0) ::kill(pid_, number);
  }
  /// As kill -9 does, and waits for its end.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    if (output_.joinable()) output_.join();
    pid_ = -1;
  }

 private:
  std::vector<std::string> command_;
  std::string ready_;
  std::filesystem::path directory_;
  pid_t pid_ = -1;
  std::thread output_;
};

}  // namespace gman::store_test
