// SPDX-License-Identifier: BSD-3-Clause
// A disk that fails when a test says so: loaded before the C library by LD_PRELOAD.
//
// It looks at each call that changes, or reads, a file whose path begins with GMAN_FAULTY_PATH, and
// obeys the rules in the file GMAN_FAULT_RULES, which the test replaces as it likes:
//
//   sync 3 1 EIO           the third sync from now fails, and no other
//   write 1 0 ENOSPC       every write fails (0: all that follow)
//   any 1 0 EROFS          every call that changes anything does
//   read 1 0 EIO           every read fails, and nothing else
//   sync 2 1 kill-before   the process kills itself instead of the second sync
//   sync 2 1 kill-after    ... as soon as it is done
//
// A rule begins to count when its file is new. Nothing here calls the C library's own functions of
// these names, so that it works under sanitizers, which put theirs in between.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

struct Rule {
  std::array<char, 16> call;
  long first;
  long count;
  std::array<char, 16> outcome;
  long seen;
};

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
std::array<Rule, 8> rules{};
std::size_t rule_count = 0;
struct stat rules_status {};

enum class Fate { goes_on, fails, dies_before, dies_after };

void read_rules() {
  const char* const path = std::getenv("GMAN_FAULT_RULES");
  struct stat status {};
  if (path == nullptr || ::stat(path, &status) != 0) {
    rule_count = 0;
    rules_status = {};
    return;
  }
  if (status.st_ino == rules_status.st_ino &&
      status.st_mtim.tv_sec == rules_status.st_mtim.tv_sec &&
      status.st_mtim.tv_nsec == rules_status.st_mtim.tv_nsec) {
    return;
  }
  rules_status = status;
  rule_count = 0;
  std::array<char, 1024> text{};
  const long file = ::syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  ::syscall(SYS_read, file, text.data(), text.size() - 1);
  ::syscall(SYS_close, file);
  char* rest = nullptr;
  for (char* line = ::strtok_r(text.data(), "\n", &rest);
       line != nullptr && rule_count < rules.size(); line = ::strtok_r(nullptr, "\n", &rest)) {
    Rule rule{};
    if (std::sscanf(line, "%15s %ld %ld %15s", rule.call.data(), &rule.first, &rule.count,
                    rule.outcome.data()) == 4) {
      rules[rule_count++] = rule;
    }
  }
}

int error_named(std::string_view name) {
  if (name == "ENOSPC") return ENOSPC;
  if (name == "EROFS") return EROFS;
  return EIO;
}

bool is_faulty(const char* path) {
  const char* const faulty = std::getenv("GMAN_FAULTY_PATH");
  return faulty != nullptr && std::strncmp(path, faulty, std::strlen(faulty)) == 0;
}

bool is_faulty(int file) {
  std::array<char, 32> link{};
  std::array<char, 4096> path{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", file);
  return ::readlink(link.data(), path.data(), path.size() - 1) > 0 && is_faulty(path.data());
}

/// Sets errno where it fails.
Fate fate_of(const char* call) {
  Fate fate = Fate::goes_on;
  ::pthread_mutex_lock(&mutex);
  read_rules();
  for (std::size_t i = 0; i < rule_count; ++i) {
    Rule& rule = rules[i];
    const std::string_view meant = rule.call.data();
    const bool is_any = meant == "any" && std::string_view(call) != "read";
    if (!is_any && meant != call) continue;
    ++rule.seen;
    if (rule.seen < rule.first || (rule.count != 0 && rule.seen >= rule.first + rule.count)) {
      continue;
    }
    const std::string_view outcome = rule.outcome.data();
    fate = outcome == "kill-before"  ? Fate::dies_before
           : outcome == "kill-after" ? Fate::dies_after
                                     : Fate::fails;
    if (fate == Fate::fails) errno = error_named(outcome);
  }
  ::pthread_mutex_unlock(&mutex);
  return fate;
}

[[noreturn]] void die() {
  while (true) ::kill(::getpid(), SIGKILL);
}

template <typename What, typename Do>
auto guarded(const char* call, What what, Do act) -> decltype(act()) {
  const int before = errno;
  const Fate fate = is_faulty(what) ? fate_of(call) : Fate::goes_on;
  if (fate == Fate::fails) return -1;
  if (fate == Fate::dies_before) die();
  errno = before;
  const auto result = act();
  if (fate == Fate::dies_after) die();
  return result;
}

}  // namespace

extern "C" {
#define SEEN __attribute__((visibility("default")))

SEEN ssize_t write(int file, const void* bytes, size_t count) {
  return guarded("write", file, [&] { return ::syscall(SYS_write, file, bytes, count); });
}

SEEN ssize_t pwrite64(int file, const void* bytes, size_t count, off_t at) {
  return guarded("write", file, [&] { return ::syscall(SYS_pwrite64, file, bytes, count, at); });
}

SEEN ssize_t pwrite(int file, const void* bytes, size_t count, off_t at) {
  return pwrite64(file, bytes, count, at);
}

SEEN ssize_t pread64(int file, void* bytes, size_t count, off_t at) {
  return guarded("read", file, [&] { return ::syscall(SYS_pread64, file, bytes, count, at); });
}

SEEN ssize_t pread(int file, void* bytes, size_t count, off_t at) {
  return pread64(file, bytes, count, at);
}

SEEN int fdatasync(int file) {
  return guarded("sync", file, [&] { return static_cast<int>(::syscall(SYS_fdatasync, file)); });
}

SEEN int fsync(int file) {
  return guarded("sync", file, [&] { return static_cast<int>(::syscall(SYS_fsync, file)); });
}

SEEN int ftruncate64(int file, off_t size) {
  return guarded("truncate", file,
                 [&] { return static_cast<int>(::syscall(SYS_ftruncate, file, size)); });
}

SEEN int ftruncate(int file, off_t size) {
  return ftruncate64(file, size);
}

SEEN int fallocate64(int file, int mode, off_t at, off_t size) {
  return guarded("allocate", file,
                 [&] { return static_cast<int>(::syscall(SYS_fallocate, file, mode, at, size)); });
}

SEEN int fallocate(int file, int mode, off_t at, off_t size) {
  return fallocate64(file, mode, at, size);
}

SEEN int rename(const char* from, const char* to) {
  return guarded("rename", to, [&] {
    return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
  });
}

SEEN int unlink(const char* path) {
  return guarded("unlink", path,
                 [&] { return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0)); });
}

SEEN int open64(const char* path, int flags, ...) {
  std::va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  const auto act = [&] {
    return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
  };
  const bool is_to_write = (flags & (O_WRONLY | O_RDWR)) != 0;
  return is_to_write ? guarded("open", path, act) : act();
}

SEEN int open(const char* path, int flags, ...) {
  std::va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open64(path, flags, mode);
}
}
