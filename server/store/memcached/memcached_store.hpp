// SPDX-License-Identifier: BSD-3-Clause
// MemcachedStore: jobs in memcached, because gearmand has such a queue. It is a cache and no
// database: jobs outlive gmand, for a while, and nothing else. Use another store for jobs that
// matter.
//
// What is lost when:
//   memcached ends, however            every job; of several servers, those that it had, and all of
//                                      them if it had the index
//   memcached is full                  the jobs that were touched least lately, in silence; with -M
//                                      it says so instead, which is a fault of kind `full`
//   gmand is killed within a commit    any part of that commit's changes was made: it was not
//                                      acknowledged. A removed job is out of the index before its
//                                      value goes
//   somebody says flush_all            every job
//   a job is greater than an item      it is never stored, nor is what comes after it: memcached's
//     may be                           default of 1 MiB is too little, see -I; begin() warns
// What gmand notices of it: at a commit, once, that its start is not known any more, which is a
// fault of kind `damaged`; and in load(), jobs that are in the index and gone.
//
// Two servers are kept apart by a look at who has it, and not by a lock: begin() refuses while the
// process that has it is alive on the same host, and a commit looks first whether another has
// begun. Between that look and the writes, another can.
//
// What is where:
//   gmand:job:<number>    a job, as job_value.hpp writes it
//   gmand:block:<block>   which numbers of a block of 1024 there are: a bit each
//   gmand:blocks          the blocks that have any, one a line: memcached cannot tell its keys.
//                         With items of 1 MiB there can be some 69,000
//   gmand:starts          number and handle prefix of each start that has jobs, one a line
//   gmand:owner           start, process and host of the server that has it
// Each key is a round trip by itself: this store is not made to be fast, either.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "server/store/memcached/client.hpp"
#include "server/store/store.hpp"

namespace gman {

class MemcachedStore : public Store {
 public:
  /// Connects to nothing: that begins with begin().
  explicit MemcachedStore(std::vector<memcached::Server> servers,
                          milliseconds wait_max = milliseconds(2'000));
  ~MemcachedStore() override;

  [[nodiscard]] std::string name() const override;
  [[nodiscard]] std::variant<std::vector<StoreStart>, StoreFault> begin(
      std::string_view handle_prefix) override;
  [[nodiscard]] std::vector<std::string> warnings() override;
  [[nodiscard]] std::uint64_t jobs_about() override;
  /// A job that is set aside stays under its key, and is in the index no more.
  [[nodiscard]] std::optional<StoreFault> load(const Take& take,
                                               const SetAside& set_aside) override;
  /// After a fault a part of it may be stored.
  [[nodiscard]] std::optional<StoreFault> fetch(std::span<const JobNumber> numbers,
                                                const Take& take,
                                                const SetAside& set_aside) override;
  [[nodiscard]] std::optional<StoreFault> commit(const JobChanges& changes) override;
  [[nodiscard]] bool can_be_taken() const override { return true; }
  [[nodiscard]] std::optional<StoreFault> keep() override;
  // These three are refused: a cache is no place for what somebody relies on.
  [[nodiscard]] FoundImport find_import(const std::string& source) override;
  [[nodiscard]] std::optional<StoreFault> note_import(const std::string& source,
                                                      std::optional<std::uint64_t> jobs) override;
  [[nodiscard]] std::optional<StoreFault> look(StoreSight& sight, const Take& take,
                                               const SetAside& damaged) override;

 private:
  class Opened;
  [[nodiscard]] StoreFault no_keeper() const;
  std::vector<memcached::Server> servers_;
  milliseconds wait_max_;
  std::unique_ptr<Opened> opened_;
};

}  // namespace gman
