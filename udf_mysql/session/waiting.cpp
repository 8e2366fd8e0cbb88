// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/session/waiting.hpp"

#include "udf_mysql/server_api.hpp"

namespace gman::udf::session {

Waiting::Waiting() {
  constexpr int for_the_network = 11;  // THD_WAIT_NET
  const ServerApi& api = server_api();
  if (api.current_session == nullptr || api.wait_begin == nullptr || api.wait_end == nullptr) {
    return;
  }
  session_ = api.current_session();
  if (session_ != nullptr) api.wait_begin(session_, for_the_network);
}

Waiting::~Waiting() {
  if (session_ != nullptr) server_api().wait_end(session_);
}

}  // namespace gman::udf::session
