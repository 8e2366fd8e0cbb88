// SPDX-License-Identifier: BSD-3-Clause
// What the administrator decides: GMAN_SERVERS and GMAN_ALLOW_SERVERS_SET in the environment of the
// database server, and gman_udf.toml beside the shared object, whose keys docs/MYSQL.md lists.
//
// The environment wins over the file. The file is looked at on every call and read again when it
// has changed, so that it can be edited, and mended, without restarting the server. A file that is
// wrong fails every call: a setting that is silently not obeyed is worse than no job.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace gman::udf {

struct Settings {
  /// As gman.h writes a list of servers; empty: none is configured.
  std::string servers;
  /// Whether any session may re-point the jobs of all sessions by gman_servers_set().
  bool allow_servers_set = false;
  /// As in gman_settings, which has the defaults.
  std::int32_t connect_timeout_ms;
  std::int32_t deadline_ms;
  std::int32_t answer_timeout_ms;

  /// The library's defaults.
  Settings();
};

/// The settings of now. Throws SqlError with file and line.
[[nodiscard]] std::shared_ptr<const Settings> settings();

/// The settings that a file with this text means; `path` is for messages. Throws SqlError.
[[nodiscard]] Settings parse_settings(std::string_view text, const std::string& path);

}  // namespace gman::udf
