// SPDX-License-Identifier: BSD-3-Clause
// What the functions that return a string have in common, from `x_init` to `x_deinit`: what was
// returned last lives in `init->ptr`, and whatever goes wrong goes through boundary.hpp.
#pragma once

#include <optional>
#include <string>

#include "udf_mysql/abi.hpp"

namespace gman::udf {

struct StringFunction {
  const char* name;
  /// Above 16 MiB the server gives the column a type that holds any result: LONGBLOB.
  unsigned result_bytes_max;
  /// In `x_init`: counts and types of the arguments. Throws SqlError.
  void (*check)(UDF_ARGS& args);
  /// At a row: the result, or nothing for NULL. Throws SqlError or Killed.
  std::optional<std::string> (*run)(const UDF_ARGS& args);
};

Bool start_string(UDF_INIT* init, UDF_ARGS* args, char* message, const StringFunction& function);
Bytes run_string(UDF_INIT* init, UDF_ARGS* args, unsigned long* length, char* is_null, char* error,
                 const StringFunction& function);
void end_string(UDF_INIT* init);

/// A `check` for functions without arguments.
void accept_no_arguments(UDF_ARGS& args);

}  // namespace gman::udf

/// The three entry points of an SQL function; behind `check` stands `run`, which may have commas.
#define GMAN_STRING_FUNCTION(name, result_bytes_max, check, ...)                               \
  namespace {                                                                                  \
  constexpr gman::udf::StringFunction name##_function{#name, result_bytes_max, check,          \
                                                      __VA_ARGS__};                            \
  }                                                                                            \
  GMAN_UDF gman::udf::Bool name##_init(UDF_INIT* init, UDF_ARGS* args, char* message) {        \
    return gman::udf::start_string(init, args, message, name##_function);                      \
  }                                                                                            \
  GMAN_UDF gman::udf::Bytes name(UDF_INIT* init, UDF_ARGS* args, char*, unsigned long* length, \
                                 char* is_null, char* error) {                                 \
    return gman::udf::run_string(init, args, length, is_null, error, name##_function);         \
  }                                                                                            \
  GMAN_UDF void name##_deinit(UDF_INIT* init) {                                                \
    gman::udf::end_string(init);                                                               \
  }                                                                                            \
  static_assert(true, "takes the semicolon")
