// SPDX-License-Identifier: BSD-3-Clause
// How a database server calls the functions of gman_udf.so.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <mysql.h>

#include <stdexcept>
#include <string>

namespace host {

/// One call of gman_do('f', workload), as a server makes it. What it is given lives as long.
struct Call {
  explicit Call(const char* workload) : values{function, const_cast<char*>(workload)} {
    lengths[1] = workload == nullptr ? 0 : std::string(workload).size();
    args.arg_count = 2;
    args.arg_type = types;
    args.args = values;
    args.lengths = lengths;
  }

  /// Another first argument than 'f'.
  void name_function(const char* name) {
    values[0] = const_cast<char*>(name);
    lengths[0] = std::string(name).size();
  }

  void add(std::string& argument) {
    values[args.arg_count] = argument.data();
    lengths[args.arg_count] = argument.size();
    ++args.arg_count;
  }

  void run(const std::string& name = "gman_do") {
    ASSERT_EQ(symbol<Init>((name + "_init").c_str())(&init, &args, message), 0) << message;
    unsigned long length = 0;
    char buffer[255];
    value = symbol<Row>(name.c_str())(&init, &args, buffer, &length, &is_null, &error);
    if (value != nullptr) text.assign(value, length);
    symbol<Deinit>((name + "_deinit").c_str())(&init);
  }

  using Init = char (*)(UDF_INIT*, UDF_ARGS*, char*);
  using Row = char* (*)(UDF_INIT*, UDF_ARGS*, char*, unsigned long*, char*, char*);
  using Deinit = void (*)(UDF_INIT*);

  template <class Function>
  static Function symbol(const char* name) {
    static void* object = dlopen(GMAN_UDF_PATH, RTLD_NOW);
    if (object == nullptr) throw std::runtime_error(dlerror());
    return reinterpret_cast<Function>(dlsym(object, name));
  }

  char function[2] = "f";
  char* values[3];
  unsigned long lengths[3] = {1, 0, 0};
  Item_result types[3] = {STRING_RESULT, STRING_RESULT, STRING_RESULT};
  UDF_ARGS args{};
  UDF_INIT init{};
  char message[512] = "";
  char* value = nullptr;
  std::string text;  // of the value, which goes with the call
  char is_null = 0;
  char error = 0;
};

}  // namespace host
