// SPDX-License-Identifier: BSD-3-Clause
#include "server/config/option.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>

#include "base/secret.hpp"
#include "server/config/value.hpp"

namespace gman::config {
namespace {

constexpr std::string_view listening = "Listening";
constexpr std::string_view service = "Service";
constexpr std::string_view log = "Log";
constexpr std::string_view jobs = "Jobs";
constexpr std::string_view limits = "Limits";
constexpr std::string_view queues = "The store, by gearmand's names";
constexpr std::string_view accepted = "Accepted for gearmand's sake";

// Linux's own bounds of these two.
constexpr std::int64_t keepalive_seconds_max = 32'767;
constexpr std::int64_t keepalive_count_max = 127;
constexpr std::int64_t descriptors_min = 32;
constexpr std::int64_t backlog_max = 65'535;
// A shorter packet could not even carry the longest names.
constexpr std::int64_t packet_bytes_min = 1024;
// With the time of the start and the number, a handle then has at most handle_bytes_max.
constexpr std::size_t handle_prefix_bytes_max = 30;

using Values = std::vector<std::string>;

template <auto field>
void copy_field(const ServerConfig& from, ServerConfig& to) {
  to.*field = from.*field;
}

template <auto field, std::int64_t least, std::int64_t most>
Field integer() {
  return {
      Kind::integer, "a whole number from " + std::to_string(least) + " to " + std::to_string(most),
      [](ServerConfig& config, const Values& values) {
        const auto number = parse_integer(values[0]);
        if (!number || *number < least || *number > most) return false;
        using Number = std::remove_reference_t<decltype(config.*field)>;
        config.*field = static_cast<Number>(*number);
        return true;
      },
      [](const ServerConfig& config) { return std::to_string(config.*field); }, copy_field<field>};
}

// -1 is the system's figure.
template <auto field, std::int64_t most>
Field keepalive_figure() {
  Field row = integer<field, -1, most>();
  row.allowed = "-1 or a whole number from 1 to " + std::to_string(most);
  row.set = [](ServerConfig& config, const Values& values) {
    return values[0] != "0" && integer<field, -1, most>().set(config, values);
  };
  return row;
}

// Kept so that the log can say that it has no effect.
template <auto field, std::int64_t least>
Field without_effect() {
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  Field row = {Kind::integer,
               "a whole number from " + std::to_string(least) + " to " + std::to_string(most),
               [](ServerConfig& config, const Values& values) {
                 const auto number = parse_integer(values[0]);
                 if (!number || *number < least || *number > most) return false;
                 config.*field = number;
                 return true;
               },
               [](const ServerConfig& config) {
                 return config.*field ? std::to_string(*(config.*field)) : std::string{};
               },
               copy_field<field>};
  return row;
}

template <auto field>
Field bytes() {
  return {Kind::bytes, "a number of bytes, as 1000, 512M or 4G",
          [](ServerConfig& config, const Values& values) {
            const auto count = parse_bytes(values[0]);
            if (count) config.*field = *count;
            return count.has_value();
          },
          [](const ServerConfig& config) { return toml_bytes(config.*field); }, copy_field<field>};
}

template <auto field>
Field seconds() {
  return {Kind::seconds, "a number of seconds, from 0 to a year",
          [](ServerConfig& config, const Values& values) {
            const auto length = parse_seconds(values[0]);
            if (length) config.*field = *length;
            return length.has_value();
          },
          [](const ServerConfig& config) { return toml_seconds(config.*field); },
          copy_field<field>};
}

template <auto field>
Field flag() {
  return {Kind::flag, "true or false",
          [](ServerConfig& config, const Values& values) {
            const auto value = parse_boolean(values[0]);
            if (value) config.*field = *value;
            return value.has_value();
          },
          [](const ServerConfig& config) { return toml_boolean(config.*field); },
          copy_field<field>};
}

// Text that must not be empty; when it is, nobody has set it.
template <auto field>
Field text(std::string what) {
  return {Kind::text, std::move(what),
          [](ServerConfig& config, const Values& values) {
            config.*field = values[0];
            return !values[0].empty();
          },
          [](const ServerConfig& config) {
            return (config.*field).empty() ? std::string{} : toml_string(config.*field);
          },
          copy_field<field>};
}

Field listen_addresses() {
  return {Kind::list, "ADDR[:PORT]",
          [](ServerConfig& config, const Values& values) {
            config.listen.clear();
            for (const std::string& value : values) {
              auto address = parse_listen_address(value);
              if (!address) return false;
              config.listen.push_back(std::move(*address));
            }
            return true;
          },
          [](const ServerConfig& config) {
            if (config.listen.empty()) return std::string{};
            std::string list;
            for (const ListenAddress& address : config.listen) {
              const bool is_v6 = address.host.find(':') != std::string::npos;
              std::string whole = is_v6 ? "[" + address.host + "]" : address.host;
              if (address.port) whole += ":" + std::to_string(*address.port);
              list += (list.empty() ? "[" : ", ") + toml_string(whole);
            }
            return list + "]";
          },
          copy_field<&ServerConfig::listen>};
}

Field function_names() {
  return {Kind::list,
          "names of functions, of 1 to " + std::to_string(function_bytes_max) + " bytes",
          [](ServerConfig& config, const Values& values) {
            config.memory_functions = values;
            return std::ranges::all_of(values, [](const std::string& name) {
              return !name.empty() && name.size() <= function_bytes_max;
            });
          },
          [](const ServerConfig& config) {
            std::string list;
            for (const std::string& name : config.memory_functions) {
              list += (list.empty() ? "[" : ", ") + toml_string(name);
            }
            return list.empty() ? list : list + "]";
          },
          copy_field<&ServerConfig::memory_functions>};
}

// Only the scheme: whether the place is good is known when it is opened.
Field store_url() {
  Field row = text<&ServerConfig::store>(
      "memory:, sqlite:PATH, postgresql://…, mysql://…, redis://… or memcached://…");
  row.set = [](ServerConfig& config, const Values& values) {
    config.store = values[0];
    constexpr std::array<std::string_view, 8> schemes{
        "sqlite:",    "postgresql://", "postgres://",   "mysql://",
        "mariadb://", "redis://",      "redis+unix://", "memcached://"};
    return config.store == "memory:" || std::ranges::any_of(schemes, [&](std::string_view scheme) {
             return config.store.starts_with(scheme) && config.store.size() > scheme.size();
           });
  };
  row.is_secret = true;
  return row;
}

Field socket_mode() {
  return {Kind::text, "octal permissions, 0000 to 0777",
          [](ServerConfig& config, const Values& values) {
            const auto mode = parse_mode(values[0]);
            if (mode) config.unix_socket_mode = *mode;
            return mode.has_value();
          },
          [](const ServerConfig& config) { return toml_mode(config.unix_socket_mode); },
          copy_field<&ServerConfig::unix_socket_mode>};
}

Field verbosity() {
  return {Kind::text, "one of DEBUG, INFO, NOTICE, WARNING, ERROR, CRITICAL, ALERT and FATAL",
          [](ServerConfig& config, const Values& values) {
            const auto level = parse_verbosity(values[0]);
            if (level) config.verbosity = *level;
            return level.has_value();
          },
          [](const ServerConfig& config) { return toml_string(verbosity_name(config.verbosity)); },
          copy_field<&ServerConfig::verbosity>};
}

Field log_format() {
  return {Kind::text, "text or json",
          [](ServerConfig& config, const Values& values) {
            config.log_format = values[0] == "json" ? LogFormat::json : LogFormat::text;
            return values[0] == "json" || values[0] == "text";
          },
          [](const ServerConfig& config) {
            return toml_string(config.log_format == LogFormat::json ? "json" : "text");
          },
          copy_field<&ServerConfig::log_format>};
}

// 2.0's meaning: -1 is no limit, and 0 and 1 are both one attempt.
Field job_retries() {
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  return {Kind::integer, "a whole number from -1 to " + std::to_string(most),
          [](ServerConfig& config, const Values& values) {
            const auto number = parse_integer(values[0]);
            if (!number || *number < -1 || *number > most) return false;
            config.attempts_max =
                *number == -1 ? 0 : static_cast<std::uint32_t>(std::max<std::int64_t>(*number, 1));
            return true;
          },
          [](const ServerConfig& config) {
            return config.attempts_max == 0 ? "-1" : std::to_string(config.attempts_max);
          },
          copy_field<&ServerConfig::attempts_max>};
}

Field timeout_action() {
  return {Kind::text, "requeue or fail",
          [](ServerConfig& config, const Values& values) {
            const bool fails = values[0] == "fail";
            config.timeout_action = fails ? TimeoutAction::fail : TimeoutAction::requeue;
            return fails || values[0] == "requeue";
          },
          [](const ServerConfig& config) {
            return toml_string(config.timeout_action == TimeoutAction::fail ? "fail" : "requeue");
          },
          copy_field<&ServerConfig::timeout_action>};
}

// Handles are words of the admin protocol.
Field handle_prefix_text() {
  Field row =
      text<&ServerConfig::job_handle_prefix>("1 to " + std::to_string(handle_prefix_bytes_max) +
                                             " printable characters of ASCII without blanks");
  row.set = [](ServerConfig& config, const Values& values) {
    config.job_handle_prefix = values[0];
    return !values[0].empty() && values[0].size() <= handle_prefix_bytes_max &&
           std::ranges::all_of(values[0], [](char c) { return c > ' ' && c <= '~'; });
  };
  return row;
}

// The others are refused by name, since jobs that were to be kept must not be kept in memory.
Field queue_type() {
  return {Kind::text,
          "builtin (or its other name, memory), libsqlite3, Postgres, MySQL, redis or libmemcached",
          [](ServerConfig& config, const Values& values) {
            config.queue.type = parse_queue_type(values[0]);
            return config.queue.type.has_value();
          },
          [](const ServerConfig& config) {
            return config.queue.type ? toml_string(name_of(*config.queue.type)) : std::string{};
          },
          [](const ServerConfig& from, ServerConfig& to) { to.queue.type = from.queue.type; }};
}

// Of one of gearmand's queues. What must be there is known when they are all read.
template <auto field>
Field queue_text(std::string what) {
  return {Kind::text, std::move(what),
          [](ServerConfig& config, const Values& values) {
            config.queue.*field = values[0];
            return true;
          },
          [](const ServerConfig& config) {
            const std::string& value = config.queue.*field;
            return value.empty() ? std::string{} : toml_string(value);
          },
          [](const ServerConfig& from, ServerConfig& to) { to.queue.*field = from.queue.*field; }};
}

template <auto field>
Field queue_secret(std::string what) {
  Field row = queue_text<field>(std::move(what));
  row.is_secret = true;
  return row;
}

template <auto field>
Field queue_port() {
  constexpr std::int64_t most = 65'535;
  return {Kind::integer, "a whole number from 1 to " + std::to_string(most),
          [](ServerConfig& config, const Values& values) {
            const auto number = parse_integer(values[0]);
            if (!number || *number < 1 || *number > most) return false;
            config.queue.*field = number;
            return true;
          },
          [](const ServerConfig& config) {
            const auto& port = config.queue.*field;
            return port ? std::to_string(*port) : std::string{};
          },
          [](const ServerConfig& from, ServerConfig& to) { to.queue.*field = from.queue.*field; }};
}

Field store_at_shutdown() {
  return {Kind::flag, "true or false",
          [](ServerConfig& config, const Values& values) {
            config.queue.stores_at_shutdown = parse_boolean(values[0]);
            return config.queue.stores_at_shutdown.has_value();
          },
          [](const ServerConfig& config) {
            const auto& value = config.queue.stores_at_shutdown;
            return value ? toml_boolean(*value) : std::string{};
          },
          [](const ServerConfig& from, ServerConfig& to) {
            to.queue.stores_at_shutdown = from.queue.stores_at_shutdown;
          }};
}

Field round_robin() {
  return {Kind::flag, "true: it is always on",
          [](ServerConfig& config, const Values& values) {
            config.round_robin = parse_boolean(values[0]);
            return config.round_robin == true;
          },
          [](const ServerConfig& config) {
            return config.round_robin ? toml_boolean(*config.round_robin) : std::string{};
          },
          copy_field<&ServerConfig::round_robin>};
}

std::vector<Option> make_options() {
  using C = ServerConfig;
  using Q = GearmandQueue;
  constexpr std::int64_t u32_max = std::numeric_limits<std::uint32_t>::max();
  const auto in = [](std::string_view group) { return std::string(group); };
  return {
      {"port", 'p', in(listening), "N [4730]", "TCP port; 0 takes a free one and logs it",
       When::restart, integer<&C::port, 0, 65'535>()},
      {"listen", 'L', in(listening), "ADDR[:PORT] [127.0.0.1 and ::1]",
       "Address to listen on, maybe with a port of its own;\nmay be given several times",
       When::restart, listen_addresses()},
      {"backlog", 'b', in(listening), "N [4096]", "Connections that may wait to be let in",
       When::live, integer<&C::backlog, 1, backlog_max>()},
      {"unix-socket", 0, in(listening), "PATH",
       "Listen on a Unix socket as well;\nonly there is the admin command `shutdown` obeyed",
       When::restart, text<&C::unix_socket>("a path")},
      {"unix-socket-mode", 0, in(listening), "MODE [0660]", "Its permissions, octal", When::restart,
       socket_mode()},
      {"keepalive", 0, in(listening), "", "TCP keepalive; on unless --keepalive=false", When::live,
       flag<&C::keepalive>()},
      {"keepalive-idle", 0, in(listening), "SECONDS [-1]",
       "Silence before the first probe; -1: the system's", When::live,
       keepalive_figure<&C::keepalive_idle_seconds, keepalive_seconds_max>()},
      {"keepalive-interval", 0, in(listening), "SECONDS [-1]",
       "Time between probes; -1: the system's", When::live,
       keepalive_figure<&C::keepalive_interval_seconds, keepalive_seconds_max>()},
      {"keepalive-count", 0, in(listening), "N [-1]",
       "Probes before the connection is given up;\n-1: the system's", When::live,
       keepalive_figure<&C::keepalive_count, keepalive_count_max>()},

      {"daemon", 'd', in(service), "",
       "Go on in the background once clients can connect;\nlogs to syslog unless told otherwise",
       When::restart, flag<&C::daemon>()},
      {"user", 'u', in(service), "NAME", "Become this user once the sockets are open (root only)",
       When::restart, text<&C::user>("a name")},
      {"pid-file", 'P', in(service), "FILE", "Write the process id there, and lock it",
       When::restart, text<&C::pid_file>("a path")},
      {"file-descriptors", 'f', in(service), "N [as many as allowed]",
       "Descriptors the process may have", When::restart,
       [] {
         Field row = integer<&C::file_descriptors, descriptors_min, 1 << 30>();
         row.get = [](const ServerConfig& config) {
           return config.file_descriptors == 0 ? "" : std::to_string(config.file_descriptors);
         };
         return row;
       }()},
      {"coredump", 0, in(service), "", "Leave a core file after a crash", When::restart,
       flag<&C::coredump>()},

      {"verbose", 0, in(log), "LEVEL [INFO]",
       "Least level that is logged:\nERROR, WARNING, INFO or DEBUG", When::live, verbosity()},
      {"log-file", 'l', in(log), "FILE [stderr]",
       "A path, `stderr` or `none`; SIGHUP opens a path again", When::live,
       text<&C::log_file>("a path, stderr or none")},
      {"log-format", 0, in(log), "text|json [text]", "One event a line, as text or as JSON",
       When::live, log_format()},
      {"syslog", 0, in(log), "", "Log to syslog; to the log file too if one is named", When::live,
       flag<&C::syslog>()},
      {"syslog-socket", 0, in(log), "PATH [/dev/log]", "Where syslog listens", When::live,
       text<&C::syslog_socket>("a path")},

      {"job-retries", 'j', in(jobs), "N [-1]",
       "Attempts a job gets when its workers die\nbefore it fails; -1 sets no limit", When::live,
       job_retries()},
      {"timeout-action", 0, in(jobs), "requeue|fail [requeue]",
       "What becomes of a job that runs longer than its\n"
       "worker promised: another attempt, or WORK_FAIL",
       When::live, timeout_action()},
      {"exceptions", 0, in(jobs), "",
       "Send WORK_EXCEPTION to all clients,\nnot only to those who asked for it", When::live,
       flag<&C::exceptions_for_all>()},
      {"job-handle-prefix", 0, in(jobs), "TEXT [H:host]", "Handles begin with it", When::restart,
       handle_prefix_text()},
      {"drain-seconds", 0, in(jobs), "SECONDS [10]", "How long SIGTERM waits for running jobs",
       When::live, seconds<&C::drain>()},
      {"store", 0, in(jobs), "URL [memory:]",
       "Where background jobs outlive the process: sqlite:PATH,\n"
       "postgresql://…, mysql://…, redis://…, memcached://…;\n"
       "JOB_CREATED then means that the job is stored",
       When::restart, store_url()},
      {"memory-function", 0, in(jobs), "NAME",
       "Jobs of this function are kept in memory only;\nmay be given several times", When::live,
       function_names()},
      {"workload-memory-max", 0, in(jobs), "BYTES [1G]",
       "Workloads that stay in memory although the\nstore has them; the rest is read when needed.\n"
       "0: all of them stay",
       When::live, bytes<&C::workload_memory_bytes_max>()},
      {"store-patience-seconds", 0, in(jobs), "SECONDS [10]",
       "How long clients wait for a store that fails\nbefore they are told so", When::live,
       seconds<&C::store_patience>()},

      {"unique-window-seconds", 0, in(jobs), "SECONDS [600]",
       "How long what gman-relay sends again is\nrecognised after its job has ended; 0: not",
       When::live, seconds<&C::unique_window>()},
      {"unique-window-max", 0, in(jobs), "N [1000000]", "How many such jobs are remembered",
       When::live, integer<&C::unique_window_max, 0, 100'000'000>()},

      {"queue-type", 'q', in(queues), "NAME [builtin]",
       "Where background jobs outlive the process, by gearmand's\n"
       "names: libsqlite3, Postgres, MySQL, redis, libmemcached,\n"
       "or builtin for memory; not together with --store",
       When::restart, queue_type()},
      {"libsqlite3-db", 0, in(queues), "FILE", "gearmand's file; the store is FILE.gmand",
       When::restart, queue_text<&Q::sqlite_file>("a path")},
      {"libsqlite3-table", 0, in(queues), "NAME [gearman_queue]",
       "gearmand's table, where its jobs are looked for", When::restart,
       queue_text<&Q::sqlite_table>("a name")},
      {"libpq-conninfo", 0, in(queues), "TEXT", "PostgreSQL, as libpq takes it", When::restart,
       queue_secret<&Q::postgres_conninfo>("text")},
      {"libpq-table", 0, in(queues), "NAME [queue]",
       "gearmand's table, where its jobs are looked for", When::restart,
       queue_text<&Q::postgres_table>("a name")},
      {"mysql-host", 0, in(queues), "HOST [localhost]", "MySQL or MariaDB", When::restart,
       queue_text<&Q::mysql_host>("a host")},
      {"mysql-port", 0, in(queues), "N [3306]", "Its port", When::restart,
       queue_port<&Q::mysql_port>()},
      {"mysql-user", 0, in(queues), "NAME", "Whom to be there", When::restart,
       queue_text<&Q::mysql_user>("a name")},
      {"mysql-password", 0, in(queues), "TEXT", "With this password", When::restart,
       queue_secret<&Q::mysql_password>("text")},
      {"mysql-db", 0, in(queues), "NAME", "The database", When::restart,
       queue_text<&Q::mysql_database>("a name")},
      {"mysql-table", 0, in(queues), "NAME [gearman_queue]",
       "gearmand's table, where its jobs are looked for", When::restart,
       queue_text<&Q::mysql_table>("a name")},
      {"redis-server", 0, in(queues), "HOST [127.0.0.1]", "Redis", When::restart,
       queue_text<&Q::redis_host>("a host")},
      {"redis-port", 0, in(queues), "N [6379]", "Its port", When::restart,
       queue_port<&Q::redis_port>()},
      {"redis-password", 0, in(queues), "TEXT", "With this password", When::restart,
       queue_secret<&Q::redis_password>("text")},
      {"redis-prefix", 0, in(queues), "TEXT [_gear_]",
       "gearmand's keys, among which its jobs are looked for", When::restart,
       queue_text<&Q::redis_prefix>("text")},
      {"libmemcached-servers", 0, in(queues), "HOST[:PORT][,...]", "memcached", When::restart,
       queue_text<&Q::memcached_servers>("HOST[:PORT], maybe several with commas")},

      {"jobs-max", 0, in(limits), "N [0: none]", "Jobs that may wait, all functions together",
       When::live, integer<&C::jobs_max, 0, std::numeric_limits<std::int64_t>::max()>()},
      {"queue-max", 0, in(limits), "N [0: none]",
       "Jobs of one function that may wait, where\nthe admin command `maxqueue` says nothing",
       When::live, integer<&C::queue_max, 0, u32_max>()},
      {"memory-max", 0, in(limits), "BYTES [0: none]", "Memory of jobs, as 512M or 4G", When::live,
       bytes<&C::memory_bytes_max>()},
      {"connections-max", 0, in(limits), "N [0: none]",
       "Connections; the Unix socket has room for 16 more", When::live,
       integer<&C::connections_max, 0, u32_max>()},
      {"packet-bytes-max", 0, in(limits), "BYTES [67174400]",
       "Size of a packet's body; that is the protocol's limit", When::live,
       [] {
         Field row = bytes<&C::packet_bytes_max>();
         row.allowed = "a number of bytes from " + std::to_string(packet_bytes_min) + " to " +
                       std::to_string(body_bytes_max);
         row.set = [](ServerConfig& config, const Values& values) {
           const auto count = parse_bytes(values[0]);
           if (!count || *count < packet_bytes_min || *count > body_bytes_max) return false;
           config.packet_bytes_max = static_cast<std::uint32_t>(*count);
           return true;
         };
         return row;
       }()},
      {"output-bytes-max", 0, in(limits), "BYTES [256M]",
       "Close a connection that leaves more output\nthan this unread", When::live,
       bytes<&C::output_bytes_max>()},
      {"output-stall-seconds", 0, in(limits), "SECONDS [300]",
       "Close a connection that reads nothing\nof its output for so long", When::live,
       seconds<&C::output_stall>()},
      {"half-packet-seconds", 0, in(limits), "SECONDS [60]",
       "Close a connection whose half-sent packet\ndoes not go on for so long", When::live,
       seconds<&C::half_packet>()},

      {"threads", 't', in(accepted), "N", "one thread does all the work", When::nothing,
       without_effect<&C::threads, 0>()},
      {"worker-wakeup", 'w', in(accepted), "N",
       "as many sleeping workers are woken as there are jobs", When::nothing,
       without_effect<&C::worker_wakeup, 0>()},
      {"round-robin", 'R', in(accepted), "", "a worker's functions always take turns",
       When::nothing, round_robin()},
      {"hashtable-buckets", 0, in(accepted), "N", "tables grow and shrink with the backlog",
       When::nothing, without_effect<&C::hashtable_buckets, 1>()},
      {"store-queue-on-shutdown", 0, in(accepted), "",
       "jobs are stored before they are acknowledged", When::nothing, store_at_shutdown()},
      {"libmemcached-prefix", 0, in(accepted), "TEXT",
       "gmand's keys begin with gmand:", When::nothing, queue_text<&Q::memcached_prefix>("text")},
  };
}

// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({replaced, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

const std::vector<Option>& options() {
  static const std::vector<Option> table = make_options();
  return table;
}

const Option* find_option(std::string_view name) {
  const auto found = std::ranges::find(options(), name, &Option::name);
  return found == options().end() ? nullptr : &*found;
}

std::string_view nearest_name(std::string_view name) {
  return std::ranges::min_element(
             options(), {}, [name](const Option& option) { return distance(name, option.name); })
      ->name;
}

const std::vector<LaterOption>& later_options() {
  static const std::vector<LaterOption> table = [] {
    constexpr std::string_view no_http = "does not speak HTTP";
    constexpr std::string_view no_tls = "has no TLS";
    constexpr std::string_view no_store = "has no such store; --store URL lists those that it has";
    std::vector<LaterOption> rows = {
        {"protocol", 'r', no_http}, {"http-port", 0, no_http},      {"ssl", 0, no_tls},
        {"ssl-ca-file", 0, no_tls}, {"ssl-certificate", 0, no_tls}, {"ssl-key", 0, no_tls},
    };
    for (const std::string_view name :
         {"libtokyocabinet-file", "libtokyocabinet-optimize", "libdrizzle-host", "libdrizzle-port",
          "libdrizzle-uds", "libdrizzle-user", "libdrizzle-password", "libdrizzle-db",
          "libdrizzle-table", "libdrizzle-mysql"}) {
      rows.push_back({name, 0, no_store});
    }
    return rows;
  }();
  return table;
}

std::optional<std::string> apply(const Setting& setting, ServerConfig& config) {
  if (setting.option->field.set(config, setting.values)) return std::nullopt;
  std::string given;
  for (const std::string& value : setting.values) given += (given.empty() ? "" : ", ") + value;
  if (setting.option->field.is_secret) given = without_password(given);
  return setting.where + ": '" + given + "' is not " + setting.option->field.allowed;
}

}  // namespace gman::config
