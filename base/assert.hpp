// SPDX-License-Identifier: BSD-3-Clause
// GMAN_ASSERT: a law of our own code, checked in every build.
//
// What a broken law does is decided once, at link time: programs link gman_assert_abort and stop at
// once; shared objects that live in somebody else's server link gman_assert_throw, which throws
// `AssertionFailure` to the C boundary, where it becomes an SQL error and never an abort of mysqld
// or postgres. For that reason nothing that asserts is `noexcept`.
#pragma once

#include <stdexcept>
#include <string>

namespace gman {

/// Thrown by GMAN_ASSERT under the throwing policy. `what()` names the expression, file and line.
class AssertionFailure : public std::logic_error {
 public:
  explicit AssertionFailure(const std::string& what) : std::logic_error(what) {}
};

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace gman

#define GMAN_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::gman::assertion_failed(#expression, __FILE__, __LINE__))
