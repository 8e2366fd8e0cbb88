// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/session/identity.hpp"

#include "udf_mysql/server_api.hpp"

namespace gman::udf::session {

std::optional<std::uint64_t> id() {
  const ServerApi& api = server_api();
  if (api.current_session == nullptr || api.session_id == nullptr) return std::nullopt;
  const void* session = api.current_session();
  if (session == nullptr) return std::nullopt;
  return api.session_id(session);
}

}  // namespace gman::udf::session
