// SPDX-License-Identifier: BSD-3-Clause
// gman_ping(): which server answers, and how fast.
#include <string>

#include "udf_mysql/abi.hpp"
#include "udf_mysql/boundary.hpp"
#include "udf_mysql/call.hpp"
#include "udf_mysql/sql_error.hpp"

GMAN_UDF gman::udf::Bool gman_ping_init(UDF_INIT* init, UDF_ARGS* args, char* message) {
  return gman::udf::at_init(message, [&] {
    if (args->arg_count != 0) throw gman::udf::SqlError("Takes no arguments.");
    init->maybe_null = 1;
    init->const_item = 0;
    init->max_length = 1024;
    init->ptr = reinterpret_cast<char*>(new std::string);
  });
}

GMAN_UDF gman::udf::Bytes gman_ping(UDF_INIT* init, UDF_ARGS*, char*, unsigned long* length, char*,
                                    char* error) {
  std::string& line = *reinterpret_cast<std::string*>(init->ptr);
  gman::udf::at_row("gman_ping", error, [&] { line = gman::udf::ping(); });
  *length = line.size();
  return *error != 0 ? nullptr : line.data();
}

GMAN_UDF void gman_ping_deinit(UDF_INIT* init) {
  delete reinterpret_cast<std::string*>(init->ptr);
}
