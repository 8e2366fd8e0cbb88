// SPDX-License-Identifier: BSD-3-Clause
// The policy inside a database server: throw to the boundary, which turns it into an SQL error.
#include "base/assert.hpp"

namespace gman {

void assertion_failed(const char* expression, const char* file, int line) {
  throw AssertionFailure("assertion failed: " + std::string(expression) + " (" + file + ":" +
                         std::to_string(line) + ")");
}

}  // namespace gman
