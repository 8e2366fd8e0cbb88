// SPDX-License-Identifier: BSD-3-Clause
// gman_do_json(function, workload, options): a job with all that can be said of one.
#include <optional>
#include <string>

#include "udf_mysql/call.hpp"
#include "udf_mysql/job_arguments.hpp"
#include "udf_mysql/options.hpp"
#include "udf_mysql/sql_error.hpp"
#include "udf_mysql/string_function.hpp"

namespace gman::udf {
namespace {

void accept_do_json_arguments(UDF_ARGS& args) {
  if (args.arg_count != 3) {
    throw SqlError("Must give three arguments: function, workload, options.");
  }
  accept_strings(args);
}

std::optional<std::string> run_do_json(const UDF_ARGS& args) {
  const auto json = argument(args, 2);
  const JobOptions options = json ? parse_options({json->data, json->size}) : JobOptions{};
  try {
    gman_job job = job_of_row(args, args.arg_count);
    job.unique = {options.unique.data(), options.unique.size()};
    job.unique_mode = options.unique_mode;
    job.priority = options.priority;
    job.background = options.background ? 1 : 0;
    job.run_at_ms = options.run_at_ms;
    job.deadline_ms = options.deadline_ms;
    return unless_empty(run_job(job));
  } catch (SqlError& failure) {
    failure.set_policy(options.on_error);
    throw;
  }
}

}  // namespace
}  // namespace gman::udf

GMAN_STRING_FUNCTION(gman_do_json, gman::udf::result_bytes_max, gman::udf::accept_do_json_arguments,
                     gman::udf::run_do_json);
