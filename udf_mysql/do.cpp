// SPDX-License-Identifier: BSD-3-Clause
// gman_do and its five siblings: one job for each row.
#include <optional>
#include <string>

#include "udf_mysql/call.hpp"
#include "udf_mysql/job_arguments.hpp"
#include "udf_mysql/string_function.hpp"

namespace gman::udf {
namespace {

template <gman_priority priority, bool is_background>
std::optional<std::string> run_do(const UDF_ARGS& args) {
  gman_job job = job_of_row(args);
  job.priority = priority;
  job.background = is_background ? 1 : 0;
  return unless_empty(run_job(job));
}

}  // namespace
}  // namespace gman::udf

#define GMAN_DO(name, priority, is_background, bytes_max)                \
  GMAN_STRING_FUNCTION(name, bytes_max, gman::udf::accept_job_arguments, \
                       gman::udf::run_do<priority, is_background>)

GMAN_DO(gman_do, GMAN_PRIORITY_NORMAL, false, gman::udf::result_bytes_max);
GMAN_DO(gman_do_high, GMAN_PRIORITY_HIGH, false, gman::udf::result_bytes_max);
GMAN_DO(gman_do_low, GMAN_PRIORITY_LOW, false, gman::udf::result_bytes_max);
GMAN_DO(gman_do_background, GMAN_PRIORITY_NORMAL, true, gman::udf::handle_bytes_max);
GMAN_DO(gman_do_high_background, GMAN_PRIORITY_HIGH, true, gman::udf::handle_bytes_max);
GMAN_DO(gman_do_low_background, GMAN_PRIORITY_LOW, true, gman::udf::handle_bytes_max);
