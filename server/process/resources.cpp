// SPDX-License-Identifier: BSD-3-Clause
#include "server/process/resources.hpp"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "server/process/error.hpp"

namespace gman {

void set_descriptor_limit(std::uint32_t descriptors) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t allowed = limit.rlim_max;
  limit.rlim_cur = descriptors == 0 ? allowed : descriptors;
  limit.rlim_max = std::max(allowed, limit.rlim_cur);  // only root may have more
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0 || descriptors == 0) return;
  throw StartError("--file-descriptors: " + std::to_string(descriptors) + " are not allowed, " +
                   std::to_string(allowed) + " are");
}

void allow_core_file() {
  rlimit limit{};
  ::getrlimit(RLIMIT_CORE, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_CORE, &limit) != 0 || ::prctl(PR_SET_DUMPABLE, 1) != 0) {
    throw StartError(std::string("--coredump: ") + std::strerror(errno));
  }
}

// Left to itself, glibc raises the size from which it gives memory back to that of the largest
// block that it has seen.
void give_large_blocks_back() {
  constexpr int large_block_bytes = 256 << 10;
  ::mallopt(M_MMAP_THRESHOLD, large_block_bytes);
  ::mallopt(M_TRIM_THRESHOLD, large_block_bytes);
}

}  // namespace gman
