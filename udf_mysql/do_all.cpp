// SPDX-License-Identifier: BSD-3-Clause
// gman_do_all(function, workload [, unique]): the aggregate that runs a foreground job for each row
// of a group, over all free workers at once, and returns their results as a JSON array in the order
// of the rows. All of the group is sent together, so its rows have one function.
//
// One failed job fails the whole, since an array with a hole would be taken for results.
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "udf_mysql/boundary.hpp"
#include "udf_mysql/call.hpp"
#include "udf_mysql/group.hpp"
#include "udf_mysql/job_arguments.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

struct All {
  std::string function;
  std::vector<JobPart> parts;
  std::size_t bytes = 0;
  /// A row was no job, or the session is a replica's, and the policy made NULL of that.
  bool is_null = false;
  /// Once the jobs have run: the server may read the value again, as for HAVING.
  std::optional<std::string> json;

  void add(const UDF_ARGS& args);
};

std::string text(const gman_bytes& bytes) {
  return {bytes.data, bytes.size};
}

void All::add(const UDF_ARGS& args) {
  const gman_job job = job_of_row(args);
  std::string row_function = text(job.function);
  if (parts.empty()) {
    function = std::move(row_function);
  } else if (row_function != function) {
    throw SqlError("the function, argument 1, must be the same for all rows of a group");
  }
  if (parts.size() >= GMAN_FOREGROUND_JOBS_MAX) {
    throw SqlError("a group may have " + std::to_string(GMAN_FOREGROUND_JOBS_MAX) + " rows");
  }
  bytes += job.unique.size + job.workload.size;
  if (bytes > GMAN_WORKLOAD_BYTES_MAX) {
    throw SqlError("the workloads of a group may have " + std::to_string(GMAN_WORKLOAD_BYTES_MAX) +
                   " bytes together");
  }
  parts.push_back({text(job.unique), text(job.workload)});
}

/// The parser looks at the bytes of a text, the serializer does not.
std::string json_text_of(const std::string& result, std::size_t row, std::size_t rows) {
  std::string json = boost::json::serialize(boost::json::string(result));
  boost::system::error_code failure;
  boost::json::parse(json, failure);
  if (failure) {
    throw SqlError(
        "row " + std::to_string(row) + " of " + std::to_string(rows) +
            ": the result is no UTF-8, as the texts of JSON are; gman_do takes any bytes",
        GMAN_PROTOCOL_ERROR);
  }
  return json;
}

/// An empty result is null, as gman_do makes NULL of it.
std::string json_of(const std::vector<std::string>& results) {
  std::string array = "[";
  std::size_t row = 0;
  for (const std::string& result : results) {
    if (row++ > 0) array += ',';
    array += result.empty() ? "null" : json_text_of(result, row, results.size());
  }
  return array + ']';
}

}  // namespace
}  // namespace gman::udf

GMAN_UDF gman::udf::Bool gman_do_all_init(UDF_INIT* init, UDF_ARGS* args, char* message) {
  init->max_length = gman::udf::result_bytes_max;
  return gman::udf::make_group<gman::udf::All>(init, args, message);
}

GMAN_UDF void gman_do_all_deinit(UDF_INIT* init) {
  delete &gman::udf::group_of<gman::udf::All>(init);
}

GMAN_UDF void gman_do_all_clear(UDF_INIT* init, char*, char*) {
  gman::udf::group_of<gman::udf::All>(init) = {};
}

GMAN_UDF void gman_do_all_add(UDF_INIT* init, UDF_ARGS* args, char*, char* error) {
  gman::udf::add_to_group<gman::udf::All>("gman_do_all", init, *args, error);
}

GMAN_UDF void gman_do_all_reset(UDF_INIT* init, UDF_ARGS* args, char* is_null, char* error) {
  gman_do_all_clear(init, is_null, error);
  gman_do_all_add(init, args, is_null, error);
}

GMAN_UDF gman::udf::Bytes gman_do_all(UDF_INIT* init, UDF_ARGS*, char*, unsigned long* length,
                                      char* is_null, char* error) {
  auto& all = gman::udf::group_of<gman::udf::All>(init);
  gman::udf::Bytes bytes = nullptr;
  *is_null = all.is_null ? 1 : 0;
  if (all.is_null) return nullptr;
  gman::udf::at_row("gman_do_all", is_null, error, [&] {
    if (!all.json) {
      const auto results = gman::udf::run_jobs(all.function, all.parts);
      if (!results) {
        *is_null = 1;
        return;
      }
      all.json = gman::udf::json_of(*results);
    }
    *length = all.json->size();
    bytes = all.json->data();
  });
  all.is_null = *is_null != 0;  // also where the policy made NULL of a failure
  return bytes;
}
