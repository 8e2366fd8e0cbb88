// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/finish.hpp"

#include <string>

#include "client/blocking/poll_driver.hpp"
#include "udf_mysql/session/kill.hpp"
#include "udf_mysql/session/waiting.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {

const gman_result_data& finish(gman_client* client, gman_status started) {
  const session::Waiting waiting;
  const gman_status status = drive(client, started, session::killed);
  if (status == GMAN_OK) return *gman_result(client);
  if (status == GMAN_CANCELLED) throw Killed{session::kill_error()};
  const gman_error_data& error = *gman_error_get(client);
  std::string message = error.message;
  const char* server = gman_result(client)->server;
  if (server != nullptr && message.find(server) == std::string::npos) {
    message += std::string(" (job server ") + server + ")";
  }
  if (*error.hint != '\0') message += std::string("; ") + error.hint;
  throw SqlError(message, status, server != nullptr ? server : "");
}

}  // namespace gman::udf
