// SPDX-License-Identifier: BSD-3-Clause
// What can go wrong around a job, and whether it is worth trying again.
#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>

namespace gman::narada {

struct Trouble {
  std::string message;
  /// It may go away by itself: a database or a job server that cannot be reached just now.
  bool passing = false;
};

/// Called by boost::system::result when value() is taken from trouble, which is our bug.
[[noreturn]] inline void throw_exception_from_error(const Trouble& trouble,
                                                    const boost::source_location& /*at*/) {
  throw std::logic_error("value of a failed call: " + trouble.message);
}

template <class T>
using Result = boost::system::result<T, Trouble>;

}  // namespace gman::narada
