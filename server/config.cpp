// SPDX-License-Identifier: BSD-3-Clause
#include "server/config.hpp"

#include <sys/un.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <sstream>
#include <utility>

namespace gman {
namespace {

constexpr double seconds_max = 86'400.0 * 365;

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

// gearmand's level names; what the log has no level for is the nearest that says more.
struct VerbosityName {
  std::string_view name;
  LogLevel level;
};
constexpr std::array verbosity_names{
    VerbosityName{"fatal", LogLevel::error},    VerbosityName{"alert", LogLevel::error},
    VerbosityName{"critical", LogLevel::error}, VerbosityName{"error", LogLevel::error},
    VerbosityName{"warning", LogLevel::warn},   VerbosityName{"warn", LogLevel::warn},
    VerbosityName{"notice", LogLevel::info},    VerbosityName{"info", LogLevel::info},
    VerbosityName{"debug", LogLevel::debug},
};

std::optional<LogLevel> parse_verbosity(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto* const found = std::ranges::find(verbosity_names, lower, &VerbosityName::name);
  if (found == verbosity_names.end()) return std::nullopt;
  return found->level;
}

std::optional<std::uint32_t> parse_mode(std::string_view text) {
  std::uint32_t mode = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (fault != std::errc{} || end != text.data() + text.size() || mode > 0777) return std::nullopt;
  return mode;
}

// 2.0's meaning: -1 is no limit, and 0 and 1 are both one attempt.
std::optional<std::uint32_t> attempts_of(std::int64_t job_retries) {
  if (job_retries == -1) return 0;
  if (job_retries < -1 || job_retries > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(std::max<std::int64_t>(job_retries, 1));
}

std::optional<std::chrono::milliseconds> parse_seconds(double seconds) {
  if (!(seconds >= 0 && seconds <= seconds_max)) return std::nullopt;
  return std::chrono::milliseconds(std::llround(seconds * 1000));
}

CommandLineEnd mistaken(const std::string& what) {
  return {exit_bad_config, "gmand: " + what + " (gmand --help lists the options)\n"};
}

std::string without_double_blank_lines(std::string text) {
  for (std::size_t at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n")) {
    text.erase(at, 1);
  }
  return text;
}

// The options as they were typed, before they mean anything.
struct Options {
  std::vector<std::string> listen;
  std::int64_t port = default_port;
  std::string unix_socket;
  std::string unix_socket_mode = "0660";
  std::string verbose = "INFO";
  std::string log_file = "stderr";
  std::string log_format = "text";
  std::int64_t job_retries = -1;
  std::string timeout_action = "requeue";
  std::int64_t threads = 1;
  bool exceptions = false;
  double drain_seconds = 10;
  double half_packet_seconds = 60;
  double output_stall_seconds = 300;
  std::int64_t output_bytes_max = std::int64_t{256} << 20;
};

void describe(CLI::App& app, Options& options) {
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("-V,--version", "gmand " GMAN_VERSION, "Print the version and exit");

  app.add_option("-p,--port", options.port, "TCP port; 0 takes a free one and logs it")
      ->envname("GEARMAND_PORT")
      ->option_text("N [4730]")
      ->group("Listening");
  app.add_option("-L,--listen", options.listen,
                 "Address to listen on, maybe with a port of its own;\nmay be given several times")
      ->option_text("ADDR[:PORT] [127.0.0.1 and ::1]")
      ->allow_extra_args(false)
      ->group("Listening");
  app.add_option("--unix-socket", options.unix_socket,
                 "Listen on a Unix socket as well;\n"
                 "only there is the admin command `shutdown` obeyed")
      ->option_text("PATH")
      ->group("Listening");
  app.add_option("--unix-socket-mode", options.unix_socket_mode, "Its permissions, octal")
      ->option_text("MODE [0660]")
      ->group("Listening");

  app.add_option("--verbose", options.verbose,
                 "Least level that is logged:\nERROR, WARNING, INFO or DEBUG")
      ->option_text("LEVEL [INFO]")
      ->group("Log");
  app.add_option("-l,--log-file", options.log_file,
                 "A path, `stderr` or `none`; SIGHUP opens a path again")
      ->option_text("FILE [stderr]")
      ->group("Log");
  app.add_option("--log-format", options.log_format, "One event a line, as text or as JSON")
      ->option_text("text|json [text]")
      ->group("Log");

  app.add_option("-j,--job-retries", options.job_retries,
                 "Attempts a job gets when its workers die\n"
                 "before it fails; -1 sets no limit")
      ->option_text("N [-1]")
      ->group("Jobs");
  app.add_option("--timeout-action", options.timeout_action,
                 "What becomes of a job that runs longer than its\n"
                 "worker promised: another attempt, or WORK_FAIL")
      ->option_text("requeue|fail [requeue]")
      ->group("Jobs");
  app.add_flag("--exceptions", options.exceptions,
               "Send WORK_EXCEPTION to all clients,\nnot only to those who asked for it")
      ->group("Jobs");
  app.add_option("--drain-seconds", options.drain_seconds,
                 "How long SIGTERM waits for running jobs")
      ->option_text("SECONDS [10]")
      ->group("Jobs");

  app.add_option("--half-packet-seconds", options.half_packet_seconds,
                 "Close a connection whose half-sent packet\ndoes not go on for so long")
      ->option_text("SECONDS [60]")
      ->group("Limits");
  app.add_option("--output-stall-seconds", options.output_stall_seconds,
                 "Close a connection that reads nothing\nof its output for so long")
      ->option_text("SECONDS [300]")
      ->group("Limits");
  app.add_option("--output-bytes-max", options.output_bytes_max,
                 "Close a connection that leaves more output\nthan this unread")
      ->option_text("BYTES [268435456]")
      ->group("Limits");
  app.add_option("-t,--threads", options.threads,
                 "Accepted for gearmand's sake:\none thread does all the work")
      ->option_text("N")
      ->group("Limits");

  app.footer(
      "Signals: TERM and INT drain and end (the second one ends at once); USR1 stops listening\n"
      "and ends when no job remains; HUP opens the log file again.\n\n"
      "Example: gmand --listen 0.0.0.0 --unix-socket /run/gmand/gmand.sock --drain-seconds 30");
}

std::variant<ServerConfig, CommandLineEnd> to_config(const Options& options) {
  ServerConfig config;
  for (const std::string& text : options.listen) {
    auto address = parse_listen_address(text);
    if (!address) return mistaken("--listen: '" + text + "' is no ADDR[:PORT]");
    config.listen.push_back(std::move(*address));
  }
  if (options.port < 0 || options.port > UINT16_MAX) {
    return mistaken("--port: " + std::to_string(options.port) + " is not between 0 and 65535");
  }
  config.port = static_cast<std::uint16_t>(options.port);
  config.unix_socket = options.unix_socket;
  const auto mode = parse_mode(options.unix_socket_mode);
  if (!mode) {
    return mistaken("--unix-socket-mode: '" + options.unix_socket_mode +
                    "' is not octal, 0000 to 0777");
  }
  config.unix_socket_mode = *mode;

  const auto verbosity = parse_verbosity(options.verbose);
  if (!verbosity) {
    return mistaken("--verbose: '" + options.verbose +
                    "' is none of ERROR, WARNING, INFO and DEBUG");
  }
  config.verbosity = *verbosity;
  config.log_file = options.log_file;
  if (options.log_format != "text" && options.log_format != "json") {
    return mistaken("--log-format: '" + options.log_format + "' is neither text nor json");
  }
  config.log_format = options.log_format == "json" ? LogFormat::json : LogFormat::text;

  const auto attempts = attempts_of(options.job_retries);
  if (!attempts) {
    return mistaken("--job-retries: " + std::to_string(options.job_retries) +
                    " is not between -1 and 4294967295");
  }
  config.attempts_max = *attempts;
  if (options.timeout_action != "requeue" && options.timeout_action != "fail") {
    return mistaken("--timeout-action: '" + options.timeout_action +
                    "' is neither requeue nor fail");
  }
  config.timeout_action =
      options.timeout_action == "fail" ? TimeoutAction::fail : TimeoutAction::requeue;
  config.exceptions_for_all = options.exceptions;

  for (const auto& [name, seconds, field] :
       {std::tuple{"--drain-seconds", options.drain_seconds, &config.drain},
        std::tuple{"--half-packet-seconds", options.half_packet_seconds, &config.half_packet},
        std::tuple{"--output-stall-seconds", options.output_stall_seconds, &config.output_stall}}) {
    const auto length = parse_seconds(seconds);
    if (!length) return mistaken(std::string(name) + " is not between 0 and a year");
    *field = *length;
  }
  if (options.output_bytes_max < 0) return mistaken("--output-bytes-max is negative");
  config.output_bytes_max = static_cast<std::size_t>(options.output_bytes_max);
  if (options.threads < 0) return mistaken("--threads is negative");

  if (const auto mistake = config.mistake()) return mistaken(*mistake);
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
  if (unix_socket.size() > path_bytes_max) {
    return "--unix-socket: the path is longer than " + std::to_string(path_bytes_max) +
           " bytes, the limit of the system";
  }
  if (half_packet.count() == 0) return "--half-packet-seconds: 0 would close every connection";
  if (output_stall.count() == 0) return "--output-stall-seconds: 0 would close slow connections";
  if (log_file.empty()) return "--log-file: the path is empty";
  return std::nullopt;
}

std::variant<ServerConfig, CommandLineEnd> parse_command_line(int argc, const char* const* argv) {
  CLI::App app{"gmand: a job server for Gearman clients and workers", "gmand"};
  app.get_formatter()->column_width(44);
  Options options;
  describe(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return CommandLineEnd{0, without_double_blank_lines(app.help())};
  } catch (const CLI::CallForVersion&) {
    return CommandLineEnd{0, app.version() + "\n"};
  } catch (const CLI::ParseError& error) {
    std::string what = error.what();
    std::ranges::replace(what, '\n', ' ');
    return mistaken(what);
  }
  return to_config(options);
}

}  // namespace gman
