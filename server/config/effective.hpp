// SPDX-License-Identifier: BSD-3-Clause
// What holds, as text: for --check-config, and for the log when a new configuration is read.
#pragma once

#include <string>
#include <vector>

#include "server/config.hpp"

namespace gman::config {

/// Every option with its value, as a file that --config-file reads; what is not set is a comment.
[[nodiscard]] std::string effective_toml(const ServerConfig& config);

/// "drain-seconds 10 -> 30, verbose ..."; empty: none.
struct Changes {
  std::string live;           ///< what has an effect now
  std::string after_restart;  ///< what has none before the next start
};

/// Takes over from `wanted` what can change live.
[[nodiscard]] Changes change(ServerConfig& config, const ServerConfig& wanted);

/// Options that were given and change nothing, and why.
struct Unheeded {
  std::string option;
  std::string why;
};
[[nodiscard]] std::vector<Unheeded> unheeded(const ServerConfig& config);

}  // namespace gman::config
