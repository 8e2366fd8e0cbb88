// SPDX-License-Identifier: BSD-3-Clause
// gman_version(): which build of the functions the server has loaded.
#include <cstring>

#include "udf_mysql/abi.hpp"
#include "udf_mysql/boundary.hpp"
#include "udf_mysql/sql_error.hpp"

GMAN_UDF gman::udf::Bool gman_version_init(UDF_INIT* init, UDF_ARGS* args, char* message) {
  return gman::udf::at_init(message, [&] {
    if (args->arg_count != 0) throw gman::udf::SqlError("Takes no arguments.");
    init->maybe_null = 0;
    init->const_item = 1;
    init->max_length = sizeof GMAN_VERSION;
  });
}

GMAN_UDF gman::udf::Bytes gman_version(UDF_INIT*, UDF_ARGS*, char* result, unsigned long* length,
                                       char*, char*) {
  *length = sizeof GMAN_VERSION - 1;
  return static_cast<char*>(std::memcpy(result, GMAN_VERSION, *length));
}
