// SPDX-License-Identifier: BSD-3-Clause
// gman_do and its five siblings: one job for each row.
#include <memory>
#include <string>

#include "udf_mysql/abi.hpp"
#include "udf_mysql/boundary.hpp"
#include "udf_mysql/call.hpp"
#include "udf_mysql/job_arguments.hpp"

namespace gman::udf {
namespace {

/// Above 16 MiB the server gives the column a type that holds any result: LONGBLOB.
constexpr unsigned result_bytes_max = GMAN_WORKLOAD_BYTES_MAX;
constexpr unsigned handle_bytes_max = 255;

/// How one of the six differs from the others.
struct Kind {
  const char* name;
  gman_priority priority;
  bool background;
};

/// What lives from `x_init` to `x_deinit`: the bytes that were returned last.
struct DoCall {
  std::string result;
};

Bool start(UDF_INIT* init, UDF_ARGS* args, char* message, const Kind& kind) {
  return at_init(message, [&] {
    accept_job_arguments(*args);
    init->maybe_null = 1;
    init->const_item = 0;
    init->max_length = kind.background ? handle_bytes_max : result_bytes_max;
    init->ptr = reinterpret_cast<char*>(new DoCall);
  });
}

Bytes run(UDF_INIT* init, UDF_ARGS* args, unsigned long* length, char* is_null, char* error,
          const Kind& kind) {
  Bytes bytes = nullptr;
  at_row(kind.name, error, [&] {
    gman_job job = job_of_row(*args);
    job.priority = kind.priority;
    job.background = kind.background ? 1 : 0;
    std::string& result = reinterpret_cast<DoCall*>(init->ptr)->result;
    result = run_job(job);
    if (result.empty()) {  // as gearman-mysql-udf did: a worker that says nothing says NULL
      *is_null = 1;
    } else {
      *length = result.size();
      bytes = result.data();
    }
  });
  return bytes;
}

void end(UDF_INIT* init) {
  delete reinterpret_cast<DoCall*>(init->ptr);
}

}  // namespace
}  // namespace gman::udf

#define GMAN_DO(name, priority, background)                                                    \
  GMAN_UDF gman::udf::Bool name##_init(UDF_INIT* init, UDF_ARGS* args, char* message) {        \
    return gman::udf::start(init, args, message, {#name, priority, background});               \
  }                                                                                            \
  GMAN_UDF gman::udf::Bytes name(UDF_INIT* init, UDF_ARGS* args, char*, unsigned long* length, \
                                 char* is_null, char* error) {                                 \
    return gman::udf::run(init, args, length, is_null, error, {#name, priority, background});  \
  }                                                                                            \
  GMAN_UDF void name##_deinit(UDF_INIT* init) {                                                \
    gman::udf::end(init);                                                                      \
  }                                                                                            \
  static_assert(true, "takes the semicolon")

GMAN_DO(gman_do, GMAN_PRIORITY_NORMAL, false);
GMAN_DO(gman_do_high, GMAN_PRIORITY_HIGH, false);
GMAN_DO(gman_do_low, GMAN_PRIORITY_LOW, false);
GMAN_DO(gman_do_background, GMAN_PRIORITY_NORMAL, true);
GMAN_DO(gman_do_high_background, GMAN_PRIORITY_HIGH, true);
GMAN_DO(gman_do_low_background, GMAN_PRIORITY_LOW, true);
