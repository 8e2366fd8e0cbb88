// SPDX-License-Identifier: BSD-3-Clause
// The policy of our own programs: say which law was broken, then stop.
#include <cstdio>
#include <cstdlib>

#include "base/assert.hpp"

namespace gman {

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "assertion failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace gman
