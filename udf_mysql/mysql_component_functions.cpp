// SPDX-License-Identifier: BSD-3-Clause
// The functions as MySQL's component makes them known: without mysql.func, and so without anybody
// who could make one of them known by another way past the privilege.
//
// MySQL's headers declare the types of the entry points once more, which abi.hpp has from the
// client library's headers. Only addresses pass through here, so that the entry points are declared
// without their types.
#include <iterator>
#include <string>

#include "udf_mysql/mysql_component.hpp"

#define GMAN_SCALAR(name) \
  void name();            \
  void name##_init();     \
  void name##_deinit()
#define GMAN_AGGREGATE(name) \
  GMAN_SCALAR(name);         \
  void name##_add();         \
  void name##_clear()

extern "C" {
GMAN_SCALAR(gman_do);
GMAN_SCALAR(gman_do_high);
GMAN_SCALAR(gman_do_low);
GMAN_SCALAR(gman_do_background);
GMAN_SCALAR(gman_do_high_background);
GMAN_SCALAR(gman_do_low_background);
GMAN_SCALAR(gman_do_at);
GMAN_SCALAR(gman_do_json);
GMAN_SCALAR(gman_job_status);
GMAN_SCALAR(gman_servers_set);
GMAN_SCALAR(gman_servers_get);
GMAN_SCALAR(gman_ping);
GMAN_SCALAR(gman_last_error);
GMAN_AGGREGATE(gman_sum);
GMAN_AGGREGATE(gman_do_all);
void gman_cancel();
void gman_cancel_init();
void gman_version();
void gman_version_init();
}

namespace gman::udf::component {
namespace {

using EntryPoint = void (*)();

struct Function {
  const char* name;
  Item_result result;
  EntryPoint run;
  EntryPoint init;
  EntryPoint deinit = nullptr;
  /// An aggregate has both.
  EntryPoint add = nullptr;
  EntryPoint clear = nullptr;
};

#define GMAN_STRING(name) \
  { #name, STRING_RESULT, name, name##_init, name##_deinit }
#define GMAN_GROUP(name, result) \
  { #name, result, name, name##_init, name##_deinit, name##_add, name##_clear }

constexpr Function functions[] = {
    GMAN_STRING(gman_do),
    GMAN_STRING(gman_do_high),
    GMAN_STRING(gman_do_low),
    GMAN_STRING(gman_do_background),
    GMAN_STRING(gman_do_high_background),
    GMAN_STRING(gman_do_low_background),
    GMAN_STRING(gman_do_at),
    GMAN_STRING(gman_do_json),
    GMAN_STRING(gman_job_status),
    GMAN_STRING(gman_servers_set),
    GMAN_STRING(gman_servers_get),
    GMAN_STRING(gman_ping),
    GMAN_STRING(gman_last_error),
    GMAN_GROUP(gman_sum, INT_RESULT),
    GMAN_GROUP(gman_do_all, STRING_RESULT),
    {"gman_cancel", INT_RESULT, gman_cancel, gman_cancel_init},
    {"gman_version", STRING_RESULT, gman_version, gman_version_init},
};

bool make_known(const Function& function) {
  auto* init = reinterpret_cast<Udf_func_init>(function.init);
  auto* deinit = reinterpret_cast<Udf_func_deinit>(function.deinit);
  if (function.add == nullptr) {
    return mysql_service_udf_registration->udf_register(function.name, function.result,
                                                        function.run, init, deinit) == 0;
  }
  return mysql_service_udf_registration_aggregate->udf_register(
             function.name, function.result, function.run, init, deinit,
             reinterpret_cast<Udf_func_add>(function.add),
             reinterpret_cast<Udf_func_clear>(function.clear)) == 0;
}

/// False: it is in use, and stays. One that is not known any more is none to keep.
bool forget(const Function& function) {
  int was_known = 0;
  return mysql_service_udf_registration->udf_unregister(function.name, &was_known) == 0 ||
         was_known == 0;
}

}  // namespace

bool install_functions() {
  for (const Function* function = std::begin(functions); function != std::end(functions);
       ++function) {
    if (make_known(*function)) continue;
    log_error(std::string("there is a function ") + function->name +
              " already; where gman_udf.so has made it, run uninstall.sql first");
    while (function != std::begin(functions)) forget(*--function);
    return false;
  }
  return true;
}

bool uninstall_functions() {
  for (const Function* function = std::begin(functions); function != std::end(functions);
       ++function) {
    if (forget(*function)) continue;
    log_error(std::string("a session uses the function ") + function->name);
    while (function != std::begin(functions)) {
      --function;
      if (make_known(*function)) continue;
      log_error(std::string("the function ") + function->name +
                " could not be made known again; uninstall and install the component");
    }
    return false;
  }
  return true;
}

}  // namespace gman::udf::component
