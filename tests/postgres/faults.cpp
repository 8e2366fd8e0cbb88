// SPDX-License-Identifier: BSD-3-Clause
// What a PostgreSQL that has this preloaded asks for and does not get, once a test says so: the nth
// allocation of C++ throws std::bad_alloc, once, or the nth wait of one process fails, once. What
// PostgreSQL itself allocates is left alone, and so are its waits without a timeout, as those for
// the next statement are.
//
// The file that GMAN_FAULTS names is a Countdowns. faults.py has the other side.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

/// Each is counted down to 0, at which it has happened.
struct Countdowns {
  std::atomic<std::int32_t> allocations;
  std::atomic<std::int32_t> waits;
  std::atomic<std::int32_t> waiting_pid;
};

Countdowns* countdowns() {
  static auto* const shared = []() -> Countdowns* {
    const char* path = std::getenv("GMAN_FAULTS");
    const int fd = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return nullptr;
    void* page = mmap(nullptr, sizeof(Countdowns), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return page == MAP_FAILED ? nullptr : static_cast<Countdowns*>(page);
  }();
  return shared;
}

bool is_time(std::atomic<std::int32_t>& left) {
  return left.load() > 0 && left.fetch_sub(1) == 1;
}

bool is_memory_gone() {
  Countdowns* of = countdowns();
  return of != nullptr && is_time(of->allocations);
}

bool is_wait_broken() {
  Countdowns* of = countdowns();
  return of != nullptr && of->waiting_pid.load() == getpid() && is_time(of->waits);
}

}  // namespace

[[gnu::visibility("default")]] void* operator new(std::size_t size) {
  void* memory = is_memory_gone() ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::visibility("default")]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::visibility("default")]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

extern "C" [[gnu::visibility("default")]] int epoll_wait(int fd, epoll_event* events, int count,
                                                         int timeout_ms) {
  if (timeout_ms >= 0 && is_wait_broken()) {
    errno = EBADF;
    return -1;
  }
  return epoll_pwait(fd, events, count, timeout_ms, nullptr);
}
