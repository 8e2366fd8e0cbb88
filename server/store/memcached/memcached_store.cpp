// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/memcached/memcached_store.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cerrno>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "base/assert.hpp"
#include "protocol/limits.hpp"
#include "server/store/job_value.hpp"

namespace gman {
namespace {

using Fault = std::optional<StoreFault>;
using Kind = StoreFault::Kind;
using memcached::Client;

constexpr unsigned block_shift = 10;
constexpr std::size_t block_numbers = std::size_t{1} << block_shift;
using Block = std::bitset<block_numbers>;
using BlockNumber = std::uint64_t;

constexpr const char* owner_key = "gmand:owner";
constexpr const char* starts_key = "gmand:starts";
constexpr const char* blocks_key = "gmand:blocks";

std::string value_key(JobNumber number) {
  return "gmand:job:" + job_key(number);
}

std::string block_key(BlockNumber block) {
  return "gmand:block:" + job_key(block);
}

std::string block_value(const Block& block) {
  std::string bytes(block_numbers / 8, '\0');
  for (std::size_t i = 0; i < block_numbers; ++i) {
    if (block[i]) bytes[i / 8] = static_cast<char>(bytes[i / 8] | 1 << i % 8);
  }
  return bytes;
}

std::optional<Block> read_block(std::string_view bytes) {
  if (bytes.size() != block_numbers / 8) return std::nullopt;
  Block block;
  for (std::size_t i = 0; i < block_numbers; ++i) {
    block[i] = (static_cast<unsigned char>(bytes[i / 8]) >> i % 8 & 1) != 0;
  }
  return block;
}

/// The text before `behind`, which is taken off with it.
std::string_view take_word(std::string_view& text, char behind) {
  const std::size_t end = std::min(text.find(behind), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

template <typename Number>
Number number_in(std::string_view text) {
  Number number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "?";
  return name.data();
}

struct Owner {
  std::uint32_t start = 0;
  pid_t pid = 0;  ///< 0: it has ended
  std::string host;

  static Owner read(std::string_view text) {
    Owner owner;
    owner.start = number_in<std::uint32_t>(take_word(text, ' '));
    owner.pid = number_in<pid_t>(take_word(text, ' '));
    owner.host = text;
    return owner;
  }
  [[nodiscard]] std::string value() const {
    return std::to_string(start) + " " + std::to_string(pid) + " " + host;
  }
  /// As far as that can be told from here. Our own number was that of an earlier process: in a
  /// container they all have the same one.
  [[nodiscard]] bool is_alive() const {
    if (pid <= 0 || pid == ::getpid() || host != host_name()) return false;
    return ::kill(pid, 0) == 0 || errno == EPERM;
  }
};

}  // namespace

/// The connections and the index: there from a begin() that went well.
class MemcachedStore::Opened {
 public:
  Opened(const std::vector<memcached::Server>& servers, milliseconds wait_max)
      : client_(servers, wait_max) {}
  ~Opened();
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  std::variant<std::vector<StoreStart>, StoreFault> begin(std::string_view handle_prefix);
  std::vector<std::string> warnings();
  [[nodiscard]] std::uint64_t jobs_about() const;
  Fault load(const Take& take, const SetAside& set_aside);
  Fault fetch(std::span<const JobNumber> numbers, const Take& take, const SetAside& set_aside);
  Fault commit(const JobChanges& changes);
  Fault check_owner();

 private:
  Fault read_index();
  Fault write_index();
  Fault write_starts();
  Fault requeue(const JobRequeued& job);
  [[nodiscard]] bool has_jobs(std::uint32_t start) const;
  void note(JobNumber number, bool is_there);
  StoreFault in_use(const Owner& owner) const;

  Client client_;
  Owner owner_;  ///< ours; its start is 0 before begin() has gone well
  std::vector<StoreStart> starts_;
  /// What the index is to be. What is in the second one is not written yet.
  std::map<BlockNumber, Block> blocks_;
  std::set<BlockNumber> changed_blocks_;
  bool is_list_changed_ = false;
  /// Blocks of which memcached has nothing but that they were there.
  std::vector<BlockNumber> lost_blocks_;
  std::optional<StoreFault> succeeded_;
};

MemcachedStore::Opened::~Opened() {
  if (owner_.start == 0 || succeeded_ || check_owner()) return;
  owner_.pid = 0;
  static_cast<void>(client_.set(owner_key, owner_.value()));
}

StoreFault MemcachedStore::Opened::in_use(const Owner& owner) const {
  return {Kind::refused, client_.name() + " is in use by another server, process " +
                             std::to_string(owner.pid) + " on host " + owner.host};
}

bool MemcachedStore::Opened::has_jobs(std::uint32_t start) const {
  const JobNumber first = JobNumber{start} << job_number_start_shift;
  const JobNumber last = first | ((JobNumber{1} << job_number_start_shift) - 1);
  const auto block = blocks_.lower_bound(first >> block_shift);
  return block != blocks_.end() && block->first <= last >> block_shift;
}

void MemcachedStore::Opened::note(JobNumber number, bool is_there) {
  const BlockNumber block = number >> block_shift;
  auto found = blocks_.find(block);
  if (found == blocks_.end()) {
    if (!is_there) return;
    found = blocks_.emplace(block, Block()).first;
    is_list_changed_ = true;
  }
  const std::size_t index = number % block_numbers;
  if (found->second[index] == is_there) return;
  found->second[index] = is_there;
  changed_blocks_.insert(block);
  if (found->second.any()) return;
  blocks_.erase(found);
  is_list_changed_ = true;
}

Fault MemcachedStore::Opened::read_index() {
  auto list = client_.get(blocks_key);
  if (auto* fault = std::get_if<StoreFault>(&list)) return std::move(*fault);
  std::string_view left;
  if (const auto& text = std::get<Client::Value>(list)) left = *text;
  while (!left.empty()) {
    const auto block = job_number_of(take_word(left, '\n'));
    if (!block) return StoreFault{Kind::damaged, client_.name() + ": the index cannot be read"};
    auto value = client_.get(block_key(*block));
    if (auto* fault = std::get_if<StoreFault>(&value)) return std::move(*fault);
    const auto& bytes = std::get<Client::Value>(value);
    const auto bits = bytes ? read_block(*bytes) : std::nullopt;
    if (!bits) {
      lost_blocks_.push_back(*block);
      is_list_changed_ = true;
    } else if (bits->any()) {
      blocks_.emplace(*block, *bits);
    }
  }
  return std::nullopt;
}

/// Blocks before the list that names them, so that it names none that is not there.
Fault MemcachedStore::Opened::write_index() {
  for (auto block = changed_blocks_.begin(); block != changed_blocks_.end();) {
    if (const auto found = blocks_.find(*block); found != blocks_.end()) {
      if (auto failed = client_.set(block_key(*block), block_value(found->second))) return failed;
      block = changed_blocks_.erase(block);
    } else {
      ++block;
    }
  }
  if (is_list_changed_) {
    std::string list;
    for (const auto& [block, bits] : blocks_) list += job_key(block) + "\n";
    if (auto failed = client_.set(blocks_key, list)) return failed;
    is_list_changed_ = false;
  }
  while (!changed_blocks_.empty()) {
    if (auto failed = client_.remove(block_key(*changed_blocks_.begin()))) return failed;
    changed_blocks_.erase(changed_blocks_.begin());
  }
  return std::nullopt;
}

Fault MemcachedStore::Opened::write_starts() {
  std::string text;
  for (const StoreStart& start : starts_) {
    text += std::to_string(start.number) + " " + start.handle_prefix + "\n";
  }
  return client_.set(starts_key, text);
}

std::variant<std::vector<StoreStart>, StoreFault> MemcachedStore::Opened::begin(
    std::string_view handle_prefix) {
  auto owner_text = client_.get(owner_key);
  if (auto* fault = std::get_if<StoreFault>(&owner_text)) return std::move(*fault);
  const auto& known_owner = std::get<Client::Value>(owner_text);
  const Owner before = known_owner ? Owner::read(*known_owner) : Owner();
  if (before.is_alive()) {
    StoreFault fault = in_use(before);
    fault.text += "; if that is another program by now, delete the key gmand:owner";
    return fault;
  }
  if (auto failed = read_index()) return *std::move(failed);

  auto starts_text = client_.get(starts_key);
  if (auto* fault = std::get_if<StoreFault>(&starts_text)) return std::move(*fault);
  std::string_view left;
  if (const auto& text = std::get<Client::Value>(starts_text)) left = *text;
  std::uint32_t last = before.start;
  while (!left.empty()) {
    std::string_view line = take_word(left, '\n');
    const auto number = number_in<std::uint32_t>(take_word(line, ' '));
    last = std::max(last, number);
    if (has_jobs(number)) starts_.push_back({number, std::string(line)});
  }
  // The rest may have been thrown away: no number is to come twice while a job has it.
  if (!blocks_.empty()) {
    const JobNumber greatest = blocks_.rbegin()->first << block_shift;
    if (const auto start = static_cast<std::uint32_t>(greatest >> job_number_start_shift);
        start < store_starts_max) {
      last = std::max(last, start);
    }
  }
  if (last >= store_starts_max) {
    return StoreFault{Kind::refused, client_.name() + ": was begun " + std::to_string(last) +
                                         " times, and there are no more numbers for another"};
  }
  starts_.push_back({last + 1, std::string(handle_prefix)});
  Owner owner{.start = last + 1, .pid = ::getpid(), .host = host_name()};
  if (auto failed = client_.set(owner_key, owner.value())) return *std::move(failed);
  owner_ = std::move(owner);
  if (auto failed = write_starts()) return *std::move(failed);
  return starts_;
}

std::vector<std::string> MemcachedStore::Opened::warnings() {
  std::vector<std::string> warnings{
      client_.name() +
      ": memcached is a cache: it throws jobs away when it is full, and all of "
      "them when it ends"};
  const auto bytes = client_.item_bytes_max();
  if (bytes && *bytes < body_bytes_max) {
    warnings.push_back(client_.name() + ": memcached takes no job greater than " +
                       std::to_string(*bytes) +
                       " bytes, and one that is holds all others up: " + "start it with -I 128m");
  }
  return warnings;
}

std::uint64_t MemcachedStore::Opened::jobs_about() const {
  std::uint64_t count = 0;
  for (const auto& [block, bits] : blocks_) count += bits.count();
  return count;
}

Fault MemcachedStore::Opened::load(const Take& take, const SetAside& set_aside) {
  std::vector<std::pair<JobNumber, std::string>> damaged;
  for (const BlockNumber block : std::exchange(lost_blocks_, {})) {
    damaged.emplace_back(block << block_shift,
                         "memcached has lost it, or some of the 1023 that come after it");
  }
  for (const auto& [block, bits] : blocks_) {
    for (std::size_t i = 0; i < block_numbers; ++i) {
      if (!bits[i]) continue;
      JobRecord record{.number = (block << block_shift) + i};
      auto value = client_.get(value_key(record.number));
      if (auto* fault = std::get_if<StoreFault>(&value)) return std::move(*fault);
      const auto& text = std::get<Client::Value>(value);
      const char* const why = text ? read_job_value(*text, record) : "memcached has thrown it away";
      if (why == nullptr) {
        take(record);
      } else {
        damaged.emplace_back(record.number, why);
      }
    }
  }
  if (damaged.empty()) return std::nullopt;
  for (const auto& [number, why] : damaged) note(number, false);
  if (auto failed = write_index()) return failed;
  for (const auto& [number, why] : damaged) set_aside(number, why);
  return std::nullopt;
}

/// The next commit writes the index without those that are not there as they were stored.
Fault MemcachedStore::Opened::fetch(std::span<const JobNumber> numbers, const Take& take,
                                    const SetAside& set_aside) {
  for (const JobNumber number : numbers) {
    JobRecord record{.number = number};
    auto value = client_.get(value_key(number));
    if (auto* fault = std::get_if<StoreFault>(&value)) return std::move(*fault);
    const auto& text = std::get<Client::Value>(value);
    const char* const why = text ? read_job_value(*text, record) : "memcached has thrown it away";
    if (why == nullptr) {
      take(record);
    } else {
      note(number, false);
      set_aside(number, why);
    }
  }
  return std::nullopt;
}

Fault MemcachedStore::Opened::check_owner() {
  if (succeeded_) return succeeded_;
  auto text = client_.get(owner_key);
  if (auto* fault = std::get_if<StoreFault>(&text)) return std::move(*fault);
  const auto& known = std::get<Client::Value>(text);
  const Owner owner = known ? Owner::read(*known) : Owner();
  if (owner.start == owner_.start) return std::nullopt;
  if (owner.start > owner_.start) {
    succeeded_ = in_use(owner);
    succeeded_->kind = Kind::fenced;
    succeeded_->text += ", which began after this one: this one can store nothing any more";
    return succeeded_;
  }
  // It was emptied. What the index has of the jobs before is as good as nothing.
  starts_.erase(starts_.begin(), starts_.end() - 1);
  blocks_.clear();
  changed_blocks_.clear();
  is_list_changed_ = true;
  if (auto failed = client_.set(owner_key, owner_.value())) return failed;
  if (auto failed = write_starts()) return failed;
  return StoreFault{Kind::damaged, client_.name() +
                                       ": memcached does not know this start any more, and so has "
                                       "lost jobs; what is stored from now on is kept"};
}

Fault MemcachedStore::Opened::requeue(const JobRequeued& job) {
  const std::string key = value_key(job.number);
  auto value = client_.get(key);
  if (auto* fault = std::get_if<StoreFault>(&value)) return std::move(*fault);
  auto& text = std::get<Client::Value>(value);
  if (!text || text->size() < job_value_head_bytes) return std::nullopt;
  text->replace(0, job_value_head_bytes, job_value_head(job));
  return client_.set(key, *text);
}

Fault MemcachedStore::Opened::commit(const JobChanges& changes) {
  if (changes.empty()) return std::nullopt;
  if (auto failed = check_owner()) return failed;
  for (std::size_t i = 0; i < changes.added_count(); ++i) {
    const JobRecord job = changes.added(i);
    if (auto failed = client_.add(value_key(job.number), job_value(job))) return failed;
    note(job.number, true);
  }
  for (const JobRequeued& job : changes.requeued()) {
    if (auto failed = requeue(job)) return failed;
  }
  for (const JobNumber number : changes.removed()) note(number, false);
  if (auto failed = write_index()) return failed;
  for (const JobNumber number : changes.removed()) {
    if (auto failed = client_.remove(value_key(number))) return failed;
  }
  return std::nullopt;
}

MemcachedStore::MemcachedStore(std::vector<memcached::Server> servers, milliseconds wait_max)
    : servers_(std::move(servers)), wait_max_(wait_max) {}

MemcachedStore::~MemcachedStore() = default;

std::string MemcachedStore::name() const {
  return memcached::name_of(servers_);
}

std::variant<std::vector<StoreStart>, StoreFault> MemcachedStore::begin(
    std::string_view handle_prefix) {
  GMAN_ASSERT(!opened_);
  auto opened = std::make_unique<Opened>(servers_, wait_max_);
  auto starts = opened->begin(handle_prefix);
  if (std::holds_alternative<std::vector<StoreStart>>(starts)) opened_ = std::move(opened);
  return starts;
}

std::vector<std::string> MemcachedStore::warnings() {
  GMAN_ASSERT(opened_);
  return opened_->warnings();
}

std::uint64_t MemcachedStore::jobs_about() {
  GMAN_ASSERT(opened_);
  return opened_->jobs_about();
}

Fault MemcachedStore::load(const Take& take, const SetAside& set_aside) {
  GMAN_ASSERT(opened_);
  return opened_->load(take, set_aside);
}

Fault MemcachedStore::fetch(std::span<const JobNumber> numbers, const Take& take,
                            const SetAside& set_aside) {
  GMAN_ASSERT(opened_);
  return opened_->fetch(numbers, take, set_aside);
}

Fault MemcachedStore::commit(const JobChanges& changes) {
  GMAN_ASSERT(opened_);
  return opened_->commit(changes);
}

Fault MemcachedStore::keep() {
  GMAN_ASSERT(opened_);
  return opened_->check_owner();
}

Store::FoundImport MemcachedStore::find_import(const std::string&) {
  return no_keeper();
}

Fault MemcachedStore::note_import(const std::string&, std::optional<std::uint64_t>) {
  return no_keeper();
}

Fault MemcachedStore::look(StoreSight&, const Take&, const SetAside&) {
  return no_keeper();
}

StoreFault MemcachedStore::no_keeper() const {
  return {Kind::refused, name() +
                             ": memcached is a cache, which may have thrown away anything by now: "
                             "nothing is looked after in it, or taken over into it"};
}

}  // namespace gman
