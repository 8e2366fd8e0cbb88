// SPDX-License-Identifier: BSD-3-Clause
// gman_sum: the aggregate that runs one foreground job for each row and adds up the answers, which
// must be whole numbers. A group without rows sums to 0, as it did in gearman-mysql-udf.
#include <charconv>
#include <string>

#include "udf_mysql/abi.hpp"
#include "udf_mysql/call.hpp"
#include "udf_mysql/group.hpp"
#include "udf_mysql/job_arguments.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

struct Sum {
  long long value = 0;
  /// One of the group's jobs failed, and the policy made NULL of that, or was not sent.
  bool is_null = false;

  void add(const UDF_ARGS& args);
};

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

void Sum::add(const UDF_ARGS& args) {
  const auto result = run_job(job_of_row(args));
  if (!result) {
    is_null = true;
    return;
  }
  if (__builtin_add_overflow(value, parse_integer(*result), &value)) {
    throw SqlError("the sum leaves the range of a 64-bit integer");
  }
}

}  // namespace
}  // namespace gman::udf

GMAN_UDF gman::udf::Bool gman_sum_init(UDF_INIT* init, UDF_ARGS* args, char* message) {
  return gman::udf::make_group<gman::udf::Sum>(init, args, message);
}

GMAN_UDF void gman_sum_deinit(UDF_INIT* init) {
  delete &gman::udf::group_of<gman::udf::Sum>(init);
}

GMAN_UDF void gman_sum_clear(UDF_INIT* init, char*, char*) {
  gman::udf::group_of<gman::udf::Sum>(init) = {};
}

GMAN_UDF void gman_sum_add(UDF_INIT* init, UDF_ARGS* args, char*, char* error) {
  gman::udf::add_to_group<gman::udf::Sum>("gman_sum", init, *args, error);
}

GMAN_UDF void gman_sum_reset(UDF_INIT* init, UDF_ARGS* args, char* is_null, char* error) {
  gman_sum_clear(init, is_null, error);
  gman_sum_add(init, args, is_null, error);
}

GMAN_UDF long long gman_sum(UDF_INIT* init, UDF_ARGS*, char* is_null, char*) {
  const auto& sum = gman::udf::group_of<gman::udf::Sum>(init);
  *is_null = sum.is_null ? 1 : 0;
  return sum.value;
}
