// SPDX-License-Identifier: BSD-3-Clause
// Structured log: one event, one line, a constant message and typed fields, as text or as JSON.
//
// Only shells log (server/net, cli, examples): protocol/, server/engine/ and client/fsm/ hand
// values back instead. A Log may be used by one thread at a time, like the loop that owns it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace gman {

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { text, json };

struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;

  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, int v) : name(n), value(std::int64_t{v}) {}
  LogField(std::string_view n, std::int64_t v) : name(n), value(v) {}
  LogField(std::string_view n, std::uint64_t v) : name(n), value(v) {}
  LogField(std::string_view n, std::uint32_t v) : name(n), value(std::uint64_t{v}) {}
  LogField(std::string_view n, double v) : name(n), value(v) {}
  LogField(std::string_view n, bool v) : name(n), value(v) {}
};

/// Where lines may go beside the log's descriptor.
class LogSink {
 public:
  LogSink() = default;
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;
  virtual ~LogSink() = default;
  /// In text format, the line comes without its time and level, which the sink knows how to say.
  virtual void write(LogLevel level, std::string_view line) = 0;
};

class Log {
 public:
  /// Writes to `fd`, which stays the caller's. Lines are written whole, by one write(2) each.
  explicit Log(int fd, LogLevel least = LogLevel::info, LogFormat format = LogFormat::text)
      : fd_(fd), least_(least), format_(format) {}

  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::debug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::info, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::warn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::error, message, fields);
  }

  [[nodiscard]] LogLevel least() const { return least_; }
  void set_least(LogLevel least) { least_ = least; }
  /// After a log file was reopened. The old descriptor is the caller's to close.
  void set_fd(int fd) { fd_ = fd; }
  void set_format(LogFormat format) { format_ = format; }
  /// nullptr: none. It stays the caller's.
  void set_sink(LogSink* sink) { sink_ = sink; }

 private:
  void write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields) const;

  int fd_;
  LogLevel least_;
  LogFormat format_;
  LogSink* sink_ = nullptr;
};

/// "debug", "info", "warn" or "error".
[[nodiscard]] std::string_view to_string(LogLevel level);

/// One log line without its end, for tests and for `Log` itself.
[[nodiscard]] std::string format_log_line(LogFormat format, LogLevel level, std::string_view time,
                                          std::string_view message,
                                          std::initializer_list<LogField> fields);

}  // namespace gman
