// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/session/replica.hpp"

#include "udf_mysql/server_api.hpp"

namespace gman::udf::session {

bool is_replica() {
  const ServerApi& api = server_api();
  if (api.current_session == nullptr || api.is_replica == nullptr) return false;
  const void* session = api.current_session();
  return session != nullptr && api.is_replica(session);
}

}  // namespace gman::udf::session
