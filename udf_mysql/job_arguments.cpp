// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/job_arguments.hpp"

#include "udf_mysql/sql_error.hpp"

namespace gman::udf {

void accept_strings(UDF_ARGS& args) {
  if (args.arg_type[0] != STRING_RESULT) {
    throw SqlError("First argument, the function, must be a string.");
  }
  for (unsigned i = 0; i < args.arg_count; ++i) args.arg_type[i] = STRING_RESULT;
}

void accept_job_arguments(UDF_ARGS& args) {
  if (args.arg_count < 2 || args.arg_count > 3) {
    throw SqlError("Must give two or three arguments: function, workload[, unique].");
  }
  accept_strings(args);
}

std::optional<gman_bytes> argument(const UDF_ARGS& args, std::size_t index) {
  if (index >= args.arg_count || args.args[index] == nullptr) return std::nullopt;
  return gman_bytes{args.args[index], args.lengths[index]};
}

gman_job job_of_row(const UDF_ARGS& args, std::size_t unique_index) {
  const auto function = argument(args, 0);
  if (!function) throw SqlError("the function, argument 1, is NULL");
  const auto workload = argument(args, 1);
  if (!workload) {
    throw SqlError("the workload, argument 2, is NULL; pass COALESCE(…, '') to send nothing");
  }
  gman_job job{};
  job.function = *function;
  job.workload = *workload;
  job.unique = argument(args, unique_index).value_or(gman_bytes{});
  return job;
}

}  // namespace gman::udf
