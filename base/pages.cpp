// SPDX-License-Identifier: BSD-3-Clause
#include "base/pages.hpp"

#include <sys/mman.h>

#include <new>

namespace gman {

void* map_pages(std::size_t bytes) {
  void* start = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) throw std::bad_alloc();
  return start;
}

void unmap_pages(void* start, std::size_t bytes) {
  ::munmap(start, bytes);
}

void populate_pages(void* start, std::size_t bytes) {
  ::madvise(start, bytes, MADV_POPULATE_WRITE);
}

void discard_pages(void* start, std::size_t bytes) {
  ::madvise(start, bytes, MADV_DONTNEED);
}

}  // namespace gman
