// SPDX-License-Identifier: BSD-3-Clause
#include "server/store_command/left_redis_queue.hpp"

#ifdef GMAN_STORE_REDIS

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "server/store/redis/address.hpp"
#include "server/store/redis/connection.hpp"

namespace gman {
namespace {

using redis::Reply;
using redis::text_of;
using Fault = std::optional<StoreFault>;

constexpr milliseconds connect_max{2'000}, answer_max{60'000};

/// Its characters for what they are, in a pattern.
std::string literal(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

bool is_uuid(std::string_view text) {
  constexpr std::string_view form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return std::ranges::equal(text, form, [](char c, char wanted) {
    return wanted == '-' ? c == '-' : std::isxdigit(static_cast<unsigned char>(c)) != 0;
  });
}

/// Function and unique, of what comes behind the prefix in a key.
std::pair<std::string_view, std::string_view> names_in(std::string_view rest) {
  constexpr std::size_t uuid_bytes = 36;
  std::size_t dash = rest.find('-');
  if (rest.size() > uuid_bytes + 1 && is_uuid(rest.substr(rest.size() - uuid_bytes)) &&
      rest[rest.size() - uuid_bytes - 1] == '-') {
    dash = rest.size() - uuid_bytes - 1;
  }
  if (dash == rest.npos) return {rest, {}};
  return {rest.substr(0, dash), rest.substr(dash + 1)};
}

class RedisLeftQueue : public LeftQueue {
 public:
  RedisLeftQueue(redis::Address address, std::string prefix)
      : connection_(std::move(address)), prefix_(std::move(prefix)) {}

  Fault open() { return connection_.open(connect_max, answer_max); }

  std::string name() const override { return connection_.address().name() + " " + prefix_; }
  std::variant<std::string, StoreFault> identity() override { return name(); }

  std::variant<std::uint64_t, StoreFault> jobs() override {
    std::uint64_t count = 0;
    if (auto failed = for_each_key([&](const std::string&) -> Fault {
          ++count;
          return std::nullopt;
        })) {
      return *std::move(failed);
    }
    return count;
  }

  std::string users() override {
    const auto answer = connection_.ask({"CLIENT", "LIST"});
    if (std::holds_alternative<StoreFault>(answer)) return "";  // who may not ask is not told
    std::string_view left = text_of(*std::get<Reply>(answer));
    std::uint64_t others = 0;
    for (std::size_t end = 0; (end = left.find('\n')) != left.npos; left.remove_prefix(end + 1)) {
      // A store of ours may be there, too.
      others += left.substr(0, end).find(" name=gmand:") == left.npos ? 1 : 0;
    }
    if (others <= 1) return "";  // this one
    return std::to_string(others - 1) + " other connections to that Redis";
  }

  Fault read(const Take& take) override {
    return for_each_key([&](const std::string& key) { return read_job(key, take); });
  }

 private:
  /// Each once, though Redis may name one twice.
  template <typename Act>
  Fault for_each_key(Act&& act) {
    const std::string pattern = literal(prefix_) + "-*";
    std::set<std::string, std::less<>> seen;
    std::string cursor = "0";
    do {
      auto answer = connection_.ask({"SCAN", cursor, "MATCH", pattern, "COUNT", "10000"});
      if (auto* failed = std::get_if<StoreFault>(&answer)) return std::move(*failed);
      const auto parts = redis::elements_of(*std::get<Reply>(answer));
      if (parts.size() != 2) return odd("SCAN");
      cursor = text_of(*parts[0]);
      for (const redisReply* key : redis::elements_of(*parts[1])) {
        const auto [at, is_new] = seen.emplace(text_of(*key));
        if (!is_new) continue;
        if (auto failed = act(*at)) return failed;
      }
    } while (cursor != "0");
    return std::nullopt;
  }

  Fault read_job(const std::string& key, const Take& take) {
    auto answer = connection_.ask({"HMGET", key, "data", "priority", "function", "unique"});
    if (auto* failed = std::get_if<StoreFault>(&answer)) {
      if (failed->text.find("WRONGTYPE") == failed->text.npos) return std::move(*failed);
      answer = connection_.ask({"GET", key});
      if (auto* why = std::get_if<StoreFault>(&answer)) return std::move(*why);
      return take(job_of(key, text_of(*std::get<Reply>(answer)), "1"));
    }
    const auto fields = redis::elements_of(*std::get<Reply>(answer));
    if (fields.size() != 4) return odd("HMGET");
    LeftJob job = job_of(key, text_of(*fields[0]), text_of(*fields[1]));
    if (fields[2]->type == REDIS_REPLY_STRING && fields[3]->type == REDIS_REPLY_STRING) {
      job.function = text_of(*fields[2]);
      job.unique = text_of(*fields[3]);
    }
    return take(job);
  }

  [[nodiscard]] LeftJob job_of(std::string_view key, std::string_view data,
                               std::string_view priority) const {
    const auto [function, unique] = names_in(key.substr(prefix_.size() + 1));
    LeftJob job{
        .unique = unique, .function = function, .workload = data, .priority = 1, .when_to_run = 0};
    std::from_chars(priority.data(), priority.data() + priority.size(), job.priority);
    return job;
  }

  [[nodiscard]] StoreFault odd(const std::string& command) const {
    return {StoreFault::Kind::refused, name() + ": an odd answer to " + command};
  }

  redis::Connection connection_;
  std::string prefix_;
};

}  // namespace

OpenedLeftQueue open_left_redis_queue(const std::string& from, const std::string& prefix) {
  auto address = redis::parse_address(from);
  if (auto* wrong = std::get_if<std::string>(&address)) {
    return StoreFault{StoreFault::Kind::refused, std::move(*wrong)};
  }
  auto queue = std::make_unique<RedisLeftQueue>(std::get<redis::Address>(std::move(address)),
                                                prefix.empty() ? "_gear_" : prefix);
  if (auto failed = queue->open()) return *std::move(failed);
  return queue;
}

}  // namespace gman

#else

namespace gman {

OpenedLeftQueue open_left_redis_queue(const std::string&, const std::string&) {
  return StoreFault{StoreFault::Kind::refused, "this gmand was built without Redis"};
}

}  // namespace gman

#endif
