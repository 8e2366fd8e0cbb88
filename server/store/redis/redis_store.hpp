// SPDX-License-Identifier: BSD-3-Clause
// RedisStore: jobs in one database of a Redis server (5.0 or later, no Cluster, no TLS).
//
// What is where, all of it below "gmand:":
//   gmand:job:<number>     a job, as job_value.hpp writes it: `redis-cli --raw GET` shows it
//   gmand:index            a sorted set of all numbers, 16 hexadecimal digits each. All scores are
//                          0, so that the order is that of the texts: scores are doubles, which
//                          would not hold 64 bits
//   gmand:starts           a hash: the handle prefix of each start that has jobs
//   gmand:owner            a hash: which start has the store, on which host, since when, and how
//                          many attempts to commit Redis knows of
//   gmand:schema           1
//   gmand:import           a hash: of each queue of gearmand's that was taken over, when, and how
//                          many jobs
//   gmand:aside:<number>, gmand:aside, gmand:aside:why   jobs that were not what was stored, their
//                          numbers, and what was wrong with each
// One string holds a job, and not one hash: a hash with fields by name costs Redis 16 to 20
// commands' worth of small values a job and about twice the memory, and the head of the string
// reads as well.
//
// A commit is one Lua script and one round trip. Redis runs it alone; in its log it is one
// transaction, which is there after a crash as a whole or not at all.
//
// What a commit promises is what Redis promises, and begin() warns when that is less than `sync`:
//   appendonly yes, appendfsync always    Redis answers after fsync: it outlives kill -9 of Redis
//                                         and loss of power; not while the log is rewritten, when
//                                         no-appendfsync-on-rewrite is yes
//   appendonly yes, appendfsync everysec  kill -9 of Redis loses nothing; loss of power, or of the
//                                         machine, loses up to two seconds of acknowledged jobs
//   appendonly yes, appendfsync no        the same, but half a minute or what the kernel wants
//   appendonly no                         whatever ends Redis, but a proper shutdown, loses all
//                                         since the last snapshot, or everything without snapshots
// In each of them a failover to a replica loses what that did not have yet: replication does not
// wait. With maxmemory and a policy "allkeys-…", Redis throws jobs away. Each attempt to commit has
// a number that Redis keeps, so a Redis that comes back with less than it had acknowledged is
// noticed: the next commit is a fault of kind `damaged` once, and then goes on with what is there.
//
// One server: gmand:owner names the connection of the one that has the store, and begin() refuses
// while Redis has that connection. It ends with the process however that ends, so after kill -9 the
// next server begins at once; after a host has vanished, when Redis gives the connection up
// (tcp-keepalive, 300 s) or somebody says CLIENT KILL. This is for people's sake. What keeps two
// servers from both writing is the start's number, which every script compares: once another start
// has begun, an earlier one changes nothing, and its commits are refused. A server whose connection
// broke while it had nothing to write can be succeeded, and learns it at its next commit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "server/store/redis/address.hpp"
#include "server/store/store.hpp"

namespace gman {

struct RedisSettings {
  milliseconds connect_max{2'000};
  /// Covers the fsync, too, and a Redis that rewrites its log.
  milliseconds answer_max{10'000};
  /// What load() has read at once: so many jobs, and no more than one beyond so many bytes.
  std::size_t page_jobs_max = 500;
  std::size_t page_bytes_max = std::size_t{4} << 20;
};

class RedisStore : public Store {
 public:
  /// Connects to nothing: that begins with begin().
  explicit RedisStore(redis::Address address, const RedisSettings& settings = {});
  /// Gives the store up, so that the next server need not ask whether this one is alive.
  ~RedisStore() override;

  [[nodiscard]] std::string name() const override;
  [[nodiscard]] std::variant<std::vector<StoreStart>, StoreFault> begin(
      std::string_view handle_prefix) override;
  [[nodiscard]] std::vector<std::string> warnings() override;
  [[nodiscard]] std::uint64_t jobs_about() override;
  [[nodiscard]] std::optional<StoreFault> load(const Take& take,
                                               const SetAside& set_aside) override;
  [[nodiscard]] std::optional<StoreFault> fetch(std::span<const JobNumber> numbers,
                                                const Take& take,
                                                const SetAside& set_aside) override;
  /// After a lost connection the next one connects anew.
  [[nodiscard]] std::optional<StoreFault> commit(const JobChanges& changes) override;
  [[nodiscard]] bool can_be_taken() const override { return true; }
  [[nodiscard]] std::optional<StoreFault> keep() override;
  [[nodiscard]] FoundImport find_import(const std::string& source) override;
  [[nodiscard]] std::optional<StoreFault> note_import(const std::string& source,
                                                      std::optional<std::uint64_t> jobs) override;
  /// Page by page: where a server has it, each is of another moment.
  [[nodiscard]] std::optional<StoreFault> look(StoreSight& sight, const Take& take,
                                               const SetAside& damaged) override;

 private:
  class Opened;
  redis::Address address_;
  RedisSettings settings_;
  std::unique_ptr<Opened> opened_;
};

}  // namespace gman
