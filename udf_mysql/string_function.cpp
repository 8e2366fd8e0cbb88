// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/string_function.hpp"

#include <utility>

#include "udf_mysql/boundary.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {

Bool start_string(UDF_INIT* init, UDF_ARGS* args, char* message, const StringFunction& function) {
  return at_init(message, [&] {
    function.check(*args);
    init->maybe_null = 1;
    init->const_item = 0;
    init->max_length = function.result_bytes_max;
    init->ptr = reinterpret_cast<char*>(new std::string);
  });
}

Bytes run_string(UDF_INIT* init, UDF_ARGS* args, unsigned long* length, char* is_null, char* error,
                 const StringFunction& function) {
  Bytes bytes = nullptr;
  at_row(function.name, is_null, error, [&] {
    auto result = function.run(*args);
    if (!result) {
      *is_null = 1;
      return;
    }
    std::string& last = *reinterpret_cast<std::string*>(init->ptr);
    last = *std::move(result);
    *length = last.size();
    bytes = last.data();
  });
  return bytes;
}

void end_string(UDF_INIT* init) {
  delete reinterpret_cast<std::string*>(init->ptr);
}

void accept_no_arguments(UDF_ARGS& args) {
  if (args.arg_count != 0) throw SqlError("Takes no arguments.");
}

}  // namespace gman::udf
