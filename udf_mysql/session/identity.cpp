// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/session/identity.hpp"

#include "udf_mysql/server_api.hpp"

namespace gman::udf::session {

std::optional<std::uint64_t> id() {
  const ServerApi& api = server_api();
  if (api.current_session != nullptr && api.session_id != nullptr) {
    const void* session = api.current_session();
    if (session != nullptr) return api.session_id(session);
  } else if (api.mysql_session != nullptr && api.mysql_session_id != nullptr) {
    const void* session = api.mysql_session();
    if (session != nullptr) return api.mysql_session_id(session);
  }
  return std::nullopt;
}

}  // namespace gman::udf::session
