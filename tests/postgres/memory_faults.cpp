// SPDX-License-Identifier: BSD-3-Clause
// Memory that runs out in C++, for a PostgreSQL that has this preloaded: the nth allocation from
// when a test says so throws std::bad_alloc, once. What PostgreSQL itself allocates is left alone.
//
// The file that GMAN_MEMORY_FAULTS names holds n as a 32-bit number, which is counted down to 0.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::int32_t>* countdown() {
  static auto* const shared = []() -> std::atomic<std::int32_t>* {
    const char* path = std::getenv("GMAN_MEMORY_FAULTS");
    const int fd = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return nullptr;
    void* page = mmap(nullptr, sizeof(std::int32_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return page == MAP_FAILED ? nullptr : static_cast<std::atomic<std::int32_t>*>(page);
  }();
  return shared;
}

bool is_time() {
  auto* left = countdown();
  return left != nullptr && left->load() > 0 && left->fetch_sub(1) == 1;
}

}  // namespace

[[gnu::visibility("default")]] void* operator new(std::size_t size) {
  void* memory = is_time() ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::visibility("default")]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::visibility("default")]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
