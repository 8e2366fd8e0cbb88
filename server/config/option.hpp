// SPDX-License-Identifier: BSD-3-Clause
// The table of gmand's options. Command line, file, --help, --check-config and reload all read it,
// so that an option is one row and means the same everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/config.hpp"

namespace gman::config {

/// What a value may be in TOML; on the command line all are text, and a flag may stand alone.
enum class Kind : std::uint8_t { flag, integer, bytes, seconds, text, list };

/// When a new value has an effect.
enum class When : std::uint8_t {
  live,     ///< at SIGHUP
  restart,  ///< at the next start
  nothing,  ///< accepted because gearmand has it; the log says so
};

/// How values of one kind reach their field of ServerConfig and come back.
struct Field {
  Kind kind;
  std::string allowed;  ///< "a whole number from 0 to 65535"
  // Requires: at least one value; several only for a list. False: not what is allowed.
  bool (*set)(ServerConfig& config, const std::vector<std::string>& values);
  /// As TOML; empty: not set.
  std::string (*get)(const ServerConfig& config);
  void (*copy)(const ServerConfig& from, ServerConfig& to);
  /// May hold a password, which no log is to show.
  bool is_secret = false;
};

struct Option {
  std::string name;  ///< without the dashes
  char letter;       ///< 0: none
  std::string group;
  std::string value;  ///< as --help shows it: "N [4730]"
  std::string help;
  When when;
  Field field;
};

[[nodiscard]] const std::vector<Option>& options();
/// nullptr: no such option.
[[nodiscard]] const Option* find_option(std::string_view name);
/// The name that is spelt most like it.
[[nodiscard]] std::string_view nearest_name(std::string_view name);

/// What gearmand has and this version does not, so that it can be refused by name.
struct LaterOption {
  std::string_view name;
  char letter;
  std::string_view lacks;  ///< "has no TLS"
};
[[nodiscard]] const std::vector<LaterOption>& later_options();

/// One option and what somebody said of it.
struct Setting {
  const Option* option;
  std::vector<std::string> values;
  std::string where;  ///< "--port", "gmand.toml:3: port", "GEARMAND_PORT"
};

/// What is wrong with it, as a line that names where; nullopt: it is in the configuration now.
[[nodiscard]] std::optional<std::string> apply(const Setting& setting, ServerConfig& config);

}  // namespace gman::config
