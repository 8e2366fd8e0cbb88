// SPDX-License-Identifier: BSD-3-Clause
// gman_cancel(handle [, function]): gives up a job that was sent earlier. 1: a server knew it and
// has forgotten it; 0: none did, so that it has ended, or never was.
#include "udf_mysql/abi.hpp"
#include "udf_mysql/boundary.hpp"
#include "udf_mysql/job_arguments.hpp"
#include "udf_mysql/questions.hpp"
#include "udf_mysql/sql_error.hpp"

GMAN_UDF gman::udf::Bool gman_cancel_init(UDF_INIT* init, UDF_ARGS* args, char* message) {
  return gman::udf::at_init(message, [&] {
    if (args->arg_count < 1 || args->arg_count > 2) {
      throw gman::udf::SqlError("Must give one or two arguments: handle[, function].");
    }
    gman::udf::accept_strings(*args);
    init->maybe_null = 1;
    init->const_item = 0;
  });
}

GMAN_UDF long long gman_cancel(UDF_INIT*, UDF_ARGS* args, char* is_null, char* error) {
  long long cancelled = 0;
  gman::udf::at_row("gman_cancel", is_null, error, [&] {
    const auto handle = gman::udf::argument(*args, 0);
    if (!handle) {
      *is_null = 1;  // of a job that was not sent
      return;
    }
    const auto function = gman::udf::argument(*args, 1).value_or(gman_bytes{});
    cancelled = gman::udf::cancel_job(gman::udf::view_of(*handle), gman::udf::view_of(function));
  });
  return cancelled;
}
