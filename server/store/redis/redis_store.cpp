// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/redis/redis_store.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <ctime>
#include <random>
#include <utility>

#include "base/assert.hpp"
#include "server/store/job_value.hpp"
#include "server/store/missing.hpp"
#include "server/store/redis/connection.hpp"
#include "server/store/redis/scripts.hpp"

namespace gman {
namespace {

using redis::Connection;
using redis::Reply;
using redis::Script;
using redis::text_of;
using Fault = std::optional<StoreFault>;
using Kind = StoreFault::Kind;
using Arguments = std::vector<std::string_view>;

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "?";
  return name.data();
}

std::string random_word() {
  std::random_device random;
  return std::to_string(random()) + std::to_string(random());
}

std::optional<std::uint32_t> start_number(std::string_view text) {
  std::uint32_t number = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || at != text.data() + text.size()) return std::nullopt;
  return number <= store_starts_max ? std::optional(number) : std::nullopt;
}

/// The word and what follows it, of a script's answer.
std::vector<std::string_view> words_of(const Connection::Answer& answer) {
  std::vector<std::string_view> words;
  for (const redisReply* element : redis::elements_of(*std::get<Reply>(answer))) {
    words.push_back(text_of(*element));
  }
  return words;
}

}  // namespace

/// The connection and all that depends on it: there from a begin() that went well.
class RedisStore::Opened {
 public:
  Opened(const redis::Address& address, const RedisSettings& settings)
      : settings_(settings), connection_(address) {}
  ~Opened();
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  std::variant<std::vector<StoreStart>, StoreFault> begin(std::string_view handle_prefix);
  std::vector<std::string> warnings();
  std::uint64_t jobs_about();
  Fault load(const Take& take, const SetAside& set_aside);
  Fault fetch(std::span<const JobNumber> numbers, const Take& take, const SetAside& set_aside);
  Fault commit(const JobChanges& changes);
  Fault keep();
  FoundImport find_import(const std::string& source);
  Fault note_import(const std::string& source, std::optional<std::uint64_t> jobs);
  Fault look(StoreSight& sight, const Take& take, const SetAside& set_aside);

 private:
  struct Damaged {
    std::string key;
    JobNumber number;
    const char* why;
  };

  Fault connect();
  /// Connects again, and says so to Redis, if the connection was lost.
  Fault reconnect();
  Fault adopt();
  std::variant<bool, StoreFault> is_connected(std::string_view client_id,
                                              std::string_view client_name);
  Fault read_pages(const Take& take, std::vector<Damaged>& damaged);
  Fault send_page(std::string_view after);
  Fault take_page(const redisReply& page, const Take& take, std::vector<Damaged>& damaged);
  Fault move_aside(const std::vector<Damaged>& damaged);
  /// What a script's answer other than "done" means.
  Fault fault_of(const std::vector<std::string_view>& words);
  StoreFault in_use(std::string_view host, std::string_view pid) const;
  std::string setting(std::string_view name);

  [[nodiscard]] std::string where() const { return connection_.address().name(); }

  RedisSettings settings_;
  Connection connection_;
  Script begin_{redis::begin_script}, renew_{redis::renew_script}, adopt_{redis::adopt_script};
  Script end_{redis::end_script}, commit_{redis::commit_script}, load_{redis::load_script};
  Script set_aside_{redis::set_aside_script};
  const std::string host_ = host_name();
  const std::string pid_ = std::to_string(::getpid());
  /// Of no other server ever: Redis counts its connections from the start again when it is
  /// restarted, and so do containers their processes.
  const std::string client_name_ = "gmand:" + host_ + ":" + pid_ + ":" + random_word();
  std::string client_id_;
  std::string start_;  ///< empty before begin() has gone well
  std::string handle_prefix_;
  std::string since_;
  std::uint64_t attempts_ = 0;
  std::uint64_t acknowledged_ = 0;  ///< the last attempt that is known to have gone well
  /// Another start has begun. There is no way back.
  std::optional<StoreFault> fenced_;
};

RedisStore::Opened::~Opened() {
  if (!connection_.is_open() || start_.empty()) return;
  static_cast<void>(connection_.run(end_, Arguments{start_}));
}

Fault RedisStore::Opened::connect() {
  if (auto failed = connection_.open(settings_.connect_max, settings_.answer_max)) return failed;
  auto named = connection_.ask({"CLIENT", "SETNAME", client_name_});
  if (auto* fault = std::get_if<StoreFault>(&named)) return std::move(*fault);
  auto id = connection_.ask({"CLIENT", "ID"});
  if (auto* fault = std::get_if<StoreFault>(&id)) return std::move(*fault);
  client_id_ = std::to_string(std::get<Reply>(id)->integer);
  return std::nullopt;
}

StoreFault RedisStore::Opened::in_use(std::string_view host, std::string_view pid) const {
  return {Kind::refused, where() + " is in use by another server, process " + std::string(pid) +
                             " on host " + std::string(host)};
}

Fault RedisStore::Opened::fault_of(const std::vector<std::string_view>& words) {
  const std::string_view word = words.empty() ? "" : words[0];
  if (word == "done") return std::nullopt;
  if (word == "fenced" && words.size() == 4) {
    fenced_ = in_use(words[2], words[3]);
    fenced_->kind = Kind::fenced;
    fenced_->text += ", which began after this one: this one can store nothing any more";
    return fenced_;
  }
  if (word == "gone") {
    if (auto failed = adopt()) return failed;
    return StoreFault{Kind::damaged,
                      where() +
                          ": Redis does not know this start any more, and so has lost jobs "
                          "that it had acknowledged; what is stored from now on is kept"};
  }
  if (word == "behind" && words.size() == 2) {
    // Of the same start, so that its attempts have been counted from 0.
    std::uint64_t known = 0;
    std::from_chars(words[1].data(), words[1].data() + words[1].size(), known);
    const std::uint64_t before = std::exchange(acknowledged_, known);
    return StoreFault{Kind::damaged,
                      where() + ": Redis has lost commits " + std::to_string(known + 1) + " to " +
                          std::to_string(before) + " of this start, which it had acknowledged; " +
                          "what is stored from now on is kept"};
  }
  return StoreFault{Kind::unavailable,
                    where() + ": an answer that none is known for: " + std::string(word)};
}

Fault RedisStore::Opened::adopt() {
  auto answer = connection_.run(
      adopt_, Arguments{start_, handle_prefix_, host_, pid_, client_name_, client_id_, since_});
  if (auto* fault = std::get_if<StoreFault>(&answer)) return std::move(*fault);
  if (auto failed = fault_of(words_of(answer))) return failed;
  acknowledged_ = 0;
  return std::nullopt;
}

Fault RedisStore::Opened::reconnect() {
  if (connection_.is_open()) return std::nullopt;
  if (auto failed = connect()) return failed;
  auto answer = connection_.run(renew_, Arguments{start_, client_id_});
  auto* fault = std::get_if<StoreFault>(&answer);
  Fault failed = fault != nullptr ? std::optional(std::move(*fault)) : fault_of(words_of(answer));
  // Redis is to know of the new connection before anything is written through it.
  if (failed) connection_.close();
  return failed;
}

std::variant<bool, StoreFault> RedisStore::Opened::is_connected(std::string_view client_id,
                                                                std::string_view client_name) {
  auto answer = connection_.ask({"CLIENT", "LIST", "ID", client_id});
  if (std::holds_alternative<StoreFault>(answer) && connection_.is_open()) {
    answer = connection_.ask({"CLIENT", "LIST"});  // before 6.2
  }
  if (auto* fault = std::get_if<StoreFault>(&answer)) {
    // Whoever may not ask this relies on the start's number alone.
    if (connection_.is_open()) return false;
    return std::move(*fault);
  }
  const std::string list = "\n" + std::string(text_of(*std::get<Reply>(answer)));
  const std::string wanted_id = "\nid=" + std::string(client_id) + " ";
  const std::size_t at = list.find(wanted_id);
  if (at == list.npos) return false;
  const std::string line = list.substr(at + 1, list.find('\n', at + 1) - at - 1);
  return line.find(" name=" + std::string(client_name) + " ") != line.npos;
}

std::variant<std::vector<StoreStart>, StoreFault> RedisStore::Opened::begin(
    std::string_view handle_prefix) {
  if (auto failed = connect()) return *std::move(failed);
  auto owner =
      connection_.ask({"HMGET", "gmand:owner", "start", "host", "pid", "client_id", "client_name"});
  if (auto* fault = std::get_if<StoreFault>(&owner)) return std::move(*fault);
  const auto looked = words_of(owner);
  if (looked.size() != 5) return StoreFault{Kind::unavailable, where() + ": no answer to HMGET"};
  if (!looked[3].empty()) {
    auto is_alive = is_connected(looked[3], looked[4]);
    if (auto* fault = std::get_if<StoreFault>(&is_alive)) return std::move(*fault);
    if (std::get<bool>(is_alive)) return in_use(looked[1], looked[2]);
  }

  const auto now = std::chrono::system_clock::now().time_since_epoch();
  since_ = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  const std::string_view last = looked[0].empty() ? "0" : looked[0];
  auto answer = connection_.run(
      begin_, Arguments{last, handle_prefix, host_, pid_, client_name_, client_id_, since_});
  if (auto* fault = std::get_if<StoreFault>(&answer)) {
    if (fault->text.find("READONLY") != fault->text.npos) fault->kind = Kind::refused;
    return std::move(*fault);
  }
  const auto words = words_of(answer);
  const std::string_view word = words.empty() ? "" : words[0];
  if (word == "taken" && words.size() == 4) return in_use(words[2], words[3]);
  if (word == "starts") {
    return StoreFault{Kind::refused, where() + ": was begun " + std::string(words.back()) +
                                         " times, and there are no more numbers for another"};
  }
  if (word == "schema" && words.size() == 2) {
    return StoreFault{Kind::refused,
                      words[1].empty()
                          ? where() + ": the keys gmand:… in it are not a store of this program"
                          : where() + ": has schema version " + std::string(words[1]) +
                                ", and this gmand knows 1: a newer one has written it"};
  }
  std::vector<StoreStart> starts;
  for (std::size_t i = 2; i + 1 < words.size(); i += 2) {
    const auto number = start_number(words[i]);
    if (!number) break;
    starts.push_back({*number, std::string(words[i + 1])});
  }
  if (word != "begun" || starts.empty() || 2 + 2 * starts.size() != words.size()) {
    return StoreFault{Kind::damaged, where() + ": a start has a number that none can have"};
  }
  start_ = words[1];
  handle_prefix_ = handle_prefix;
  return starts;
}

std::string RedisStore::Opened::setting(std::string_view name) {
  if (!connection_.is_open()) return "";
  const auto answer = connection_.ask({"CONFIG", "GET", name});
  if (std::holds_alternative<StoreFault>(answer)) return "";
  const auto words = words_of(answer);
  return words.size() == 2 ? std::string(words[1]) : "";
}

std::vector<std::string> RedisStore::Opened::warnings() {
  const std::string appendonly = setting("appendonly");
  if (appendonly.empty()) {
    return {where() +
            ": may not read Redis's settings (CONFIG GET), so it cannot be told what an "
            "acknowledged job outlives"};
  }
  std::vector<std::string> warnings;
  const auto warn = [&](std::string_view text) {
    warnings.push_back(where() + ": " + std::string(text));
  };
  const std::string appendfsync = setting("appendfsync");
  if (appendonly != "yes") {
    if (const std::string save = setting("save"); save.empty()) {
      warn("Redis keeps nothing on disk (appendonly no, no save): its end is the end of all jobs");
    } else {
      warn("Redis keeps snapshots only (appendonly no, save " + save +
           "): a crash loses the acknowledged jobs since the last one");
    }
  } else if (appendfsync != "always") {
    warn("Redis answers before fsync (appendfsync " + appendfsync +
         "): a loss of power loses acknowledged jobs of the last seconds");
  } else if (setting("no-appendfsync-on-rewrite") == "yes") {
    warn("Redis answers before fsync while it rewrites its log (no-appendfsync-on-rewrite yes)");
  }
  const std::string maxmemory = setting("maxmemory");
  const std::string policy = setting("maxmemory-policy");
  if (maxmemory != "0" && policy.starts_with("allkeys-")) {
    warn("Redis throws jobs away when its memory is full (maxmemory-policy " + policy +
         "): noeviction keeps them");
  }
  return warnings;
}

std::uint64_t RedisStore::Opened::jobs_about() {
  if (!connection_.is_open()) return 0;
  const auto answer = connection_.ask({"ZCARD", "gmand:index"});
  const auto* count = std::get_if<Reply>(&answer);
  return count == nullptr ? 0 : static_cast<std::uint64_t>((*count)->integer);
}

Fault RedisStore::Opened::send_page(std::string_view after) {
  const std::string from = after.empty() ? "-" : "(" + std::string(after);
  const std::string jobs = std::to_string(settings_.page_jobs_max);
  const std::string bytes = std::to_string(settings_.page_bytes_max);
  // run() has made the script known.
  return connection_.send(Arguments{"EVALSHA", load_.digest, "0", from, jobs, bytes});
}

Fault RedisStore::Opened::take_page(const redisReply& page, const Take& take,
                                    std::vector<Damaged>& damaged) {
  const auto elements = redis::elements_of(page);
  for (std::size_t i = 0; i + 1 < elements.size(); i += 2) {
    const std::string_view key = text_of(*elements[i]);
    const auto number = job_number_of(key);
    if (!number) {
      return StoreFault{Kind::damaged, where() + ": the index has an entry that is no number: " +
                                           std::string(key)};
    }
    JobRecord record{.number = *number};
    const char* why = elements[i + 1]->type == REDIS_REPLY_STRING
                          ? read_job_value(text_of(*elements[i + 1]), record)
                          : "it is in the index, and Redis does not have it";
    if (why == nullptr) {
      take(record);
    } else {
      damaged.push_back({std::string(key), *number, why});
    }
  }
  return std::nullopt;
}

Fault RedisStore::Opened::load(const Take& take, const SetAside& set_aside) {
  if (auto failed = reconnect()) return failed;
  std::vector<Damaged> damaged;
  if (auto failed = read_pages(take, damaged)) return failed;
  if (damaged.empty()) return std::nullopt;
  if (auto failed = move_aside(damaged)) return failed;
  for (const Damaged& job : damaged) set_aside(job.number, job.why);
  return std::nullopt;
}

Fault RedisStore::Opened::read_pages(const Take& take, std::vector<Damaged>& damaged) {
  auto answer = connection_.run(load_, Arguments{"-", "1", "1"});  // an empty page, or one job
  if (auto* fault = std::get_if<StoreFault>(&answer)) return std::move(*fault);
  if (auto failed = send_page("")) return failed;
  while (true) {
    answer = connection_.receive();
    if (auto* fault = std::get_if<StoreFault>(&answer)) return std::move(*fault);
    const redisReply& page = *std::get<Reply>(answer);
    if (page.elements < 2) break;
    // Redis looks for the next page while this one is taken.
    if (auto failed = send_page(text_of(*page.element[page.elements - 2]))) return failed;
    if (auto failed = connection_.flush()) return failed;
    if (auto failed = take_page(page, take, damaged)) {
      connection_.close();  // an answer is still to come
      return failed;
    }
  }
  return std::nullopt;
}

Fault RedisStore::Opened::fetch(std::span<const JobNumber> numbers, const Take& take,
                                const SetAside& set_aside) {
  if (numbers.empty()) return std::nullopt;
  if (auto failed = reconnect()) return failed;
  std::vector<std::string> keys;
  keys.reserve(numbers.size());  // views of these are handed on, so that they must not move
  Arguments arguments{"MGET"};
  for (const JobNumber number : numbers) {
    arguments.push_back(keys.emplace_back("gmand:job:" + job_key(number)));
  }
  auto answer = connection_.ask(arguments);
  if (auto* fault = std::get_if<StoreFault>(&answer)) return std::move(*fault);
  const auto elements = redis::elements_of(*std::get<Reply>(answer));
  if (elements.size() != numbers.size()) {
    return StoreFault{Kind::unavailable, where() + ": no answer to MGET"};
  }
  std::vector<Damaged> damaged;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (elements[i]->type != REDIS_REPLY_STRING) {
      set_aside(numbers[i], not_there);
      continue;
    }
    JobRecord record{.number = numbers[i]};
    if (const char* why = read_job_value(text_of(*elements[i]), record)) {
      damaged.push_back({job_key(numbers[i]), numbers[i], why});
    } else {
      take(record);
    }
  }
  if (damaged.empty()) return std::nullopt;
  if (auto failed = move_aside(damaged)) return failed;
  for (const Damaged& job : damaged) set_aside(job.number, job.why);
  return std::nullopt;
}

Fault RedisStore::Opened::move_aside(const std::vector<Damaged>& damaged) {
  Arguments arguments{start_};
  for (const Damaged& job : damaged) {
    arguments.push_back(job.key);
    arguments.push_back(job.why);
  }
  auto answer = connection_.run(set_aside_, arguments);
  if (auto* fault = std::get_if<StoreFault>(&answer)) return std::move(*fault);
  return fault_of(words_of(answer));
}

Fault RedisStore::Opened::commit(const JobChanges& changes) {
  if (fenced_) return fenced_;
  if (changes.empty()) return std::nullopt;
  if (auto failed = reconnect()) return failed;

  // An attempt whose answer was lost may still come to Redis after the next one: each has its own
  // number, and Redis takes none that is behind another's.
  ++attempts_;
  std::vector<std::string> texts;
  // Views of these are handed on, so that they must not move.
  texts.reserve(6 + 2 * (changes.added_count() + changes.requeued().size()) +
                changes.removed().size());
  const auto keep = [&](std::string text) { texts.push_back(std::move(text)); };
  keep(start_);
  keep(std::to_string(attempts_));
  keep(std::to_string(acknowledged_));
  keep(std::to_string(changes.added_count()));
  for (std::size_t i = 0; i < changes.added_count(); ++i) {
    const JobRecord job = changes.added(i);
    keep(job_key(job.number));
    keep(job_value(job));
  }
  keep(std::to_string(changes.requeued().size()));
  for (const JobRequeued& job : changes.requeued()) {
    keep(job_key(job.number));
    keep(job_value_head(job));
  }
  for (const JobNumber number : changes.removed()) keep(job_key(number));

  auto answer = connection_.run(commit_, Arguments(texts.begin(), texts.end()));
  if (auto* fault = std::get_if<StoreFault>(&answer)) return std::move(*fault);
  if (auto failed = fault_of(words_of(answer))) return failed;
  acknowledged_ = attempts_;
  return std::nullopt;
}

Fault RedisStore::Opened::keep() {
  if (fenced_) return fenced_;
  if (auto failed = reconnect()) return failed;
  auto owner = connection_.ask({"HGET", "gmand:owner", "start"});
  if (auto* fault = std::get_if<StoreFault>(&owner)) return std::move(*fault);
  if (text_of(*std::get<Reply>(owner)) == start_) return std::nullopt;
  auto answer = connection_.run(renew_, Arguments{start_, client_id_});  // which says why not
  if (auto* fault = std::get_if<StoreFault>(&answer)) return std::move(*fault);
  return fault_of(words_of(answer));
}

Store::FoundImport RedisStore::Opened::find_import(const std::string& source) {
  if (auto failed = reconnect()) return *std::move(failed);
  auto answer = connection_.ask({"HGET", "gmand:import", source});
  if (auto* fault = std::get_if<StoreFault>(&answer)) return std::move(*fault);
  const redisReply& reply = *std::get<Reply>(answer);
  if (reply.type != REDIS_REPLY_STRING) return std::nullopt;
  // "2026-11-28 11:48:44 UTC", and maybe ", 17 jobs".
  const std::string_view text = text_of(reply);
  const std::size_t comma = text.find(", ");
  StoreImport import{.since = std::string(text.substr(0, comma)), .jobs = std::nullopt};
  if (comma != text.npos) {
    const std::string_view digits = text.substr(comma + 2);
    std::from_chars(digits.data(), digits.data() + digits.size(), import.jobs.emplace());
  }
  return import;
}

Fault RedisStore::Opened::note_import(const std::string& source,
                                      std::optional<std::uint64_t> jobs) {
  if (auto failed = reconnect()) return failed;
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm broken_down{};
  ::gmtime_r(&now, &broken_down);
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &broken_down);
  std::string value = text.data();
  if (jobs) value += ", " + std::to_string(*jobs) + " jobs";
  auto answer = connection_.ask({"HSET", "gmand:import", source, value});
  if (auto* fault = std::get_if<StoreFault>(&answer)) return std::move(*fault);
  return std::nullopt;
}

Fault RedisStore::Opened::look(StoreSight& sight, const Take& take, const SetAside& set_aside) {
  if (auto failed = connect()) return failed;
  auto schema = connection_.ask({"GET", "gmand:schema"});
  if (auto* fault = std::get_if<StoreFault>(&schema)) return std::move(*fault);
  if (const auto version = text_of(*std::get<Reply>(schema)); version != "1") {
    return StoreFault{Kind::refused,
                      version.empty() ? where() + ": there is no store: it has no key gmand:schema"
                                      : where() + ": has schema version " + std::string(version) +
                                            ", and this gmand knows 1: a newer one has written it"};
  }
  auto owner = connection_.ask({"HMGET", "gmand:owner", "host", "pid", "client_id", "client_name"});
  if (auto* fault = std::get_if<StoreFault>(&owner)) return std::move(*fault);
  if (const auto words = words_of(owner); words.size() == 4 && !words[2].empty()) {
    auto is_alive = is_connected(words[2], words[3]);
    if (auto* fault = std::get_if<StoreFault>(&is_alive)) return std::move(*fault);
    if (std::get<bool>(is_alive)) {
      sight.holder = "process " + std::string(words[1]) + " on host " + std::string(words[0]);
    }
  }
  auto starts = connection_.ask({"HGETALL", "gmand:starts"});
  if (auto* fault = std::get_if<StoreFault>(&starts)) return std::move(*fault);
  const auto words = words_of(starts);
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    const auto number = start_number(words[i]);
    if (!number) {
      return StoreFault{Kind::damaged, where() + ": a start has a number that none can have"};
    }
    sight.starts.push_back({*number, std::string(words[i + 1])});
  }
  std::ranges::sort(sight.starts, {}, &StoreStart::number);
  std::vector<Damaged> damaged;
  auto failed = read_pages(take, damaged);
  for (const Damaged& job : damaged) set_aside(job.number, job.why);
  if (failed) return failed;
  auto aside = connection_.ask({"ZCARD", "gmand:aside"});
  if (auto* fault = std::get_if<StoreFault>(&aside)) return std::move(*fault);
  sight.set_aside = static_cast<std::uint64_t>(std::get<Reply>(aside)->integer);
  return std::nullopt;
}

RedisStore::RedisStore(redis::Address address, const RedisSettings& settings)
    : address_(std::move(address)), settings_(settings) {}

RedisStore::~RedisStore() = default;

std::string RedisStore::name() const {
  return address_.name();
}

std::variant<std::vector<StoreStart>, StoreFault> RedisStore::begin(
    std::string_view handle_prefix) {
  GMAN_ASSERT(!opened_);
  auto opened = std::make_unique<Opened>(address_, settings_);
  auto starts = opened->begin(handle_prefix);
  if (std::holds_alternative<std::vector<StoreStart>>(starts)) opened_ = std::move(opened);
  return starts;
}

std::vector<std::string> RedisStore::warnings() {
  GMAN_ASSERT(opened_);
  return opened_->warnings();
}

std::uint64_t RedisStore::jobs_about() {
  GMAN_ASSERT(opened_);
  return opened_->jobs_about();
}

Fault RedisStore::load(const Take& take, const SetAside& set_aside) {
  GMAN_ASSERT(opened_);
  return opened_->load(take, set_aside);
}

Fault RedisStore::fetch(std::span<const JobNumber> numbers, const Take& take,
                        const SetAside& set_aside) {
  GMAN_ASSERT(opened_);
  return opened_->fetch(numbers, take, set_aside);
}

Fault RedisStore::commit(const JobChanges& changes) {
  GMAN_ASSERT(opened_);
  return opened_->commit(changes);
}

Fault RedisStore::keep() {
  GMAN_ASSERT(opened_);
  return opened_->keep();
}

Store::FoundImport RedisStore::find_import(const std::string& source) {
  GMAN_ASSERT(opened_);
  return opened_->find_import(source);
}

Fault RedisStore::note_import(const std::string& source, std::optional<std::uint64_t> jobs) {
  GMAN_ASSERT(opened_);
  return opened_->note_import(source, jobs);
}

Fault RedisStore::look(StoreSight& sight, const Take& take, const SetAside& damaged) {
  GMAN_ASSERT(!opened_);
  return Opened(address_, settings_).look(sight, take, damaged);
}

}  // namespace gman
