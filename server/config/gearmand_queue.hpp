// SPDX-License-Identifier: BSD-3-Clause
// gearmand's names for queues that outlive the process (-q and the options of each), and which
// store of ours stands where they point.
//
// A store has a schema of its own, so gearmand's table is never written to, and nothing in it is
// taken for a job by itself: `gmand store import` takes over what gearmand left there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace gman::config {

/// What was said of them; empty and nullopt: nothing.
struct GearmandQueue {
  enum class Type : std::uint8_t { builtin, libsqlite3, postgres, mysql, redis, libmemcached };
  std::optional<Type> type;
  std::string sqlite_file, sqlite_table;
  std::string postgres_conninfo, postgres_table;
  std::string mysql_host, mysql_user, mysql_password, mysql_database, mysql_table;
  std::optional<std::int64_t> mysql_port;
  std::string redis_host, redis_password, redis_prefix;
  std::optional<std::int64_t> redis_port;
  std::string memcached_servers;

  /// Options that are accepted and change nothing.
  std::string memcached_prefix;
  std::optional<bool> stores_at_shutdown;
};

/// In any case, as gearmand takes them; "memory" is "builtin". nullopt: no queue that has a store.
[[nodiscard]] std::optional<GearmandQueue::Type> parse_queue_type(std::string_view name);
/// As gearmand spells it.
[[nodiscard]] std::string_view name_of(GearmandQueue::Type type);
/// Whose option it is; nullopt: that of no queue in particular.
[[nodiscard]] std::optional<GearmandQueue::Type> queue_of_option(std::string_view name);

/// As `gmand store import` takes it.
struct LeftQueuePlace {
  std::string from;
  std::string table;  ///< or prefix
};

struct StorePlace {
  std::string url;  ///< as --store takes it; empty: jobs are in memory
  /// Where gearmand has kept its jobs by the same options; nullopt: where none can be read.
  std::optional<LeftQueuePlace> left;
};

/// Or what is missing, as a sentence.
[[nodiscard]] std::variant<StorePlace, std::string> store_place(const GearmandQueue& queue);

}  // namespace gman::config
