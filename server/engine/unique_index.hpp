// SPDX-License-Identifier: BSD-3-Clause
// UniqueIndex: which job a unique belongs to, among all that are scheduled, queued or running.
//
// A key is a function and a unique. The unique "-" stands for the workload's bytes, and is another
// key than a unique that happens to be spelt like the workload. Entries are twelve bytes in 4096
// small flat tables, which grow and shrink one at a time: one table that rehashed ten million
// entries at once would be a stall that everybody sees. Which table holds a key depends on the
// unique alone, so that GET_STATUS_UNIQUE, which names no function, searches one table.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "server/engine/job.hpp"
#include "server/engine/memory/block_store.hpp"

namespace gman::engine {

/// What two submits must share to be one job.
struct UniqueKey {
  FunctionId function;
  enum class Kind : std::uint8_t { unique, workload } kind;
  std::string_view bytes;
  std::uint64_t hash;  ///< of kind and bytes
};

class UniqueIndex {
 public:
  /// `hash_seed` keeps strangers from choosing uniques that collide.
  UniqueIndex(RegionPool& regions, Pool<Job>& jobs, std::uint64_t hash_seed);

  /// This unique stands for the workload.
  [[nodiscard]] static bool is_workload(std::string_view unique);
  /// The key of a job with these parts; nullopt when it is never coalesced.
  [[nodiscard]] std::optional<UniqueKey> key_of(FunctionId function, std::string_view unique,
                                                std::string_view workload) const;

  /// The job with this key; nil when there is none.
  [[nodiscard]] JobSlot find(const UniqueKey& key) const;
  /// A job of any function with this unique; nil when there is none.
  [[nodiscard]] JobSlot find_any(std::string_view unique) const;

  // Requires: no job has this key, and the job's parts make it.
  void insert(const UniqueKey& key, JobSlot slot);
  /// A job that is not in the index (its key was taken from it, or it had none) is left alone.
  void erase(JobSlot slot);

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Entry {
    std::uint32_t hash;  ///< low half of the key's
    FunctionId function;
    JobSlot job;
  };
  // Both also work on keys, so that a look-up builds no entry.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Entry& entry) const { return mix(entry.hash, entry.function); }
    std::size_t operator()(const UniqueKey& key) const {
      return mix(static_cast<std::uint32_t>(key.hash), key.function);
    }
    static std::size_t mix(std::uint32_t hash, FunctionId function);
  };
  struct Same {
    using is_transparent = void;
    const Pool<Job>* jobs;
    bool operator()(const Entry& a, const Entry& b) const { return a.job == b.job; }
    bool operator()(const UniqueKey& key, const Entry& entry) const;
    bool operator()(const Entry& entry, const UniqueKey& key) const { return (*this)(key, entry); }
  };
  using Table = boost::unordered_flat_set<Entry, Hash, Same, BlockAllocator<Entry>>;

  static constexpr std::uint32_t table_bits = 12;

  [[nodiscard]] std::uint64_t hash_of(UniqueKey::Kind kind, std::string_view bytes) const;
  [[nodiscard]] static std::size_t table_of(std::uint64_t hash) {
    return hash >> (64 - table_bits);
  }
  [[nodiscard]] Table empty_table() {
    return Table(0, Hash{}, Same{&jobs_}, BlockAllocator<Entry>(blocks_));
  }

  BlockStore blocks_;
  const Pool<Job>& jobs_;
  std::uint64_t hash_seed_;
  std::vector<Table> tables_;
  std::size_t size_ = 0;
};

}  // namespace gman::engine
