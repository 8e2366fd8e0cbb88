// SPDX-License-Identifier: BSD-3-Clause
#include "server/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace gman {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

std::variant<ServerConfig, CommandLineEnd> parse(std::vector<const char*> options) {
  options.insert(options.begin(), "gmand");
  return parse_command_line(static_cast<int>(options.size()), options.data());
}

ServerConfig accepted(const std::vector<const char*>& options) {
  const auto parsed = parse(options);
  if (const auto* end = std::get_if<CommandLineEnd>(&parsed)) {
    ADD_FAILURE() << end->text;
    return {};
  }
  return std::get<ServerConfig>(parsed);
}

CommandLineEnd ended(const std::vector<const char*>& options) {
  const auto parsed = parse(options);
  if (const auto* end = std::get_if<CommandLineEnd>(&parsed)) return *end;
  ADD_FAILURE() << "a server would have started";
  return {};
}

TEST(config, without_options_serves_loopback_on_the_protocols_port) {
  const ServerConfig config = accepted({});
  EXPECT_TRUE(config.listen.empty());
  EXPECT_EQ(config.port, 4730);
  EXPECT_EQ(config.unix_socket, "");
  EXPECT_EQ(config.verbosity, LogLevel::info);
  EXPECT_EQ(config.attempts_max, 0u);
  EXPECT_EQ(config.drain, milliseconds(10'000));
  EXPECT_EQ(config.half_packet, milliseconds(60'000));
  EXPECT_EQ(config.output_bytes_max, 256u << 20);
  EXPECT_FALSE(config.exceptions_for_all);
}

TEST(config, the_default_struct_is_what_an_empty_command_line_gives) {
  const ServerConfig parsed = accepted({});
  const ServerConfig config;
  EXPECT_EQ(parsed.unix_socket_mode, config.unix_socket_mode);
  EXPECT_EQ(parsed.log_file, config.log_file);
  EXPECT_EQ(parsed.log_format, config.log_format);
  EXPECT_EQ(parsed.output_stall, config.output_stall);
  EXPECT_EQ(parsed.output_bytes_max, config.output_bytes_max);
  EXPECT_EQ(parsed.mistake(), std::nullopt);
}

TEST(config, reads_every_option) {
  const ServerConfig config = accepted({"-p",
                                        "0",
                                        "-L",
                                        "10.0.0.1:99",
                                        "--listen",
                                        "::1",
                                        "--unix-socket",
                                        "/run/g.sock",
                                        "--unix-socket-mode",
                                        "0600",
                                        "--verbose",
                                        "debug",
                                        "-l",
                                        "/var/log/g",
                                        "--log-format",
                                        "json",
                                        "-j",
                                        "3",
                                        "--exceptions",
                                        "--drain-seconds",
                                        "0.25",
                                        "--half-packet-seconds",
                                        "1.5",
                                        "--output-stall-seconds",
                                        "7",
                                        "--output-bytes-max",
                                        "1000",
                                        "-t",
                                        "4"});
  EXPECT_EQ(config.port, 0);
  EXPECT_THAT(config.listen,
              ElementsAre(ListenAddress{"10.0.0.1", 99}, ListenAddress{"::1", std::nullopt}));
  EXPECT_EQ(config.unix_socket, "/run/g.sock");
  EXPECT_EQ(config.unix_socket_mode, 0600u);
  EXPECT_EQ(config.verbosity, LogLevel::debug);
  EXPECT_EQ(config.log_file, "/var/log/g");
  EXPECT_EQ(config.log_format, LogFormat::json);
  EXPECT_EQ(config.attempts_max, 3u);
  EXPECT_TRUE(config.exceptions_for_all);
  EXPECT_EQ(config.drain, milliseconds(250));
  EXPECT_EQ(config.half_packet, milliseconds(1'500));
  EXPECT_EQ(config.output_stall, milliseconds(7'000));
  EXPECT_EQ(config.output_bytes_max, 1000u);
}

TEST(config, takes_the_port_from_gearmands_environment_variable_unless_told) {
  ::setenv("GEARMAND_PORT", "7003", 1);
  EXPECT_EQ(accepted({}).port, 7003);
  EXPECT_EQ(accepted({"-p", "1"}).port, 1);
  ::unsetenv("GEARMAND_PORT");
}

TEST(config, counts_job_retries_as_gearmand_2_does) {
  EXPECT_EQ(accepted({"-j", "-1"}).attempts_max, 0u);
  EXPECT_EQ(accepted({"-j", "0"}).attempts_max, 1u);
  EXPECT_EQ(accepted({"-j", "1"}).attempts_max, 1u);
  EXPECT_EQ(accepted({"-j", "4294967295"}).attempts_max, 4294967295u);
  EXPECT_EQ(ended({"-j", "-2"}).status, exit_bad_config);
  EXPECT_EQ(ended({"-j", "4294967296"}).status, exit_bad_config);
}

TEST(config, requeues_or_fails_a_job_whose_time_is_up) {
  EXPECT_EQ(accepted({}).timeout_action, TimeoutAction::requeue);
  EXPECT_EQ(accepted({"--timeout-action", "requeue"}).timeout_action, TimeoutAction::requeue);
  EXPECT_EQ(accepted({"--timeout-action", "fail"}).timeout_action, TimeoutAction::fail);
  const CommandLineEnd end = ended({"--timeout-action", "drop"});
  EXPECT_EQ(end.status, exit_bad_config);
  EXPECT_THAT(end.text, HasSubstr("--timeout-action: 'drop' is neither requeue nor fail"));
}

TEST(config, knows_gearmands_names_of_verbosity) {
  EXPECT_EQ(accepted({"--verbose", "FATAL"}).verbosity, LogLevel::error);
  EXPECT_EQ(accepted({"--verbose", "WARNING"}).verbosity, LogLevel::warn);
  EXPECT_EQ(accepted({"--verbose", "Notice"}).verbosity, LogLevel::info);
}

struct Mistake {
  std::vector<const char*> options;
  const char* text;
};

TEST(config, answers_each_mistake_with_one_line_that_names_it_and_status_2) {
  const std::string long_path = "/" + std::string(107, 'a');
  const std::vector<Mistake> mistakes = {
      {{"--nonsense"}, "--nonsense"},
      {{"stray"}, "stray"},
      {{"--port", "65536"}, "--port: 65536 is not between 0 and 65535"},
      {{"--port", "-1"}, "--port: -1"},
      {{"--port", "http"}, "http"},
      {{"--listen", "[::1"}, "--listen: '[::1' is no ADDR[:PORT]"},
      {{"--listen", "host:99999"}, "--listen: 'host:99999'"},
      {{"--unix-socket", long_path.c_str()}, "longer than 107 bytes"},
      {{"--unix-socket-mode", "0999"}, "--unix-socket-mode: '0999' is not octal"},
      {{"--unix-socket-mode", "1000"}, "--unix-socket-mode: '1000'"},
      {{"--verbose", "loud"}, "--verbose: 'loud'"},
      {{"--log-format", "xml"}, "--log-format: 'xml'"},
      {{"--log-file", ""}, "--log-file"},
      {{"--drain-seconds", "-1"}, "--drain-seconds"},
      {{"--drain-seconds", "nan"}, "--drain-seconds"},
      {{"--half-packet-seconds", "0"}, "--half-packet-seconds"},
      {{"--output-stall-seconds", "0"}, "--output-stall-seconds"},
      {{"--output-bytes-max", "-5"}, "--output-bytes-max"},
      {{"--threads", "-1"}, "--threads"},
  };
  for (const Mistake& mistake : mistakes) {
    const CommandLineEnd end = ended(mistake.options);
    EXPECT_EQ(end.status, 2) << mistake.text;
    EXPECT_THAT(end.text, testing::StartsWith("gmand: "));
    EXPECT_THAT(end.text, HasSubstr(mistake.text));
    EXPECT_EQ(std::ranges::count(end.text, '\n'), 1) << end.text;
  }
}

TEST(config, a_unix_socket_path_of_the_systems_limit_is_accepted) {
  const std::string path = "/" + std::string(106, 'a');
  EXPECT_EQ(accepted({"--unix-socket", path.c_str()}).unix_socket, path);
}

TEST(config, help_shows_every_option_with_its_default_and_an_example) {
  const CommandLineEnd help = ended({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const char* part :
       {"-p,--port N [4730]", "-L,--listen ADDR[:PORT]", "--unix-socket PATH",
        "--unix-socket-mode MODE [0660]", "--verbose LEVEL [INFO]", "-l,--log-file FILE [stderr]",
        "--log-format text|json [text]", "-j,--job-retries N [-1]",
        "--timeout-action requeue|fail [requeue]", "--exceptions", "--drain-seconds SECONDS [10]",
        "--half-packet-seconds SECONDS [60]", "--output-stall-seconds SECONDS [300]",
        "--output-bytes-max BYTES [268435456]", "-t,--threads", "-h,--help", "-V,--version",
        "Example: gmand"}) {
    EXPECT_THAT(help.text, HasSubstr(part));
  }
}

TEST(config, version_names_the_program) {
  const CommandLineEnd version = ended({"-V"});
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.text, "gmand " GMAN_VERSION "\n");
}

TEST(config, splits_listen_addresses) {
  const auto is = [](const char* text, const char* host, std::optional<std::uint16_t> port) {
    const auto address = parse_listen_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->host, host);
    EXPECT_EQ(address->port, port) << text;
  };
  is("127.0.0.1", "127.0.0.1", std::nullopt);
  is("127.0.0.1:0", "127.0.0.1", 0);
  is("localhost:65535", "localhost", 65535);
  is("::1", "::1", std::nullopt);
  is("::", "::", std::nullopt);
  is("[::1]", "::1", std::nullopt);
  is("[::1]:4730", "::1", 4730);
  for (const char* text : {"", ":1", "host:", "host:x", "host:65536", "[::1", "[::1]x", "[]:1"}) {
    EXPECT_EQ(parse_listen_address(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace gman
