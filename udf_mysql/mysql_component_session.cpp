// SPDX-License-Identifier: BSD-3-Clause
// What MySQL's component has to do with a session: whether it may call, and when it ends.
#include <string_view>

#include "udf_mysql/last_error.hpp"
#include "udf_mysql/mysql_component.hpp"
#include "udf_mysql/plugin.hpp"
#include "udf_mysql/sql_error.hpp"
#include "udf_mysql/variables.hpp"

namespace gman::udf {
namespace component {
namespace {

constexpr std::string_view privilege = "GMAN_SUBMIT";

/// Each session's place for us: its own number, which needs no memory, and so leaves none behind
/// where the component goes first.
mysql_thd_store_slot end_of_session = nullptr;

int hear_of_end(void* session) {
  return at_hook([&] { forget_errors_of(reinterpret_cast<std::uintptr_t>(session)); }) ? 0 : 1;
}

/// Whether the account whose rights the statement has, a definer's in a routine or a trigger, holds
/// the privilege.
bool may_call() {
  MYSQL_THD session = nullptr;
  Security_context_handle account = nullptr;
  if (mysql_service_mysql_current_thread_reader->get(&session) != 0 || session == nullptr ||
      mysql_service_mysql_thd_security_context->get(session, &account) != 0) {
    return false;
  }
  return mysql_service_global_grants_check->has_global_grant(account, privilege.data(),
                                                             privilege.size()) != 0;
}

}  // namespace

bool install_session() {
  if (mysql_service_dynamic_privilege_register->register_privilege(privilege.data(),
                                                                   privilege.size()) != 0) {
    return false;
  }
  if (mysql_service_mysql_thd_store->register_slot(component_name, hear_of_end, &end_of_session) ==
      0) {
    return true;
  }
  mysql_service_dynamic_privilege_register->unregister_privilege(privilege.data(),
                                                                 privilege.size());
  return false;
}

void uninstall_session() {
  mysql_service_mysql_thd_store->unregister_slot(end_of_session);
  end_of_session = nullptr;
  mysql_service_dynamic_privilege_register->unregister_privilege(privilege.data(),
                                                                 privilege.size());
}

}  // namespace component

void demand_privilege() {
  if (!component::may_call()) throw AccessDenied{component::privilege.data()};
}

void expect_end_of(std::uint64_t session) {
  // Where it cannot be set, the session's failure is the oldest one day, and forgotten then.
  mysql_service_mysql_thd_store->set(nullptr, component::end_of_session,
                                     reinterpret_cast<void*>(static_cast<std::uintptr_t>(session)));
}

}  // namespace gman::udf
