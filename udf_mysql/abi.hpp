// SPDX-License-Identifier: BSD-3-Clause
// What MySQL and MariaDB demand of a function in a shared object (a "loadable function", UDF).
//
// The server finds C symbols by the function's SQL name: `x_init` once a statement, `x` for every
// row, `x_deinit` at the end; an aggregate has `x_clear` for a new group, `x_add` for a row of it,
// and then `x` for its value (`x_reset`, clear and add in one, is what old servers call). Rules
// that the code below lives by:
// - many sessions call at the same time, each with its own UDF_INIT, whose `ptr` is ours;
// - strings are pointer and length; nothing is ended by NUL;
// - in `x_init` only constant arguments have values, all others are NULL there: check counts and
//   types in `x_init`, values at the row;
// - the bytes that `x` returns must live until the next row or `x_deinit`;
// - `const_item` must be 0 for a function with an effect, else the optimizer calls it, once, early;
// - a set error flag by itself means NULL, without an error or a warning: see sql_error.hpp.
#pragma once

#include <mysql.h>

namespace gman::udf {

/// `my_bool`, a char, in MariaDB and before MySQL 8, `bool` since: the same register, other names.
using Bool = decltype(UDF_INIT::maybe_null);

/// What a function that returns a string returns: its bytes; their count goes to `length`.
using Bytes = char*;

}  // namespace gman::udf

/// Every symbol that a server may look up carries this; exports.map names them once more.
#define GMAN_UDF extern "C" __attribute__((visibility("default")))
