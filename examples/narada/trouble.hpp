// SPDX-License-Identifier: BSD-3-Clause
// What can go wrong around a job, and whether it is worth trying again.
#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>

namespace gman::narada {

class Trouble {
 public:
  Trouble() = default;  // Result wants one
  /// It may go away by itself: a database or a job server that cannot be reached just now.
  static Trouble passing(std::string message) { return {std::move(message), true}; }
  /// Trying again would bring the same.
  static Trouble lasting(std::string message) { return {std::move(message), false}; }

  [[nodiscard]] const std::string& message() const { return message_; }
  [[nodiscard]] bool is_passing() const { return is_passing_; }

 private:
  Trouble(std::string message, bool is_passing)
      : message_(std::move(message)), is_passing_(is_passing) {}

  std::string message_;
  bool is_passing_ = false;
};

/// Called by boost::system::result when value() is taken from trouble, which is our bug.
[[noreturn]] inline void throw_exception_from_error(const Trouble& trouble,
                                                    const boost::source_location& /*at*/) {
  throw std::logic_error("value of a failed call: " + trouble.message());
}

template <class T>
using Result = boost::system::result<T, Trouble>;

}  // namespace gman::narada
