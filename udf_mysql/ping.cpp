// SPDX-License-Identifier: BSD-3-Clause
// gman_ping(): which server answers, and how fast.
#include <optional>
#include <string>

#include "udf_mysql/call.hpp"
#include "udf_mysql/string_function.hpp"

namespace gman::udf {
namespace {

constexpr unsigned line_bytes_max = 1024;

std::optional<std::string> run_ping(const UDF_ARGS&) {
  return ping();
}

}  // namespace
}  // namespace gman::udf

GMAN_STRING_FUNCTION(gman_ping, gman::udf::line_bytes_max, gman::udf::accept_no_arguments,
                     gman::udf::run_ping);
