// SPDX-License-Identifier: BSD-3-Clause
#include "base/log.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>

namespace gman {
namespace {

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", byte);
      out += escape.data();
    } else {
      out += c;
    }
  }
  out += '"';
}

bool is_plain_word(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

void append_value(std::string& out, LogFormat format, const LogField& field) {
  struct Writer {
    std::string& out;
    LogFormat format;
    void operator()(std::string_view v) const {
      if (format == LogFormat::text && is_plain_word(v)) {
        out += v;
      } else {
        append_json_string(out, v);
      }
    }
    void operator()(std::int64_t v) const { out += std::to_string(v); }
    void operator()(std::uint64_t v) const { out += std::to_string(v); }
    void operator()(double v) const {
      std::array<char, 32> text{};
      std::snprintf(text.data(), text.size(), "%.6g", v);
      out += text.data();
    }
    void operator()(bool v) const { out += v ? "true" : "false"; }
  };
  std::visit(Writer{out, format}, field.value);
}

void append_text_event(std::string& line, std::string_view message,
                       std::initializer_list<LogField> fields) {
  line += message;
  for (const LogField& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    append_value(line, LogFormat::text, field);
  }
}

std::string utc_now() {
  std::timespec now{};
  std::timespec_get(&now, TIME_UTC);
  std::tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ",
                parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                parts.tm_sec, now.tv_nsec / 1'000'000);
  return text.data();
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warn: return "warn";
    case LogLevel::error: return "error";
  }
  return "unknown";
}

std::string format_log_line(LogFormat format, LogLevel level, std::string_view time,
                            std::string_view message, std::initializer_list<LogField> fields) {
  std::string line;
  if (format == LogFormat::json) {
    line += R"({"time":")";
    line += time;
    line += R"(","level":")";
    line += to_string(level);
    line += R"(","message":)";
    append_json_string(line, message);
    for (const LogField& field : fields) {
      line += ',';
      append_json_string(line, field.name);
      line += ':';
      append_value(line, format, field);
    }
    line += '}';
    return line;
  }
  line += time;
  line += ' ';
  line += to_string(level);
  line += ' ';
  append_text_event(line, message, fields);
  return line;
}

void Log::write(LogLevel level, std::string_view message,
                std::initializer_list<LogField> fields) const {
  if (level < least_) return;
  std::string line = format_log_line(format_, level, utc_now(), message, fields);
  line += '\n';
  // A log that cannot be written must not stop the work that it speaks of.
  [[maybe_unused]] const auto written = ::write(fd_, line.data(), line.size());
  if (sink_ == nullptr) return;
  if (format_ == LogFormat::json) {
    line.pop_back();
  } else {
    line.clear();
    append_text_event(line, message, fields);
  }
  sink_->write(level, line);
}

}  // namespace gman
