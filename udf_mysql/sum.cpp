// SPDX-License-Identifier: BSD-3-Clause
// gman_sum: the aggregate that runs one foreground job for each row and adds up the answers, which
// must be whole numbers. A group without rows sums to 0, as it did in gearman-mysql-udf.
#include <charconv>
#include <string>

#include "udf_mysql/abi.hpp"
#include "udf_mysql/boundary.hpp"
#include "udf_mysql/call.hpp"
#include "udf_mysql/job_arguments.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

long long& sum_of(UDF_INIT* init) {
  return *reinterpret_cast<long long*>(init->ptr);
}

/// The whole text and nothing but an integer: "12 " or "1e3" would have been cut by atoi().
long long parse_integer(const std::string& text) {
  long long number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc() || stop != end) {
    constexpr std::size_t quoted_bytes_max = 64;
    const bool cut = text.size() > quoted_bytes_max;
    throw SqlError("the worker's result is no 64-bit integer: '" +
                   text.substr(0, quoted_bytes_max) + (cut ? "...'" : "'"));
  }
  return number;
}

void add(UDF_INIT* init, const UDF_ARGS* args) {
  const long long number = parse_integer(run_job(job_of_row(*args)));
  if (__builtin_add_overflow(sum_of(init), number, &sum_of(init))) {
    throw SqlError("the sum leaves the range of a 64-bit integer");
  }
}

}  // namespace
}  // namespace gman::udf

GMAN_UDF gman::udf::Bool gman_sum_init(UDF_INIT* init, UDF_ARGS* args, char* message) {
  return gman::udf::at_init(message, [&] {
    gman::udf::accept_job_arguments(*args);
    init->const_item = 0;
    init->ptr = reinterpret_cast<char*>(new long long(0));
  });
}

GMAN_UDF void gman_sum_deinit(UDF_INIT* init) {
  delete reinterpret_cast<long long*>(init->ptr);
}

GMAN_UDF void gman_sum_clear(UDF_INIT* init, char*, char*) {
  gman::udf::sum_of(init) = 0;
}

GMAN_UDF void gman_sum_add(UDF_INIT* init, UDF_ARGS* args, char*, char* error) {
  gman::udf::at_row("gman_sum", error, [&] { gman::udf::add(init, args); });
}

GMAN_UDF void gman_sum_reset(UDF_INIT* init, UDF_ARGS* args, char* is_null, char* error) {
  gman_sum_clear(init, is_null, error);
  gman_sum_add(init, args, is_null, error);
}

GMAN_UDF long long gman_sum(UDF_INIT* init, UDF_ARGS*, char*, char*) {
  return gman::udf::sum_of(init);
}
