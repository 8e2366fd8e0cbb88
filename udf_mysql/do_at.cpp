// SPDX-License-Identifier: BSD-3-Clause
// gman_do_at(function, workload, run_at [, unique]): a background job that is not run before a
// time.
//
// The time is a number of seconds since 1970, as UNIX_TIMESTAMP() makes of any date in the
// session's time zone, which a function cannot know. NOW() + 60 would be a date read as a number,
// and is so far in the future that it is refused.
#include <optional>
#include <string>

#include "udf_mysql/call.hpp"
#include "udf_mysql/job_arguments.hpp"
#include "udf_mysql/sql_error.hpp"
#include "udf_mysql/string_function.hpp"
#include "udf_mysql/when.hpp"

namespace gman::udf {
namespace {

void accept_do_at_arguments(UDF_ARGS& args) {
  if (args.arg_count < 3 || args.arg_count > 4) {
    throw SqlError("Must give three or four arguments: function, workload, run_at[, unique].");
  }
  accept_strings(args);
}

std::optional<std::string> run_do_at(const UDF_ARGS& args) {
  const auto run_at = argument(args, 2);
  if (!run_at) {
    throw SqlError(
        "run_at, argument 3, is NULL; pass UNIX_TIMESTAMP(…), or use "
        "gman_do_background for a job without a time");
  }
  gman_job job = job_of_row(args, 3);
  job.background = 1;
  job.run_at_ms = epoch_ms("run_at, argument 3,", {run_at->data, run_at->size});
  return unless_empty(run_job(job));
}

}  // namespace
}  // namespace gman::udf

GMAN_STRING_FUNCTION(gman_do_at, gman::udf::handle_bytes_max, gman::udf::accept_do_at_arguments,
                     gman::udf::run_do_at);
