// SPDX-License-Identifier: BSD-3-Clause
#include "relay/asio/config.hpp"

#include <CLI/CLI.hpp>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "db/connection.hpp"

namespace gman::relay {
namespace {

constexpr int exit_usage = 2;
constexpr std::size_t file_bytes_max = 1u << 20;

/// As they are written, before their limits are looked at.
struct Words {
  std::vector<std::string> from;
  std::string to = "127.0.0.1:4730";
  std::string config_file;
  std::string verbose = "info";
  std::string log_format = "text";
  double lease_seconds = 60;
  double stop_seconds = 10;
  double server_silence_seconds = 30;
  std::uint32_t poll_ms = 0;
  bool once = false;
  bool stats = false;
  bool check_config = false;
};

void describe(CLI::App& app, Words& words, RelaySettings& settings) {
  app.get_formatter()->column_width(36);
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("-V,--version", "gman-relay " GMAN_VERSION, "Print the version and exit");
  const auto seconds = CLI::Range(0.1, 86'400.0);

  app.add_option("--from", words.from,
                 "A database with an outbox; several times for several:\n"
                 "postgresql://user@host/database,\n"
                 "mysql://user:password@host/gman?socket=/path")
      ->type_name("URL")
      ->group("What is shipped, and whereto");
  app.add_option("--to", words.to, "Job servers, the same list for all relays")
      ->type_name("HOST:PORT,…")
      ->default_str(words.to)
      ->group("What is shipped, and whereto");
  app.add_flag("--once", words.once, "Ship what is due, then end: 0 when all of it was delivered")
      ->group("What is shipped, and whereto");

  const std::string operation = "Operation";
  app.add_flag("--stats", words.stats, "Print what the outboxes hold, by function, and end")
      ->group(operation);
  app.add_option("--config-file", words.config_file, "Options as TOML, with the same names")
      ->type_name("FILE")
      ->group(operation);
  app.add_flag("--check-config", words.check_config, "Check all options and end")->group(operation);
  app.add_option("--verbose", words.verbose, "Least level that is logged: error, warn, info, debug")
      ->check(CLI::IsMember({"error", "warn", "info", "debug"}))
      ->type_name("LEVEL")
      ->default_str(words.verbose)
      ->group(operation);
  app.add_option("--log-format", words.log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT")
      ->default_str(words.log_format)
      ->group(operation);
  app.add_option("--stop-seconds", words.stop_seconds,
                 "How long a stop waits for what is under way")
      ->check(CLI::Range(0.0, 86'400.0))
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(operation);

  const std::string delivery = "Delivery";
  app.add_option("--lease-seconds", words.lease_seconds,
                 "How long other relays leave a leased row alone:\n"
                 "what a relay that dies costs in time")
      ->check(CLI::Range(1.0, 86'400.0))
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(delivery);
  app.add_option("--attempts-max", settings.attempts_max,
                 "Failures of its worker before a job to completion is dead")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N")
      ->capture_default_str()
      ->group(delivery);
  app.add_option("--dead-days", settings.dead_days, "The dead are deleted after so long; 0: never")
      ->check(CLI::Range(0, 36'500))
      ->type_name("N")
      ->capture_default_str()
      ->group(delivery);
  app.add_option("--server-silence-seconds", words.server_silence_seconds,
                 "A job server that does not answer for so long is left")
      ->check(seconds)
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(delivery);

  const std::string load = "Load";
  app.add_option("--poll-ms", words.poll_ms,
                 "Longest wait between two looks at an idle outbox\n"
                 "[25 for PostgreSQL, 250 where it notifies, 50 for MySQL]")
      ->check(CLI::Range(1, 60'000))
      ->type_name("N")
      ->group(load);
  app.add_option("--batch-rows-max", settings.batch_rows_max, "Rows that one statement leases")
      ->check(CLI::Range(1, 10'000))
      ->type_name("N")
      ->capture_default_str()
      ->group(load);
  app.add_option("--sent-rows-max", settings.sent_rows_max,
                 "Rows of one database that are on their way to a queue")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N")
      ->capture_default_str()
      ->group(load);
  app.add_option("--running-rows-max", settings.running_rows_max,
                 "Rows of one database that wait to be completed")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N")
      ->capture_default_str()
      ->group(load);

  app.footer(
      "Each row of gman.outbox becomes a job after its transaction has committed: leased, sent "
      "under\n"
      "a unique of its own, and deleted when the job server has the job (delivery 'queue') or a\n"
      "worker has completed it ('completion'). Any number of relays may work side by side.\n"
      "Passwords do not belong on a command line: use the file, PGPASSFILE or a peer login.\n\n"
      "Signals: TERM and INT stop (a second one at once); USR1 logs the counters.\n"
      "Exit status: 0 stopped, or with --once all shipped; 1 could not; 2 wrong options.\n\n"
      "Examples:\n"
      "  psql -d shop -f sql/postgres/outbox.sql\n"
      "  gman-relay --from postgresql:///shop --to queue1,queue2:4730\n"
      "  gman-relay --from postgresql:///shop --stats\n"
      "The manual is docs/RELAY.md.");
}

std::variant<std::string, std::string> contents_of(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             std::fclose);
  if (!file)
    return std::variant<std::string, std::string>(std::in_place_index<1>,
                                                  path + ": " + std::strerror(errno));
  std::string text(file_bytes_max + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (text.size() > file_bytes_max) {
    return std::variant<std::string, std::string>(
        std::in_place_index<1>,
        path + ": is larger than " + std::to_string(file_bytes_max) + " bytes");
  }
  return std::variant<std::string, std::string>(std::in_place_index<0>, std::move(text));
}

/// A value as the command line would have it; nullopt: it is none.
std::optional<std::string> word_of(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto flag = node.value_exact<bool>()) return *flag ? "true" : "false";
  if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
  if (const auto number = node.value_exact<double>()) return std::to_string(*number);
  return std::nullopt;
}

// What the command line says goes before the file: a list is replaced, not added to. What is wrong,
// with its line; empty: nothing.
std::string add_file(CLI::App& app, const std::string& path) {
  const auto contents = contents_of(path);
  if (contents.index() == 1) return std::get<1>(contents);
  const toml::parse_result parsed = toml::parse(std::get<0>(contents), path);
  const auto place = [&path](const toml::source_region& at) {
    return path + ":" + std::to_string(at.begin.line) + ": ";
  };
  if (!parsed) {
    std::string why(parsed.error().description());
    std::ranges::replace(why, '\n', ' ');
    return place(parsed.error().source()) + why;
  }
  for (const auto& [key, node] : parsed.table()) {
    const std::string name(key.str());
    CLI::Option* option = app.get_option_no_throw("--" + name);
    if (option == nullptr || name == "config-file" || name == "help" || name == "version") {
      return place(key.source()) + name + " is no option";
    }
    if (option->count() > 0) continue;
    std::vector<std::string> words;
    const toml::array* list = name == "from" ? node.as_array() : nullptr;
    const auto add = [&words](const toml::node& one) {
      auto word = word_of(one);
      if (!word) return false;
      words.push_back(*std::move(word));
      return true;
    };
    const bool is_good = list == nullptr
                             ? add(node)
                             : std::all_of(list->begin(), list->end(),
                                           [&add](const toml::node& one) { return add(one); });
    if (!is_good) return place(key.source()) + name + " is neither text nor a number nor true";
    try {
      for (std::string& word : words) option->add_result(std::move(word));
      option->run_callback();
    } catch (const CLI::ParseError& error) {
      return place(key.source()) + error.what();
    }
  }
  return {};
}

milliseconds ms_of(double seconds) {
  return milliseconds(static_cast<milliseconds::rep>(seconds * 1000));
}

LogLevel level_of(std::string_view name) {
  for (const LogLevel level : {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error}) {
    if (to_string(level) == name) return level;
  }
  return LogLevel::info;
}

ConfigEnd usage(std::string what) {
  std::ranges::replace(what, '\n', ' ');
  return {exit_usage, "gman-relay: " + what + "\n"};
}

}  // namespace

std::variant<Config, ConfigEnd> read_config(int argc, const char* const* argv) {
  Config config;
  Words words;
  CLI::App app("Ships the jobs of database outboxes to job servers.", "gman-relay");
  describe(app, words, config.settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return ConfigEnd{0, app.help()};
  } catch (const CLI::CallForVersion&) {
    return ConfigEnd{0, app.version() + "\n"};
  } catch (const CLI::ParseError& error) {
    return usage(error.what());
  }
  if (!words.config_file.empty()) {
    if (std::string wrong = add_file(app, words.config_file); !wrong.empty()) {
      return usage(std::move(wrong));
    }
  }

  if (words.from.empty()) {
    return usage("no database is given: --from postgresql://… or --from mysql://…");
  }
  for (const std::string& url : words.from) {
    if (const auto dialect = db::dialect_of(url); !dialect) {
      return usage("--from " + without_password(url) + ": " + dialect.error().message);
    }
  }
  auto servers = parse_server_list(words.to);
  if (const auto* error = std::get_if<ServerListError>(&servers)) {
    return usage("--to: " + error->message);
  }
  config.to = std::move(std::get<std::vector<ServerAddress>>(servers));
  if (config.to.empty()) return usage("no job server is given: --to host:port");
  const bool is_too_short = words.lease_seconds < words.server_silence_seconds;
  if (is_too_short) {
    return usage(
        "--lease-seconds is less than --server-silence-seconds: a row would be leased again "
        "while its answer is still waited for");
  }

  config.from = std::move(words.from);
  config.stats = words.stats;
  config.check_config = words.check_config;
  config.verbosity = level_of(words.verbose);
  config.log_format = words.log_format == "json" ? LogFormat::json : LogFormat::text;
  config.settings.once = words.once;
  config.settings.lease = ms_of(words.lease_seconds);
  config.settings.stop_patience = ms_of(words.stop_seconds);
  config.settings.silence_max = ms_of(words.server_silence_seconds);
  if (words.poll_ms > 0) config.settings.poll_max = milliseconds(words.poll_ms);
  return config;
}

std::string without_password(const std::string& url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string::npos) return url;
  const std::size_t authority = begin + 3;
  const std::size_t end = std::min(url.find_first_of("/?#", authority), url.size());
  const std::size_t at = url.rfind('@', end);
  const std::size_t colon = url.find(':', authority);
  const bool has_password = at != std::string::npos && at > authority && colon < at;
  std::string shown = has_password ? url.substr(0, colon) + url.substr(at) : url;
  // libpq takes it as a parameter as well.
  const std::size_t parameter = shown.find("password=");
  if (parameter != std::string::npos) {
    shown.erase(parameter, std::min(shown.find('&', parameter), shown.size()) - parameter);
  }
  return shown;
}

}  // namespace gman::relay
