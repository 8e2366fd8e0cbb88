// SPDX-License-Identifier: BSD-3-Clause
#include "server/config/effective.hpp"

#include "base/secret.hpp"
#include "server/config/option.hpp"

namespace gman::config {

std::string effective_toml(const ServerConfig& config) {
  std::string text;
  std::string_view group;
  for (const Option& option : options()) {
    if (option.group != group) text += (text.empty() ? "# " : "\n# ") + option.group + "\n";
    group = option.group;
    const std::string value = option.field.get(config);
    text +=
        value.empty() ? "# " + option.name + " is not set\n" : option.name + " = " + value + "\n";
  }
  // A comment, since a file that says both would say it twice.
  if (config.queue.type && !config.store_place().url.empty()) {
    text +=
        "\n# By its queue-type the store is " + without_password(config.store_place().url) + "\n";
  }
  return text;
}

Changes change(ServerConfig& config, const ServerConfig& wanted) {
  Changes changes;
  const auto named = [](const std::string& value) { return value.empty() ? "not set" : value; };
  for (const Option& option : options()) {
    const std::string before = option.field.get(config);
    const std::string after = option.field.get(wanted);
    if (before == after) continue;
    const bool is_live = option.when == When::live;
    std::string& list = is_live ? changes.live : changes.after_restart;
    list += (list.empty() ? "" : ", ") + option.name + " " +
            (option.field.is_secret ? "is another" : named(before) + " -> " + named(after));
    if (is_live) option.field.copy(wanted, config);
  }
  return changes;
}

std::vector<Unheeded> unheeded(const ServerConfig& config) {
  std::vector<Unheeded> list;
  for (const Option& option : options()) {
    if (option.field.get(config).empty()) continue;
    const auto queue = queue_of_option(option.name);
    if (option.when == When::nothing) {
      list.push_back({"--" + option.name, option.help});
    } else if (queue && queue != config.queue.type) {
      list.push_back(
          {"--" + option.name, "it is of --queue-type " + std::string(name_of(*queue)) + " only"});
    }
  }
  return list;
}

}  // namespace gman::config
