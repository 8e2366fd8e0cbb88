// SPDX-License-Identifier: BSD-3-Clause
#include "server/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "server/config/effective.hpp"
#include "server/config/file.hpp"
#include "server/config/option.hpp"

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
  EXPECT_THAT(end.text, HasSubstr("--timeout-action: 'drop' is not requeue or fail"));
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
      {{"--nonsense"}, "--nonsense is no option"},
      {{"--prot", "1"}, "--prot is no option; the nearest is --port"},
      {{"stray"}, "'stray' is no option"},
      {{"-v"}, "-v: gearmand gave this up, and gmand has --verbose LEVEL"},
      {{"--port", "65536"}, "--port: '65536' is not a whole number from 0 to 65535"},
      {{"--port", "-1"}, "--port: '-1'"},
      {{"--port", "http"}, "--port: 'http'"},
      {{"--port", "1", "-p", "2"}, "--port: is there 2 times, and takes one value"},
      {{"--port"}, "--port"},
      {{"--listen", "[::1"}, "--listen: '[::1' is not ADDR[:PORT]"},
      {{"--listen", "host:99999"}, "--listen: 'host:99999'"},
      {{"--backlog", "0"}, "--backlog: '0' is not a whole number from 1 to 65535"},
      {{"--backlog", "65536"}, "--backlog: '65536'"},
      {{"--unix-socket", long_path.c_str()}, "--unix-socket: the path is longer than 107 bytes"},
      {{"--syslog-socket", long_path.c_str()}, "--syslog-socket: the path is longer than 107"},
      {{"--unix-socket-mode", "0999"}, "--unix-socket-mode: '0999' is not octal"},
      {{"--unix-socket-mode", "1000"}, "--unix-socket-mode: '1000'"},
      {{"--keepalive-idle", "0"}, "--keepalive-idle: '0' is not -1 or a whole number from 1"},
      {{"--keepalive-idle", "32768"}, "--keepalive-idle: '32768'"},
      {{"--keepalive-interval", "-2"}, "--keepalive-interval: '-2'"},
      {{"--keepalive-count", "128"}, "--keepalive-count: '128'"},
      {{"--keepalive=maybe"}, "--keepalive: 'maybe' is not true or false"},
      {{"--file-descriptors", "31"}, "--file-descriptors: '31' is not a whole number from 32"},
      {{"--user", ""}, "--user: '' is not a name"},
      {{"--user", "no such"}, "--user: there is no user 'no such'"},
      {{"--daemon", "--log-file", "stderr"}, "--log-file: a daemon has no stderr"},
      {{"--verbose", "loud"}, "--verbose: 'loud'"},
      {{"--log-format", "xml"}, "--log-format: 'xml' is not text or json"},
      {{"--log-file", ""}, "--log-file"},
      {{"--job-handle-prefix", "two words"}, "--job-handle-prefix: 'two words'"},
      {{"--job-handle-prefix", "1234567890123456789012345678901"}, "is not 1 to 30 printable"},
      {{"--queue-type", "libtokyocabinet"}, "--queue-type: 'libtokyocabinet' is not builtin"},
      {{"-q", "libsqlite3"}, "--queue-type libsqlite3 wants --libsqlite3-db FILE"},
      {{"-q", "libsqlite3", "--libsqlite3-db", ""}, "wants --libsqlite3-db FILE"},
      {{"-q", "MySQL"}, "--queue-type MySQL wants --mysql-db NAME"},
      {{"-q", "mysql", "--mysql-db", "d", "--mysql-host", "a@b"}, "--mysql-host: 'a@b' is no host"},
      {{"-q", "redis", "--redis-server", "/s"}, "--redis-server: '/s' is no host"},
      {{"-q", "libmemcached"}, "wants --libmemcached-servers HOST[:PORT]"},
      {{"-q", "Postgres", "--libpq-conninfo", "dbname"}, "--libpq-conninfo is not KEYWORD=VALUE"},
      {{"-q", "Postgres", "--libpq-conninfo", "user='a"}, "--libpq-conninfo is not KEYWORD=VALUE"},
      {{"--mysql-port", "0"}, "--mysql-port: '0' is not a whole number from 1 to 65535"},
      {{"--redis-port", "65536"}, "--redis-port: '65536' is not a whole number from 1 to 65535"},
      {{"-q", "builtin", "--store", "memory:"}, "--store and --queue-type both say where"},
      {{"--store", "sqlite:/a", "-q", "libsqlite3", "--libsqlite3-db", "/b"},
       "--store and --queue-type both say where jobs are kept: leave one of them out"},
      {{"--drain-seconds", "-1"}, "--drain-seconds"},
      {{"--drain-seconds", "nan"}, "--drain-seconds"},
      {{"--half-packet-seconds", "0"}, "--half-packet-seconds"},
      {{"--output-stall-seconds", "0"}, "--output-stall-seconds"},
      {{"--output-bytes-max", "-5"}, "--output-bytes-max"},
      {{"--jobs-max", "-1"}, "--jobs-max"},
      {{"--queue-max", "4294967296"}, "--queue-max"},
      {{"--memory-max", "4X"}, "--memory-max: '4X' is not a number of bytes, as 1000, 512M or 4G"},
      {{"--memory-max", "9999999T"}, "--memory-max"},
      {{"--packet-bytes-max", "1023"}, "is not a number of bytes from 1024 to 67174400"},
      {{"--packet-bytes-max", "67174401"}, "--packet-bytes-max: '67174401'"},
      {{"--threads", "-1"}, "--threads"},
      {{"--hashtable-buckets", "0"}, "--hashtable-buckets"},
      {{"--round-robin=false"}, "--round-robin: 'false' is not true: it is always on"},
      {{"--config-file", "/no/such/file"}, "/no/such/file: No such file or directory"},
      {{"@/no/such/file"}, "/no/such/file: No such file or directory"},
      {{"--config-file", "/"}, "/: Is a directory"},
  };
  for (const Mistake& mistake : mistakes) {
    const CommandLineEnd end = ended(mistake.options);
    EXPECT_EQ(end.status, 2) << mistake.text;
    EXPECT_THAT(end.text, testing::StartsWith("gmand: "));
    EXPECT_THAT(end.text, HasSubstr(mistake.text));
    EXPECT_EQ(std::ranges::count(end.text, '\n'), 1) << end.text;
  }
}

TEST(config, what_this_version_lacks_ends_the_start_and_is_named) {
  for (const config::LaterOption& option : config::later_options()) {
    const std::string name = "--" + std::string(option.name);
    for (const auto& words : {std::vector{name}, std::vector{name, std::string("x")}}) {
      std::vector<const char*> given;
      given.reserve(words.size());
      for (const std::string& word : words) given.push_back(word.c_str());
      const CommandLineEnd end = ended(given);
      EXPECT_EQ(end.status, 2);
      EXPECT_THAT(end.text, testing::StartsWith("gmand: " + name + ": this version of gmand "));
    }
  }
  EXPECT_THAT(ended({"-r", "http"}).text, HasSubstr("--protocol: this version of gmand does not"));
  EXPECT_THAT(ended({"--ssl-key=k"}).text,
              HasSubstr("--ssl-key: this version of gmand has no TLS"));
}

TEST(config, gearmands_command_line_is_understood_by_its_long_and_short_names) {
  const ServerConfig config = accepted({"-b",
                                        "64",
                                        "-d",
                                        "-f",
                                        "4096",
                                        "-j",
                                        "2",
                                        "-l",
                                        "/l",
                                        "-L",
                                        "::",
                                        "-p",
                                        "7",
                                        "-P",
                                        "/pid",
                                        "-q",
                                        "builtin",
                                        "-R",
                                        "-t",
                                        "4",
                                        "-u",
                                        "nobody",
                                        "-w",
                                        "1",
                                        "--exceptions",
                                        "--job-handle-prefix",
                                        "H:x",
                                        "--hashtable-buckets",
                                        "991",
                                        "--keepalive",
                                        "--keepalive-idle",
                                        "1",
                                        "--keepalive-interval",
                                        "32767",
                                        "--keepalive-count=127",
                                        "--syslog",
                                        "--coredump",
                                        "--verbose",
                                        "NOTICE"});
  EXPECT_EQ(config.backlog, 64u);
  EXPECT_TRUE(config.daemon);
  EXPECT_EQ(config.file_descriptors, 4096u);
  EXPECT_EQ(config.attempts_max, 2u);
  EXPECT_EQ(config.log_file, "/l");
  EXPECT_TRUE(config.syslog);
  EXPECT_THAT(config.listen, ElementsAre(ListenAddress{"::", std::nullopt}));
  EXPECT_EQ(config.port, 7);
  EXPECT_EQ(config.pid_file, "/pid");
  EXPECT_EQ(config.user, "nobody");
  EXPECT_EQ(config.job_handle_prefix, "H:x");
  EXPECT_TRUE(config.keepalive);
  EXPECT_EQ(config.keepalive_idle_seconds, 1);
  EXPECT_EQ(config.keepalive_interval_seconds, 32767);
  EXPECT_EQ(config.keepalive_count, 127);
  EXPECT_TRUE(config.coredump);
  EXPECT_EQ(config.verbosity, LogLevel::info);
  std::vector<std::string> unheeded;
  for (const auto& option : config::unheeded(config)) unheeded.push_back(option.option);
  EXPECT_THAT(unheeded,
              ElementsAre("--threads", "--worker-wakeup", "--round-robin", "--hashtable-buckets"));
}

TEST(config, an_option_that_changes_nothing_is_unheeded_only_when_it_is_given) {
  EXPECT_TRUE(config::unheeded(accepted({})).empty());
  EXPECT_EQ(config::unheeded(accepted({"-t", "0"})).size(), 1u);
}

TEST(config, a_daemon_and_syslog_choose_where_the_log_goes_unless_told) {
  EXPECT_TRUE(accepted({"-d"}).syslog);
  EXPECT_EQ(accepted({"-d"}).log_file, "none");
  EXPECT_FALSE(accepted({"-d", "-l", "/l"}).syslog);
  EXPECT_FALSE(accepted({"-d", "--syslog=false"}).syslog);
  EXPECT_EQ(accepted({"--syslog"}).log_file, "none");
  EXPECT_EQ(accepted({"--syslog", "-l", "stderr"}).log_file, "stderr");
}

TEST(config, amounts_of_bytes_have_units) {
  EXPECT_EQ(accepted({"--memory-max", "1000"}).memory_bytes_max, 1000u);
  EXPECT_EQ(accepted({"--memory-max", "2k"}).memory_bytes_max, 2048u);
  EXPECT_EQ(accepted({"--memory-max", "512M"}).memory_bytes_max, 512u << 20);
  EXPECT_EQ(accepted({"--memory-max", "4G"}).memory_bytes_max, std::uint64_t{4} << 30);
  EXPECT_EQ(accepted({"--memory-max", "1T"}).memory_bytes_max, std::uint64_t{1} << 40);
  EXPECT_EQ(accepted({"--workload-memory-max", "64M"}).workload_memory_bytes_max, 64u << 20);
  EXPECT_EQ(accepted({"--workload-memory-max", "0"}).workload_memory_bytes_max, 0u);
  EXPECT_EQ(accepted({}).workload_memory_bytes_max, std::uint64_t{1} << 30);
  EXPECT_EQ(accepted({"--packet-bytes-max", "1K"}).packet_bytes_max, 1024u);
  EXPECT_EQ(accepted({"--packet-bytes-max", "67174400"}).packet_bytes_max, 67174400u);
}

// The file.

struct TemporaryFile {
  explicit TemporaryFile(std::string_view text) {
    const int fd = ::mkstemp(path.data());
    EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(fd);
  }
  ~TemporaryFile() { ::unlink(path.c_str()); }
  std::string path = "/tmp/gman-unit-XXXXXX";
};

TEST(config, a_file_has_the_long_options_as_keys) {
  const TemporaryFile file(R"(# gmand
port = 1
listen = ["10.0.0.1:99", "[::1]"]
exceptions = true
drain-seconds = 0.25
half-packet-seconds = 3
memory-max = "512M"
output-bytes-max = 1000
verbose = "debug"
queue-type = "memory"
threads = 4
)");
  const ServerConfig config = accepted({"--config-file", file.path.c_str()});
  EXPECT_EQ(config.port, 1);
  EXPECT_THAT(config.listen,
              ElementsAre(ListenAddress{"10.0.0.1", 99}, ListenAddress{"::1", std::nullopt}));
  EXPECT_TRUE(config.exceptions_for_all);
  EXPECT_EQ(config.drain, milliseconds(250));
  EXPECT_EQ(config.half_packet, milliseconds(3000));
  EXPECT_EQ(config.memory_bytes_max, 512u << 20);
  EXPECT_EQ(config.output_bytes_max, 1000u);
  EXPECT_EQ(config.verbosity, LogLevel::debug);
  EXPECT_EQ(config.threads, 4);
}

TEST(config, the_command_line_goes_before_the_file_and_the_file_before_the_environment) {
  const TemporaryFile file("port = 2\nlisten = \"10.0.0.1\"\n");
  ::setenv("GEARMAND_PORT", "1", 1);
  EXPECT_EQ(accepted({}).port, 1);
  EXPECT_EQ(accepted({"--config-file", file.path.c_str()}).port, 2);
  EXPECT_EQ(accepted({"--config-file", file.path.c_str(), "-p", "3"}).port, 3);
  ::unsetenv("GEARMAND_PORT");
  // A list is replaced, not added to.
  EXPECT_THAT(accepted({"-L", "::1", "--config-file", file.path.c_str()}).listen,
              ElementsAre(ListenAddress{"::1", std::nullopt}));
  const std::string at_file = "@" + file.path;
  EXPECT_EQ(accepted({at_file.c_str()}).port, 2);
}

TEST(config, an_environment_variable_that_is_no_port_is_named) {
  ::setenv("GEARMAND_PORT", "gearman", 1);
  EXPECT_THAT(ended({}).text, HasSubstr("GEARMAND_PORT: 'gearman' is not a whole number from 0"));
  ::unsetenv("GEARMAND_PORT");
}

struct FileMistake {
  const char* text;
  const char* answer;
};

TEST(config, each_mistake_in_a_file_names_file_line_key_and_what_is_allowed) {
  for (const FileMistake& mistake : {
           FileMistake{"port = 1\n\nprot = 2\n", "f:3: prot is no option; the nearest is port"},
           FileMistake{"port = 70000", "f:1: port: '70000' is not a whole number from 0 to 65535"},
           FileMistake{"port = \"4730\"", "f:1: port must be a whole number from 0 to 65535"},
           FileMistake{"port = 1.5", "f:1: port must be a whole number from 0 to 65535"},
           FileMistake{"\nexceptions = 1", "f:2: exceptions must be true or false"},
           FileMistake{"verbose = 3", "f:1: verbose must be one of DEBUG, INFO, NOTICE"},
           FileMistake{"verbose = \"loud\"", "f:1: verbose: 'loud' is not one of DEBUG"},
           FileMistake{"drain-seconds = \"1\"", "f:1: drain-seconds must be a number of seconds"},
           FileMistake{"drain-seconds = inf", "f:1: drain-seconds: 'inf' is not a number of sec"},
           FileMistake{"listen = [1]", "f:1: listen must be ADDR[:PORT], in quotes, or an array"},
           FileMistake{"listen = []", "f:1: listen must be ADDR[:PORT], in quotes, or an array"},
           FileMistake{"listen = [\"a\", \":1\"]", "f:1: listen: 'a, :1' is not ADDR[:PORT]"},
           FileMistake{"memory-max = true", "f:1: memory-max must be a number of bytes, as 1000,"},
           FileMistake{"unix-socket-mode = 0o660", "f:1: unix-socket-mode must be octal permis"},
           FileMistake{"[limits]\njobs-max = 1", "f:1: limits is no option: there are no tables"},
           FileMistake{"ssl = true", "f:1: ssl: this version of gmand has no TLS"},
           FileMistake{"queue-type = \"drizzle\"", "f:1: queue-type: 'drizzle' is not builtin"},
           FileMistake{"libdrizzle-db = \"x\"", "f:1: libdrizzle-db: this version of gmand has no"},
           FileMistake{"mysql-port = \"3306\"", "f:1: mysql-port must be a whole number from 1 to"},
           FileMistake{"config-file = \"x\"", "f:1: config-file is no option"},
           FileMistake{"port = 1\nport = 2", "f:2: "},
           FileMistake{"a\nport 4730", "f:1: "},
           FileMistake{"--port=70000", "f: --port: '70000' is not a whole number from 0 to 65535"},
           FileMistake{"--ssl", "f: --ssl: this version of gmand has no TLS"},
           FileMistake{"--config-file=x", "f: --config-file=x is no option"},
           FileMistake{"--port 1 @other", "f: @other: a file names no other file"},
           FileMistake{"--port 1 stray", "f: 'stray' is no option"},
       }) {
    const auto read = config::read_text(mistake.text, "f");
    std::string answer;
    if (const auto* wrong = std::get_if<config::Mistake>(&read)) {
      answer = wrong->text;
    } else {
      ServerConfig config;
      for (const auto& setting : std::get<std::vector<config::Setting>>(read)) {
        answer = config::apply(setting, config).value_or(answer);
      }
    }
    EXPECT_THAT(answer, testing::StartsWith(mistake.answer)) << mistake.text;
    EXPECT_EQ(std::ranges::count(answer, '\n'), 0) << answer;
  }
}

TEST(config, gearmands_own_kind_of_file_is_known_by_its_first_dash) {
  const TemporaryFile file("\n  --port=7004 --verbose\nDEBUG -L 10.0.0.1\n--keepalive\r\n");
  const ServerConfig config = accepted({"--config-file", file.path.c_str()});
  EXPECT_EQ(config.port, 7004);
  EXPECT_EQ(config.verbosity, LogLevel::debug);
  EXPECT_THAT(config.listen, ElementsAre(ListenAddress{"10.0.0.1", std::nullopt}));
}

struct QueueCase {
  std::vector<const char*> options;
  const char* store;
  const char* table;  ///< nullptr: none in which gearmand's jobs could be looked for
};

TEST(config, gearmands_queues_are_stores_and_its_tables_are_looked_at) {
  const std::vector<QueueCase> cases = {
      {{"-q", "libsqlite3", "--libsqlite3-db", "/v/g.db"}, "sqlite:/v/g.db.gmand", "gearman_queue"},
      {{"-q", "LibSQLite3", "--libsqlite3-db=g.db", "--libsqlite3-table=T"},
       "sqlite:g.db.gmand",
       "T"},
      {{"--queue-type=Postgres"}, "postgresql:///", "queue"},
      {{"-q", "postgres", "--libpq-conninfo", "host=/tmp  dbname = 'a b' password='it\\'s\\\\'",
        "--libpq-table", "Mine"},
       "postgresql:///?host=%2Ftmp&dbname=a%20b&password=it%27s%5C",
       "mine"},
      {{"-q", "Postgres", "--libpq-conninfo", "postgresql://me@host/db"},
       "postgresql://me@host/db",
       "queue"},
      {{"-q", "MySQL", "--mysql-db", "jobs"}, "mysql://localhost/jobs", "gearman_queue"},
      {{"-q", "mysql", "--mysql-host", "::1", "--mysql-port", "3307", "--mysql-user", "a:b",
        "--mysql-password", "p/w@", "--mysql-db", "j b", "--mysql-table", "T"},
       "mysql://a%3Ab:p%2Fw%40@[::1]:3307/j%20b",
       "T"},
      {{"-q", "redis"}, "redis://127.0.0.1", "_gear_"},
      {{"-q", "redis", "--redis-server", "r", "--redis-port", "1", "--redis-password", "p w"},
       "redis://:p%20w@r:1",
       "_gear_"},
      {{"-q", "redis", "--redis-prefix", "x"}, "redis://127.0.0.1", "x"},
      {{"-q", "libmemcached", "--libmemcached-servers", "a:1,b"}, "memcached://a:1,b", nullptr},
      {{"-q", "builtin"}, "", nullptr},
      {{"-q", "memory"}, "", nullptr},
      {{"--store", "memory:"}, "", nullptr},
      {{"--store", "sqlite:/a"}, "sqlite:/a", nullptr},
      {{"--libsqlite3-db", "/v/g.db"}, "", nullptr},
  };
  for (const QueueCase& one : cases) {
    const config::StorePlace place = accepted(one.options).store_place();
    EXPECT_EQ(place.url, one.store);
    ASSERT_EQ(place.left.has_value(), one.table != nullptr) << one.store;
    EXPECT_EQ(place.left ? place.left->table : "", one.table == nullptr ? "" : one.table);
  }
  const auto left = accepted({"-q", "libsqlite3", "--libsqlite3-db", "/v/g.db"}).store_place().left;
  EXPECT_EQ(left->from, "sqlite:/v/g.db");
}

TEST(config, gearmands_queues_are_known_in_both_kinds_of_files) {
  for (const char* text : {"-q libsqlite3\n--libsqlite3-db=/v/g.db --libsqlite3-table T\n",
                           "queue-type = \"libsqlite3\"\nlibsqlite3-db = \"/v/g.db\"\n"
                           "libsqlite3-table = \"T\"\n"}) {
    const TemporaryFile file(text);
    const ServerConfig config = accepted({"--config-file", file.path.c_str()});
    EXPECT_EQ(config.store_place().url, "sqlite:/v/g.db.gmand");
    EXPECT_EQ(config.store_place().left->table, "T");
  }
  const TemporaryFile file("queue-type = \"MySQL\"\nmysql-db = \"d\"\nmysql-port = 3307\n");
  EXPECT_EQ(accepted({"--config-file", file.path.c_str()}).store_place().url,
            "mysql://localhost:3307/d");
}

TEST(config, check_config_says_which_store_a_queue_is_and_shows_no_password_in_it) {
  const CommandLineEnd first =
      ended({"--check-config", "-q", "MySQL", "--mysql-db", "d", "--mysql-password", "hush"});
  EXPECT_EQ(first.status, 0);
  EXPECT_THAT(first.text, HasSubstr("queue-type = \"MySQL\"\n"));
  EXPECT_THAT(first.text, HasSubstr("mysql-password = \"hush\"\n"));
  EXPECT_THAT(first.text, HasSubstr("# store is not set\n"));
  EXPECT_THAT(first.text,
              HasSubstr("# By its queue-type the store is mysql://:PASSWORD@localhost/d\n"));
  const TemporaryFile file(first.text);
  EXPECT_EQ(ended({"--check-config", "--config-file", file.path.c_str()}).text, first.text);
}

TEST(config, an_option_of_another_queue_is_accepted_and_named_as_unheeded) {
  const ServerConfig config = accepted({"-q", "redis", "--redis-port", "1", "--mysql-db", "d",
                                        "--store-queue-on-shutdown", "--libmemcached-prefix", "x"});
  std::vector<std::string> names;
  for (const config::Unheeded& one : config::unheeded(config)) names.push_back(one.option);
  EXPECT_THAT(names,
              ElementsAre("--mysql-db", "--store-queue-on-shutdown", "--libmemcached-prefix"));
}

TEST(config, a_change_shows_no_password) {
  for (const auto& words :
       {std::vector{"--store", "mysql://u:hush@h/d"}, std::vector{"--mysql-password", "hush"},
        std::vector{"--libpq-conninfo", "password=hush"},
        std::vector{"--redis-password", "hush"}}) {
    ServerConfig config;
    const config::Changes changes = config::change(config, accepted(words));
    EXPECT_THAT(changes.after_restart, testing::Not(HasSubstr("hush")));
    EXPECT_THAT(changes.after_restart, HasSubstr("is another"));
  }
  EXPECT_THAT(ended({"--store", "nosql://u:hush@h/d"}).text, testing::Not(HasSubstr("hush")));
}

TEST(config, a_file_larger_than_a_mebibyte_is_refused) {
  const TemporaryFile largest(std::string(config::file_bytes_max, '\n'));
  EXPECT_EQ(accepted({"--config-file", largest.path.c_str()}).port, 4730);
  const TemporaryFile larger(std::string(config::file_bytes_max + 1, '\n'));
  EXPECT_THAT(ended({"--config-file", larger.path.c_str()}).text,
              HasSubstr(larger.path + ": is larger than 1048576 bytes"));
}

TEST(config, check_config_prints_what_holds_as_a_file_that_means_the_same) {
  const CommandLineEnd first = ended({"--check-config",
                                      "-p",
                                      "1",
                                      "-L",
                                      "::1",
                                      "-L",
                                      "h:2",
                                      "--unix-socket",
                                      "/a\"b\\c",
                                      "--memory-max",
                                      "3G",
                                      "--drain-seconds",
                                      "0.125",
                                      "-j",
                                      "0",
                                      "--keepalive=false",
                                      "-t",
                                      "2",
                                      "--output-bytes-max",
                                      "1001"});
  ASSERT_EQ(first.status, 0);
  for (const char* line :
       {"port = 1\n", "listen = [\"[::1]\", \"h:2\"]\n", "unix-socket = \"/a\\\"b\\\\c\"\n",
        "memory-max = \"3G\"\n", "drain-seconds = 0.125\n", "job-retries = 1\n",
        "keepalive = false\n", "threads = 2\n", "output-bytes-max = 1001\n",
        "# pid-file is not set\n", "output-stall-seconds = 300\n"}) {
    EXPECT_THAT(first.text, HasSubstr(line));
  }
  const TemporaryFile file(first.text);
  EXPECT_EQ(ended({"--check-config", "--config-file", file.path.c_str()}).text, first.text);
}

TEST(config, check_config_and_check_args_refuse_what_a_start_would_refuse) {
  EXPECT_EQ(ended({"--check-config", "-p", "70000"}).status, 2);
  EXPECT_EQ(ended({"--check-args", "-p", "70000"}).status, 2);
  EXPECT_EQ(ended({"--check-args"}).status, 0);
  EXPECT_EQ(ended({"--check-args"}).text, "");
}

TEST(config, a_change_takes_over_what_can_change_live_and_lists_the_rest) {
  ServerConfig config = accepted({"-p", "1"});
  const ServerConfig wanted =
      accepted({"-p", "2", "--drain-seconds", "3", "--verbose", "debug", "--unix-socket", "/s"});
  const config::Changes changes = config::change(config, wanted);
  EXPECT_EQ(changes.live, "verbose \"INFO\" -> \"DEBUG\", drain-seconds 10 -> 3");
  EXPECT_EQ(changes.after_restart, "port 1 -> 2, unix-socket not set -> \"/s\"");
  EXPECT_EQ(config.port, 1);
  EXPECT_EQ(config.drain, milliseconds(3000));
  // What needs a restart is named again each time.
  EXPECT_EQ(config::change(config, wanted).live, "");
  EXPECT_EQ(config::change(config, wanted).after_restart, changes.after_restart);
}

TEST(config, every_option_is_set_and_shown_and_carried_over_by_its_own_row) {
  const std::vector<std::string> samples = {"1",           "40",   "1024",  "true",       "false",
                                            "text",        "json", "0600",  "builtin",    "DEBUG",
                                            "127.0.0.1:1", "fail", "other", "sqlite:jobs"};
  for (const config::Option& option : config::options()) {
    std::size_t changed = 0;
    for (const std::string& sample : samples) {
      ServerConfig config;
      const std::string before = option.field.get(config);
      if (!option.field.set(config, {sample}) || option.field.get(config) == before) continue;
      ++changed;
      ServerConfig other;
      option.field.copy(config, other);
      EXPECT_EQ(option.field.get(other), option.field.get(config)) << option.name;
      for (const config::Option& another : config::options()) {
        if (&another == &option) continue;
        EXPECT_EQ(another.field.get(config), another.field.get(ServerConfig{}))
            << option.name << " sets " << another.name;
      }
    }
    EXPECT_GT(changed, 0u) << option.name;
  }
}

TEST(config, a_unix_socket_path_of_the_systems_limit_is_accepted) {
  const std::string path = "/" + std::string(106, 'a');
  EXPECT_EQ(accepted({"--unix-socket", path.c_str()}).unix_socket, path);
}

TEST(config, help_shows_every_option_with_its_default_and_an_example) {
  const CommandLineEnd help = ended({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const char* part : {"-p,--port N [4730]",
                           "-L,--listen ADDR[:PORT]",
                           "--unix-socket PATH",
                           "--unix-socket-mode MODE [0660]",
                           "--verbose LEVEL [INFO]",
                           "-l,--log-file FILE [stderr]",
                           "--log-format text|json [text]",
                           "-j,--job-retries N [-1]",
                           "--exceptions",
                           "--drain-seconds SECONDS [10]",
                           "--half-packet-seconds SECONDS [60]",
                           "--output-stall-seconds SECONDS [300]",
                           "--output-bytes-max BYTES [256M]",
                           "--memory-max BYTES [0: none]",
                           "--config-file FILE",
                           "--check-config",
                           "-t,--threads N",
                           "-q,--queue-type NAME [builtin]",
                           "--libsqlite3-db FILE",
                           "-h,--help",
                           "-V,--version",
                           "Example: gmand"}) {
    EXPECT_THAT(help.text, HasSubstr(part));
  }
  for (const config::Option& option : config::options()) {
    EXPECT_THAT(help.text, HasSubstr("--" + option.name));
  }
  for (const config::LaterOption& option : config::later_options()) {
    EXPECT_THAT(help.text, testing::Not(HasSubstr("--" + std::string(option.name) + " ")));
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
