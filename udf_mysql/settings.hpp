// SPDX-License-Identifier: BSD-3-Clause
// What the administrator decides. Where MariaDB has the plugin installed, or MySQL the component,
// system variables say it all. Else it is gman_udf.toml beside the shared object, and four
// variables in the environment of the database server, which win over the file; docs/MYSQL.md lists
// them.
//
// The file is looked at on every call and read again when it has changed, so that it can be edited,
// and mended, without restarting the server. A file that is wrong fails every call: a setting that
// is silently not obeyed is worse than no job.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "udf_mysql/on_error.hpp"

namespace gman::udf {

/// An hour: a longer wait is none.
inline constexpr std::int64_t timeout_ms_max = 3'600'000;
/// What the pool may be allowed to keep.
inline constexpr std::int64_t idle_connections_limit = 10'000;

struct Settings {
  /// As gman.h writes a list of servers; empty: none is configured.
  std::string servers;
  /// The only servers that any list may name, written in the same way; empty: all are allowed.
  std::string allowed_servers;
  /// Whether any session may re-point the jobs of all sessions by gman_servers_set().
  bool allow_servers_set = false;
  /// What a failed call means for its statement.
  OnError on_error = OnError::error;
  /// Whether a session that applies another server's binary log sends its jobs once more.
  bool send_on_replica = false;
  /// The pool closes those that are more.
  std::int32_t idle_connections_max = 256;
  /// As in gman_settings, which has the defaults.
  std::int32_t connect_timeout_ms;
  std::int32_t deadline_ms;
  std::int32_t answer_timeout_ms;

  /// The library's defaults.
  Settings();
};

/// The settings of now, for the session of this thread. Throws SqlError with file and line.
[[nodiscard]] std::shared_ptr<const Settings> settings();

/// The settings that a file with this text means; `path` is for messages. Throws SqlError.
[[nodiscard]] Settings parse_settings(std::string_view text, const std::string& path);

}  // namespace gman::udf
