// SPDX-License-Identifier: BSD-3-Clause
// What gman-relay was told: by its command line, and by a TOML file with the same names.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/log.hpp"
#include "client/fsm/server_list.hpp"
#include "relay/core/relay.hpp"

namespace gman::relay {

struct Config {
  std::vector<std::string> from;  ///< URLs of databases
  std::vector<ServerAddress> to;
  RelaySettings settings;
  bool stats = false;
  bool check_config = false;
  LogLevel verbosity = LogLevel::info;
  LogFormat log_format = LogFormat::text;
};

/// The program has said what it was asked for, or what is wrong, and is to end so.
struct ConfigEnd {
  int exit_status = 0;
  std::string text;
};

[[nodiscard]] std::variant<Config, ConfigEnd> read_config(int argc, const char* const* argv);

/// The URL without its password, for messages.
[[nodiscard]] std::string without_password(const std::string& url);

}  // namespace gman::relay
