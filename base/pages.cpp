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

void touch_pages(void* start, std::size_t bytes) {
  populate_pages(start, bytes);
  constexpr std::size_t page_bytes_min = 4096;
  auto* const byte = static_cast<volatile char*>(start);
  for (std::size_t at = 0; at < bytes; at += page_bytes_min) byte[at] = 0;
}

void discard_pages(void* start, std::size_t bytes) {
  ::madvise(start, bytes, MADV_DONTNEED);
}

}  // namespace gman
