// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/sql_error.hpp"

#include <cstddef>

#include "udf_mysql/server_api.hpp"

namespace gman::udf {
namespace {

constexpr unsigned er_signal_exception = 1644;
/// Servers cut a message at 511 bytes, wherever that falls in a character.
constexpr std::size_t message_bytes_max = 500;

/// One line of text that is safe in any client: a message may quote what a worker sent.
std::string printable(std::string message) {
  if (message.size() > message_bytes_max) {
    std::size_t end = message_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;
    message.replace(end, std::string::npos, "...");
  }
  for (char& byte : message) {
    if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F) byte = ' ';
  }
  return message;
}

}  // namespace

void raise_sql_error(const std::string& message) {
  if (server_api().raise_message == nullptr) return;
  server_api().raise_message(er_signal_exception, "%s", 0, printable(message).c_str());
}

void leave_note(const std::string& message) {
  const ServerApi& api = server_api();
  if (api.mysql_session != nullptr && api.push_warning != nullptr) {
    constexpr int severity_note = 0;
    void* session = api.mysql_session();
    if (session == nullptr) return;
    api.push_warning(session, severity_note, er_signal_exception, printable(message).c_str());
  } else if (api.raise_message != nullptr && api.note_flag != 0) {
    api.raise_message(er_signal_exception, "%s", api.note_flag, printable(message).c_str());
  }
}

void raise_server_error(unsigned code, const char* what) {
  if (server_api().raise_code == nullptr) return;
  server_api().raise_code(code, 0, what);
}

}  // namespace gman::udf
