// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/server_api.hpp"

#include <dlfcn.h>

namespace gman::udf {
namespace {

template <class Function>
void find(Function*& function, const char* name) {
  function = reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

ServerApi find_all() {
  ServerApi api;
  find(api.current_session, "_current_thd");
  if (api.current_session != nullptr) {
    find(api.kill_level, "thd_kill_level");
    find(api.kill_error, "_ZN3THD12killed_errnoEv");  // int THD::killed_errno()
    find(api.session_id, "thd_get_thread_id");
    find(api.is_replica, "thd_is_slave");
    find(api.wait_begin, "thd_wait_begin");
    find(api.wait_end, "thd_wait_end");
    find(api.raise_message, "my_printf_error");
    api.note_flag = 1024;  // ME_NOTE
    find(api.raise_code, "my_error");
  } else {
    find(api.killed, "thd_killed");
    find(api.mysql_session, "_Z19thd_get_current_thdv");  // THD* thd_get_current_thd()
    find(api.mysql_session_id, "thd_get_thread_id");
    // void push_warning(THD*, Sql_condition::enum_severity_level, unsigned, const char*)
    find(api.push_warning, "_Z12push_warningP3THDN13Sql_condition19enum_severity_levelEjPKc");
    find(api.raise_message, "_Z15my_printf_errorjPKciz");  // (unsigned, const char*, int, ...)
    find(api.raise_code, "_Z8my_erroriiz");                // (int, int, ...)
  }
  return api;
}

}  // namespace

const ServerApi& server_api() {
  static const ServerApi api = find_all();
  return api;
}

}  // namespace gman::udf
