// SPDX-License-Identifier: BSD-3-Clause
#include "server/config/gearmand_queue.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

namespace gman::config {
namespace {

using Type = GearmandQueue::Type;
using Place = std::variant<StorePlace, std::string>;

constexpr std::array<std::pair<Type, std::string_view>, 6> names{{
    {Type::builtin, "builtin"},
    {Type::libsqlite3, "libsqlite3"},
    {Type::postgres, "Postgres"},
    {Type::mysql, "MySQL"},
    {Type::redis, "redis"},
    {Type::libmemcached, "libmemcached"},
}};

constexpr std::array<std::pair<std::string_view, Type>, 5> option_prefixes{{
    {"libsqlite3-", Type::libsqlite3},
    {"libpq-", Type::postgres},
    {"mysql-", Type::mysql},
    {"redis-", Type::redis},
    {"libmemcached-", Type::libmemcached},
}};

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

std::string or_else(const std::string& text, const char* otherwise) {
  return text.empty() ? otherwise : text;
}

/// As a part of a URL.
std::string encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos) {
      result += c;
    } else {
      result.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
  }
  return result;
}

/// nullopt: it is none, and would be read as another part of the URL.
std::optional<std::string> host_in_url(const std::string& host) {
  const bool is_host = std::ranges::all_of(host, [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("-._:").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (!is_host) return std::nullopt;
  return host.find(':') == host.npos ? host : "[" + host + "]";
}

/// "host=/tmp dbname='a b'": the words of libpq's connection strings, their values without quotes
/// and backslashes. nullopt: libpq would not take it either.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_conninfo(
    std::string_view text) {
  std::vector<std::pair<std::string, std::string>> words;
  std::size_t at = 0;
  const auto skip_blanks = [&] {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])) != 0) ++at;
  };
  for (skip_blanks(); at < text.size(); skip_blanks()) {
    std::string key, value;
    while (at < text.size() && text[at] != '=' &&
           std::isspace(static_cast<unsigned char>(text[at])) == 0) {
      key += text[at++];
    }
    skip_blanks();
    if (key.empty() || at == text.size() || text[at++] != '=') return std::nullopt;
    skip_blanks();
    const bool is_quoted = at < text.size() && text[at] == '\'';
    if (is_quoted) ++at;
    const auto goes_on = [&] {
      if (at == text.size()) return false;
      return is_quoted ? text[at] != '\'' : std::isspace(static_cast<unsigned char>(text[at])) == 0;
    };
    while (goes_on()) {
      if (text[at] == '\\' && at + 1 < text.size()) ++at;
      value += text[at++];
    }
    if (is_quoted && (at == text.size() || text[at++] != '\'')) return std::nullopt;
    words.emplace_back(std::move(key), std::move(value));
  }
  return words;
}

Place sqlite_place(const GearmandQueue& queue) {
  if (queue.sqlite_file.empty()) return "--queue-type libsqlite3 wants --libsqlite3-db FILE";
  // Beside gearmand's file and not in it: our store may replace its file, and is made to.
  return StorePlace{.url = "sqlite:" + queue.sqlite_file + ".gmand",
                    .left = LeftQueuePlace{"sqlite:" + queue.sqlite_file,
                                           or_else(queue.sqlite_table, "gearman_queue")}};
}

Place postgres_place(const GearmandQueue& queue) {
  std::string url = queue.postgres_conninfo;
  if (!url.starts_with("postgresql://") && !url.starts_with("postgres://")) {
    const auto words = parse_conninfo(queue.postgres_conninfo);
    if (!words) return "--libpq-conninfo is not KEYWORD=VALUE … as libpq takes it, and no URL";
    url = "postgresql:///";
    for (const auto& [key, value] : *words) {
      url += url.ends_with('/') ? '?' : '&';
      url += encoded(key) + "=" + encoded(value);
    }
  }
  // gearmand does not quote it, so PostgreSQL has it in small letters.
  return StorePlace{.url = url,
                    .left = LeftQueuePlace{url, lower(or_else(queue.postgres_table, "queue"))}};
}

Place mysql_place(const GearmandQueue& queue) {
  if (queue.mysql_database.empty()) return "--queue-type MySQL wants --mysql-db NAME";
  const auto host = host_in_url(or_else(queue.mysql_host, "localhost"));
  if (!host) return "--mysql-host: '" + queue.mysql_host + "' is no host";
  std::string url = "mysql://";
  if (!queue.mysql_user.empty() || !queue.mysql_password.empty()) {
    url += encoded(queue.mysql_user);
    if (!queue.mysql_password.empty()) url += ":" + encoded(queue.mysql_password);
    url += "@";
  }
  url += *host;
  if (queue.mysql_port) url += ":" + std::to_string(*queue.mysql_port);
  url += "/" + encoded(queue.mysql_database);
  return StorePlace{.url = url,
                    .left = LeftQueuePlace{url, or_else(queue.mysql_table, "gearman_queue")}};
}

Place redis_place(const GearmandQueue& queue) {
  const auto host = host_in_url(or_else(queue.redis_host, "127.0.0.1"));
  if (!host) return "--redis-server: '" + queue.redis_host + "' is no host";
  std::string url = "redis://";
  if (!queue.redis_password.empty()) url += ":" + encoded(queue.redis_password) + "@";
  url += *host;
  if (queue.redis_port) url += ":" + std::to_string(*queue.redis_port);
  return StorePlace{.url = url, .left = LeftQueuePlace{url, or_else(queue.redis_prefix, "_gear_")}};
}

Place memcached_place(const GearmandQueue& queue) {
  if (queue.memcached_servers.empty()) {
    return "--queue-type libmemcached wants --libmemcached-servers HOST[:PORT][,…]";
  }
  return StorePlace{.url = "memcached://" + queue.memcached_servers, .left = std::nullopt};
}

}  // namespace

std::optional<Type> parse_queue_type(std::string_view name) {
  if (lower(name) == "memory") return Type::builtin;
  for (const auto& [type, spelt] : names) {
    if (lower(name) == lower(spelt)) return type;
  }
  return std::nullopt;
}

std::string_view name_of(Type type) {
  return std::ranges::find(names, type, &std::pair<Type, std::string_view>::first)->second;
}

std::optional<Type> queue_of_option(std::string_view name) {
  for (const auto& [prefix, type] : option_prefixes) {
    if (name.starts_with(prefix)) return type;
  }
  return std::nullopt;
}

Place store_place(const GearmandQueue& queue) {
  if (!queue.type) return StorePlace{};
  switch (*queue.type) {
    case Type::builtin: return StorePlace{};
    case Type::libsqlite3: return sqlite_place(queue);
    case Type::postgres: return postgres_place(queue);
    case Type::mysql: return mysql_place(queue);
    case Type::redis: return redis_place(queue);
    case Type::libmemcached: return memcached_place(queue);
  }
  return StorePlace{};
}

}  // namespace gman::config
