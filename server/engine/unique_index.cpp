// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/unique_index.hpp"

#include <boost/container_hash/hash.hpp>

#include "base/assert.hpp"

namespace gman::engine {
namespace {

// What the job's key is made of.
std::string_view key_bytes(const Job& job, UniqueKey::Kind kind) {
  return kind == UniqueKey::Kind::workload ? job.workload() : job.unique();
}

UniqueKey::Kind kind_of(std::string_view unique) {
  return UniqueIndex::is_workload(unique) ? UniqueKey::Kind::workload : UniqueKey::Kind::unique;
}

}  // namespace

UniqueIndex::UniqueIndex(RegionPool& regions, Pool<Job>& jobs, std::uint64_t hash_seed)
    : blocks_(regions), jobs_(jobs), hash_seed_(hash_seed) {
  tables_.assign(std::size_t{1} << table_bits, empty_table());
}

bool UniqueIndex::is_workload(std::string_view unique) {
  return unique == "-";
}

std::optional<UniqueKey> UniqueIndex::key_of(FunctionId function, std::string_view unique,
                                             std::string_view workload) const {
  if (unique.empty()) return std::nullopt;
  const UniqueKey::Kind kind = kind_of(unique);
  const std::string_view bytes = kind == UniqueKey::Kind::workload ? workload : unique;
  if (bytes.empty()) return std::nullopt;
  return UniqueKey{function, kind, bytes, hash_of(kind, bytes)};
}

JobSlot UniqueIndex::find(const UniqueKey& key) const {
  const Table& table = tables_[table_of(key.hash)];
  const auto found = table.find(key);
  return found == table.end() ? nil : found->job;
}

JobSlot UniqueIndex::find_any(std::string_view unique) const {
  const auto key = key_of(0, unique, {});
  if (!key) return nil;
  for (const Entry& entry : tables_[table_of(key->hash)]) {
    if (entry.hash != static_cast<std::uint32_t>(key->hash)) continue;
    if (jobs_[entry.job].unique() == unique) return entry.job;
  }
  return nil;
}

void UniqueIndex::insert(const UniqueKey& key, JobSlot slot) {
  const Entry entry{static_cast<std::uint32_t>(key.hash), key.function, slot};
  const bool is_new = tables_[table_of(key.hash)].insert(entry).second;
  GMAN_ASSERT(is_new);
  ++size_;
}

void UniqueIndex::erase(JobSlot slot) {
  const Job& job = jobs_[slot];
  Table& table = tables_[table_of(job.unique_hash)];
  const std::size_t erased =
      table.erase(Entry{static_cast<std::uint32_t>(job.unique_hash), job.function, slot});
  size_ -= erased;
  // Gives memory back as a backlog drains, yet so seldom that each erase pays a constant share.
  constexpr std::size_t buckets_kept = 64;
  if (table.empty() && table.bucket_count() > 0) {
    table = empty_table();
  } else if (table.bucket_count() > buckets_kept && table.size() < table.bucket_count() / 8) {
    table.rehash(table.size() * 2);
  }
}

std::uint64_t UniqueIndex::hash_of(UniqueKey::Kind kind, std::string_view bytes) const {
  std::size_t hash = hash_seed_ + static_cast<std::size_t>(kind);
  boost::hash_range(hash, bytes.begin(), bytes.end());
  return hash;
}

std::size_t UniqueIndex::Hash::mix(std::uint32_t hash, FunctionId function) {
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;
  return (std::uint64_t{hash} << 32 | function) * golden;
}

bool UniqueIndex::Same::operator()(const UniqueKey& key, const Entry& entry) const {
  if (entry.hash != static_cast<std::uint32_t>(key.hash) || entry.function != key.function) {
    return false;
  }
  const Job& job = (*jobs)[entry.job];
  return kind_of(job.unique()) == key.kind && key_bytes(job, key.kind) == key.bytes;
}

}  // namespace gman::engine
