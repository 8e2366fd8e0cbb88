// SPDX-License-Identifier: BSD-3-Clause
#include "server/config.hpp"

#include <pwd.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "base/assert.hpp"
#include "server/config/command_line.hpp"
#include "server/config/effective.hpp"
#include "server/config/file.hpp"
#include "server/config/option.hpp"

namespace gman {
namespace {

constexpr const char* port_variable = "GEARMAND_PORT";

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

CommandLineEnd mistaken(const std::string& what) {
  return {exit_bad_config, "gmand: " + what + " (gmand --help lists the options)\n"};
}

bool is_given(const std::vector<config::Setting>& settings, std::string_view name) {
  return std::ranges::any_of(
      settings, [name](const config::Setting& setting) { return setting.option->name == name; });
}

// All that was said, the weightiest last.
std::variant<std::vector<config::Setting>, config::Mistake> gather(config::CommandLine line) {
  std::vector<config::Setting> settings;
  if (const char* port = std::getenv(port_variable)) {
    settings.push_back({config::find_option("port"), {port}, port_variable});
  }
  const auto append = [&settings](std::vector<config::Setting>& more) {
    std::ranges::move(more, std::back_inserter(settings));
  };
  if (!line.config_file.empty()) {
    auto read = config::read_file(line.config_file);
    if (auto* mistake = std::get_if<config::Mistake>(&read)) return std::move(*mistake);
    append(std::get<std::vector<config::Setting>>(read));
  }
  append(line.settings);
  return settings;
}

// Where the log goes follows from more than one option.
std::optional<std::string> choose_log(const std::vector<config::Setting>& settings,
                                      ServerConfig& config) {
  const bool file_is_given = is_given(settings, "log-file");
  if (config.daemon && file_is_given && config.log_file == "stderr") {
    return "--log-file: a daemon has no stderr; name a file, or --syslog";
  }
  if (config.daemon && !file_is_given && !is_given(settings, "syslog")) config.syslog = true;
  if (!file_is_given && (config.daemon || config.syslog)) config.log_file = "none";
  return std::nullopt;
}

std::variant<ServerConfig, CommandLineEnd> to_config(config::CommandLine line) {
  const bool prints = line.check_config;
  const bool only_checks = line.check_config || line.check_args;
  const auto gathered = gather(std::move(line));
  if (const auto* mistake = std::get_if<config::Mistake>(&gathered)) return mistaken(mistake->text);
  const auto& settings = std::get<std::vector<config::Setting>>(gathered);
  ServerConfig config;
  for (const config::Setting& setting : settings) {
    if (const auto mistake = config::apply(setting, config)) return mistaken(*mistake);
  }
  if (const auto mistake = choose_log(settings, config)) return mistaken(*mistake);
  if (const auto mistake = config.mistake()) return mistaken(*mistake);
  if (only_checks) return CommandLineEnd{0, prints ? config::effective_toml(config) : ""};
  return config;
}

}  // namespace

std::optional<ListenAddress> parse_listen_address(std::string_view text) {
  std::string_view host = text;
  std::optional<std::string_view> port_text;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (rest.starts_with(':')) {
      port_text = rest.substr(1);
    } else if (!rest.empty()) {
      return std::nullopt;
    }
  } else if (std::ranges::count(text, ':') == 1) {
    const std::size_t colon = text.find(':');
    host = text.substr(0, colon);
    port_text = text.substr(colon + 1);
  }
  if (host.empty()) return std::nullopt;
  ListenAddress address{.host = std::string(host), .port = {}};
  if (port_text) {
    address.port = parse_port(*port_text);
    if (!address.port) return std::nullopt;
  }
  return address;
}

std::optional<std::string> ServerConfig::mistake() const {
  constexpr std::size_t path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;
  for (const auto& [name, path] :
       {std::pair<std::string, const std::string&>{"unix-socket", unix_socket},
        {"syslog-socket", syslog_socket}}) {
    if (path.size() <= path_bytes_max) continue;
    return "--" + name + ": the path is longer than " + std::to_string(path_bytes_max) +
           " bytes, the limit of the system";
  }
  if (!user.empty() && ::getpwnam(user.c_str()) == nullptr) {
    return "--user: there is no user '" + user + "'";
  }
  if (!store.empty() && queue.type) {
    return "--store and --queue-type both say where jobs are kept: leave one of them out";
  }
  if (const auto place = config::store_place(queue);
      const auto* missing = std::get_if<std::string>(&place)) {
    return *missing;
  }
  if (half_packet.count() == 0) return "--half-packet-seconds: 0 would close every connection";
  if (output_stall.count() == 0) return "--output-stall-seconds: 0 would close slow connections";
  return std::nullopt;
}

config::StorePlace ServerConfig::store_place() const {
  if (store == "memory:") return {};
  if (!store.empty()) return {.url = store, .left = std::nullopt};
  const auto place = config::store_place(queue);
  GMAN_ASSERT(std::holds_alternative<config::StorePlace>(place));
  return std::get<config::StorePlace>(place);
}

std::variant<ServerConfig, CommandLineEnd> parse_command_line(int argc, const char* const* argv) {
  auto read = config::read_command_line(argc, argv);
  if (auto* end = std::get_if<CommandLineEnd>(&read)) return std::move(*end);
  if (const auto* mistake = std::get_if<config::Mistake>(&read)) return mistaken(mistake->text);
  return to_config(std::get<config::CommandLine>(std::move(read)));
}

}  // namespace gman
