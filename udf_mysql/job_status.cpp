// SPDX-License-Identifier: BSD-3-Clause
// gman_job_status(job [, function]): what the job servers know of a job that was sent earlier, by
// its handle or its unique.
#include <boost/json.hpp>
#include <optional>
#include <string>

#include "udf_mysql/job_arguments.hpp"
#include "udf_mysql/questions.hpp"
#include "udf_mysql/sql_error.hpp"
#include "udf_mysql/string_function.hpp"

namespace gman::udf {
namespace {

constexpr unsigned json_bytes_max = 1 << 12;

void accept_job_status_arguments(UDF_ARGS& args) {
  if (args.arg_count < 1 || args.arg_count > 2) {
    throw SqlError("Must give one or two arguments: job[, function].");
  }
  accept_strings(args);
}

std::optional<std::string> run_job_status(const UDF_ARGS& args) {
  const auto job = argument(args, 0);
  if (!job) return std::nullopt;  // of a job that was not sent
  const auto state = job_state(view_of(*job), view_of(argument(args, 1).value_or(gman_bytes{})));
  boost::json::object object;
  object["known"] = state.has_value();
  if (state) {
    object["running"] = state->is_running;
    object["numerator"] = state->numerator;
    object["denominator"] = state->denominator;
    object["server"] = state->server;
  }
  return boost::json::serialize(object);
}

}  // namespace
}  // namespace gman::udf

GMAN_STRING_FUNCTION(gman_job_status, gman::udf::json_bytes_max,
                     gman::udf::accept_job_status_arguments, gman::udf::run_job_status);
