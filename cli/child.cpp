// SPDX-License-Identifier: BSD-3-Clause
#include "cli/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "client/fsm/text.hpp"

namespace gman::cli {
namespace {

using std::chrono::steady_clock;

/// Between two looks at the clock and at is_cancelled.
constexpr int slice_ms = 100;
/// From SIGTERM to SIGKILL.
constexpr std::chrono::milliseconds grace{1000};
/// How much of the end of standard error a failure quotes.
constexpr std::size_t error_tail_bytes_max = 2048;
constexpr std::size_t transfer_bytes = 64u << 10;

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { close(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

std::string error_text(int error) {
  return std::error_code(error, std::generic_category()).message();
}

/// glibc 2.36 declares pidfd_open() in a way that C++ cannot link.
Fd open_pid(pid_t pid) {
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

struct Pipe {
  Fd read, write;
};

/// The worker's end must not block, the program's end must: it expects an ordinary pipe.
std::optional<Pipe> make_pipe(Fd Pipe::*ours) {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) return std::nullopt;
  Pipe made{Fd(fds[0]), Fd(fds[1])};
  ::fcntl((made.*ours).get(), F_SETFL, O_NONBLOCK);
  return made;
}

/// posix_spawn's two attribute objects, with what every program gets.
class SpawnPlan {
 public:
  SpawnPlan(int in, int out, int err) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, in, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, err, STDERR_FILENO);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::sigaddset(&signals, SIGPIPE);
    ::sigaddset(&signals, SIGINT);
    ::sigaddset(&signals, SIGTERM);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  /// 0, or the error.
  int spawn(pid_t& pid, const ChildRun& run) {
    std::vector<char*> words;
    for (const std::string& word : run.words) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    std::vector<char*> environment;
    for (const std::string& entry : run.environment) {
      environment.push_back(const_cast<char*>(entry.c_str()));
    }
    for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
    environment.push_back(nullptr);
    return ::posix_spawnp(&pid, words[0], &actions_, &attributes_, words.data(),
                          environment.data());
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

/// A program that was started, until it has ended and its pipes are closed.
class Child {
 public:
  Child(const ChildRun& run, pid_t pid, Fd in, Fd out, Fd err)
      : run_(run),
        pid_(pid),
        in_(std::move(in)),
        out_(std::move(out)),
        err_(std::move(err)),
        running_(open_pid(pid)) {}

  ChildResult finish() {
    const auto started = steady_clock::now();
    std::string_view left = run_.input;
    if (left.empty()) in_.close();
    // It may close its pipes and run on, and it may end while what it started holds them open.
    while (out_.is_open() || err_.is_open() || running_.is_open()) {
      std::array<pollfd, 4> waiting{{{in_.get(), POLLOUT, 0},
                                     {out_.get(), POLLIN, 0},
                                     {err_.get(), POLLIN, 0},
                                     {running_.get(), POLLIN, 0}}};
      ::poll(waiting.data(), waiting.size(), slice_ms);
      if (waiting[0].revents != 0) write_some(left);
      if (waiting[1].revents != 0) read_output();
      if (waiting[2].revents != 0) read_errors();
      if (waiting[3].revents != 0) running_.close();
      if (run_.is_cancelled && run_.is_cancelled()) end("was stopped together with its worker");
      if (run_.time_max && steady_clock::now() - started >= *run_.time_max) {
        end("was still running after " + std::to_string(run_.time_max->count()) + " ms");
      }
      if (killed_at_ && steady_clock::now() - *killed_at_ >= grace) {
        ::kill(-pid_, SIGKILL);
        out_.close();  // held open, if at all, by what left the process group
        err_.close();
      }
    }
    in_.close();
    return {std::move(output_), failure()};
  }

 private:
  void write_some(std::string_view& left) {
    const auto written = ::write(in_.get(), left.data(), std::min(left.size(), transfer_bytes));
    if (written >= 0) {
      left.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EAGAIN && errno != EINTR) {
      left = {};  // it does not want the rest; `head` is such a program
    }
    if (left.empty()) in_.close();
  }

  void read_output() {
    const std::size_t had = output_.size();
    output_.resize(had + transfer_bytes);
    const auto bytes = ::read(out_.get(), output_.data() + had, transfer_bytes);
    output_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)));
    if (bytes == 0 || (bytes < 0 && errno != EAGAIN && errno != EINTR)) out_.close();
    if (output_.size() > run_.output_bytes_max) {
      end("wrote more than the limit of " + std::to_string(run_.output_bytes_max) + " bytes");
    }
  }

  void read_errors() {
    std::array<char, 4096> chunk;
    const auto bytes = ::read(err_.get(), chunk.data(), chunk.size());
    if (bytes == 0 || (bytes < 0 && errno != EAGAIN && errno != EINTR)) err_.close();
    if (bytes <= 0) return;
    [[maybe_unused]] const auto passed_on =
        ::write(STDERR_FILENO, chunk.data(), static_cast<std::size_t>(bytes));
    error_tail_.append(chunk.data(), static_cast<std::size_t>(bytes));
    if (error_tail_.size() > error_tail_bytes_max) {
      error_tail_.erase(0, error_tail_.size() - error_tail_bytes_max);
    }
  }

  /// The first reason counts.
  void end(std::string reason) {
    if (killed_at_) return;
    killed_at_ = steady_clock::now();
    reason_ = std::move(reason);
    ::kill(-pid_, SIGTERM);
  }

  /// Reaps it.
  std::string failure() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    std::string text;
    if (killed_at_) {
      text = reason_;
    } else if (WIFSIGNALED(status)) {
      text = std::string("was killed by signal ") + std::to_string(WTERMSIG(status)) + " (" +
             ::strsignal(WTERMSIG(status)) + ")";
    } else if (WEXITSTATUS(status) != 0) {
      text = "ended with status " + std::to_string(WEXITSTATUS(status));
    } else {
      return {};
    }
    while (error_tail_.ends_with('\n')) error_tail_.pop_back();
    text = run_.words[0] + ' ' + text;
    if (!error_tail_.empty()) text += ": " + error_tail_;
    return text;
  }

  const ChildRun& run_;
  const pid_t pid_;
  Fd in_, out_, err_;
  Fd running_;  ///< readable once it has ended
  std::string output_, error_tail_;
  std::optional<steady_clock::time_point> killed_at_;
  std::string reason_;
};

}  // namespace

ChildResult run_child(const ChildRun& run) {
  auto in = make_pipe(&Pipe::write);
  auto out = make_pipe(&Pipe::read);
  auto err = make_pipe(&Pipe::read);
  if (!in || !out || !err) return {{}, "no pipe can be made: " + error_text(errno)};
  pid_t pid = -1;
  SpawnPlan plan(in->read.get(), out->write.get(), err->write.get());
  if (const int error = plan.spawn(pid, run); error != 0) {
    return {{}, run.words[0] + " cannot be run: " + error_text(error)};
  }
  in->read.close();
  out->write.close();
  err->write.close();
  return Child(run, pid, std::move(in->write), std::move(out->read), std::move(err->read)).finish();
}

bool is_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0;
  const char* path = std::getenv("PATH");
  std::string_view places = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (true) {
    const std::string_view place = places.substr(0, places.find(':'));
    const std::string file = (place.empty() ? "." : std::string(place)) + '/' + name;
    if (::access(file.c_str(), X_OK) == 0) return true;
    if (place.size() == places.size()) return false;
    places.remove_prefix(place.size() + 1);
  }
}

}  // namespace gman::cli
