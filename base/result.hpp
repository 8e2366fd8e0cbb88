// SPDX-License-Identifier: BSD-3-Clause
// Result<T>: a value or an error code. The type is not [[nodiscard]] itself, so every function that
// returns one is marked.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace gman {

using boost::system::error_code;

template <class T>
using Result = boost::system::result<T>;

}  // namespace gman
