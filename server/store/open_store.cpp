// SPDX-License-Identifier: BSD-3-Clause
#include <string>

#include "server/store/store.hpp"

#ifdef GMAN_STORE_MEMCACHED
#include "server/store/memcached/memcached_store.hpp"
#endif
#ifdef GMAN_STORE_REDIS
#include "server/store/redis/redis_store.hpp"
#endif
#ifdef GMAN_STORE_SQLITE
#include "server/store/sqlite/sqlite_store.hpp"
#endif
#ifdef GMAN_STORE_MYSQL
#include "server/store/mysql/mysql_store.hpp"
#endif
#ifdef GMAN_STORE_POSTGRES
#include "server/store/postgres/postgres_store.hpp"
#endif

namespace gman {
namespace {

StoreFault refused(std::string text) {
  return {StoreFault::Kind::refused, std::move(text)};
}

OpenedStore open_sqlite([[maybe_unused]] std::string_view path) {
  if (path.empty()) return refused("sqlite: names no file: write sqlite:/path/to/file");
#ifdef GMAN_STORE_SQLITE
  return std::make_unique<SqliteStore>(std::string(path));
#else
  return refused("this gmand was built without SQLite");
#endif
}

OpenedStore open_redis([[maybe_unused]] std::string_view url) {
#ifdef GMAN_STORE_REDIS
  auto address = redis::parse_address(url);
  if (auto* wrong = std::get_if<std::string>(&address)) return refused(std::move(*wrong));
  return std::make_unique<RedisStore>(std::get<redis::Address>(std::move(address)));
#else
  return refused("this gmand was built without Redis");
#endif
}

OpenedStore open_postgres([[maybe_unused]] std::string_view url) {
#ifdef GMAN_STORE_POSTGRES
  return open_postgres_store(std::string(url));
#else
  return refused("this gmand was built without PostgreSQL's libpq");
#endif
}

OpenedStore open_mysql([[maybe_unused]] std::string_view url) {
#ifdef GMAN_STORE_MYSQL
  return open_mysql_store(url);
#else
  return refused("this gmand was built without libmariadb, which it reaches MySQL and MariaDB by");
#endif
}

OpenedStore open_memcached([[maybe_unused]] std::string_view url) {
#ifdef GMAN_STORE_MEMCACHED
  auto servers = memcached::parse_servers(url);
  if (auto* wrong = std::get_if<std::string>(&servers)) return refused(std::move(*wrong));
  return std::make_unique<MemcachedStore>(
      std::get<std::vector<memcached::Server>>(std::move(servers)));
#else
  return refused("this gmand was built without memcached");
#endif
}

}  // namespace

OpenedStore open_store(std::string_view url) {
  const std::size_t colon = url.find(':');
  const std::string_view scheme = url.substr(0, colon);
  const std::string_view rest = colon == url.npos ? "" : url.substr(colon + 1);
  if (colon != url.npos && scheme == "sqlite") return open_sqlite(rest);
  if (colon != url.npos && (scheme == "redis" || scheme == "redis+unix")) return open_redis(url);
  if (rest.starts_with("//")) {
    if (scheme == "postgresql" || scheme == "postgres") return open_postgres(url);
    if (scheme == "mysql" || scheme == "mariadb") return open_mysql(url);
  }
  if (colon != url.npos && scheme == "memcached") return open_memcached(url);
  // Only the scheme is repeated: what follows may hold a password.
  return refused("no store is called \"" + std::string(scheme) +
                 ":\"; known: sqlite:/path, postgresql://host/database, mysql://host/database, "
                 "redis://host, memcached://host");
}

}  // namespace gman
