// SPDX-License-Identifier: BSD-3-Clause
// Connection: one connection to a Redis server, its waits bounded, its errors store faults.
//
// Whatever goes wrong with the connection itself closes it, since an answer that comes after its
// time would be taken for the next one's.
#pragma once

#include <hiredis/hiredis.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/time.hpp"
#include "server/store/redis/address.hpp"
#include "server/store/store.hpp"

namespace gman::redis {

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

[[nodiscard]] inline std::string_view text_of(const redisReply& reply) {
  return reply.str == nullptr ? std::string_view() : std::string_view(reply.str, reply.len);
}
/// Those of an array; none of anything else.
[[nodiscard]] inline std::span<redisReply* const> elements_of(const redisReply& reply) {
  return {reply.element, reply.elements};
}

/// A Lua script, which the server is sent once and then named by its digest.
struct Script {
  std::string_view text;
  std::string digest{};
};

class Connection {
 public:
  using Answer = std::variant<Reply, StoreFault>;
  using Arguments = std::span<const std::string_view>;

  explicit Connection(Address address) : address_(std::move(address)) {}

  [[nodiscard]] const Address& address() const { return address_; }
  [[nodiscard]] bool is_open() const { return context_ != nullptr; }
  /// Connects, logs in and chooses the database. `answer_max` bounds each wait for an answer.
  [[nodiscard]] std::optional<StoreFault> open(milliseconds connect_max, milliseconds answer_max);
  void close() { context_.reset(); }

  // All of these require: it is open. An error that the server answers is a fault and leaves it so.

  /// Puts a command behind those that are not sent yet.
  [[nodiscard]] std::optional<StoreFault> send(Arguments arguments);
  /// What send() has put there goes to the server; receive() does that, too.
  [[nodiscard]] std::optional<StoreFault> flush();
  /// The answer to the first command that has none yet.
  [[nodiscard]] Answer receive();
  [[nodiscard]] Answer ask(Arguments arguments);
  [[nodiscard]] Answer ask(std::initializer_list<std::string_view> arguments) {
    return ask(Arguments(arguments.begin(), arguments.size()));
  }
  /// It finds `arguments` in ARGV, and has no KEYS.
  [[nodiscard]] Answer run(Script& script, Arguments arguments);

  /// Of an error that the server has answered.
  [[nodiscard]] StoreFault fault_of(std::string_view error) const;

 private:
  struct Free {
    void operator()(redisContext* context) const { redisFree(context); }
  };
  [[nodiscard]] std::optional<StoreFault> log_in();
  /// And closes it.
  StoreFault lost(std::string_view doing);

  Address address_;
  std::unique_ptr<redisContext, Free> context_;
};

}  // namespace gman::redis
