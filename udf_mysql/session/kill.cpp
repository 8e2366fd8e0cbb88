// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/session/kill.hpp"

#include "udf_mysql/server_api.hpp"

namespace gman::udf::session {

bool killed() {
  const ServerApi& api = server_api();
  if (api.current_session != nullptr) {
    const void* session = api.current_session();
    return session != nullptr && api.kill_level != nullptr && api.kill_level(session) != 0;
  }
  return api.killed != nullptr && api.killed(nullptr) != 0;
}

unsigned kill_error() {
  constexpr unsigned er_query_interrupted = 1317;
  const ServerApi& api = server_api();
  if (api.current_session != nullptr) {
    if (api.kill_error == nullptr) return er_query_interrupted;
    return static_cast<unsigned>(api.kill_error(api.current_session()));
  }
  return static_cast<unsigned>(api.killed(nullptr));
}

}  // namespace gman::udf::session
