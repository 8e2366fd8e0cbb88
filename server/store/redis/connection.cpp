// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/redis/connection.hpp"

#include <array>
#include <cerrno>
#include <vector>

#include "base/assert.hpp"

namespace gman::redis {
namespace {

using Kind = StoreFault::Kind;

timeval as_timeval(milliseconds wait) {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(wait);
  return {.tv_sec = whole.count(),
          .tv_usec = std::chrono::duration_cast<std::chrono::microseconds>(wait - whole).count()};
}

struct Meaning {
  std::string_view begins;
  Kind kind;
  std::string_view advice;
};

constexpr std::array meanings{
    Meaning{"OOM", Kind::full, "Redis has reached its maxmemory: raise it, or make room"},
    Meaning{"READONLY", Kind::unavailable, "it is a read-only replica: name its primary"},
    Meaning{"MISCONF", Kind::unavailable, "Redis cannot write to its disk: see its log"},
    Meaning{"LOADING", Kind::unavailable, "Redis is reading its data"},
    Meaning{"BUSY", Kind::unavailable, "Redis is busy with somebody's script"},
    Meaning{"MASTERDOWN", Kind::unavailable, "it is a replica that has lost its primary"},
    Meaning{"NOREPLICAS", Kind::unavailable, "Redis waits for its replicas"},
    Meaning{"ERR max number of clients", Kind::unavailable, "Redis has too many clients"},
    Meaning{"NOAUTH", Kind::refused, "Redis wants a password"},
    Meaning{"WRONGPASS", Kind::refused, "user or password is wrong"},
    Meaning{"ERR invalid password", Kind::refused, "the password is wrong"},
    Meaning{"ERR Client sent AUTH", Kind::refused, "Redis has no password"},
    Meaning{"ERR AUTH", Kind::refused, "Redis has no password"},
    Meaning{"NOPERM", Kind::refused, "Redis does not let this user do that"},
    Meaning{"MOVED", Kind::refused, "a Redis Cluster cannot be a store"},
    Meaning{"CROSSSLOT", Kind::refused, "a Redis Cluster cannot be a store"},
    Meaning{"CLUSTERDOWN", Kind::refused, "a Redis Cluster cannot be a store"},
};

}  // namespace

StoreFault Connection::fault_of(std::string_view error) const {
  // Errors inside of scripts have had other words in front of them in some versions, or a dash.
  for (const Meaning& meaning : meanings) {
    const bool is_it = error.starts_with(meaning.begins) ||
                       error.find("-" + std::string(meaning.begins) + " ") != error.npos;
    if (!is_it) continue;
    return {meaning.kind,
            address_.name() + ": " + std::string(meaning.advice) + " (" + std::string(error) + ")"};
  }
  return {Kind::refused, address_.name() + ": " + std::string(error)};
}

StoreFault Connection::lost(std::string_view doing) {
  const int why = errno;
  std::string text = address_.name() + ": " + std::string(doing) + ": ";
  if (context_ == nullptr) {
    text += "no memory";
  } else {
    // What hiredis says of a socket's time limit is "Resource temporarily unavailable".
    const bool is_late = context_->err == REDIS_ERR_IO && why == EAGAIN;
    text += is_late ? "no answer in time" : context_->errstr;
  }
  close();
  return {Kind::unavailable, std::move(text)};
}

std::optional<StoreFault> Connection::open(milliseconds connect_max, milliseconds answer_max) {
  const timeval wait = as_timeval(connect_max);
  context_.reset(address_.host.empty()
                     ? redisConnectUnixWithTimeout(address_.socket.c_str(), wait)
                     : redisConnectWithTimeout(address_.host.c_str(), address_.port, wait));
  if (context_ == nullptr || context_->err != 0) return lost("connecting");
  if (redisSetTimeout(context_.get(), as_timeval(answer_max)) != REDIS_OK) {
    return lost("setting a time limit");
  }
  // So that no firewall forgets a connection of a server that has had nothing to store for long.
  if (!address_.host.empty() && redisEnableKeepAlive(context_.get()) != REDIS_OK) {
    return lost("setting keepalive");
  }
  auto failed = log_in();
  if (failed) close();
  return failed;
}

std::optional<StoreFault> Connection::log_in() {
  if (!address_.password.empty()) {
    auto answer = address_.user.empty() ? ask({"AUTH", address_.password})
                                        : ask({"AUTH", address_.user, address_.password});
    if (auto* fault = std::get_if<StoreFault>(&answer)) {
      // An error about a command may repeat what it was given.
      if (fault->text.find(address_.password) != fault->text.npos) {
        fault->text = address_.name() + ": Redis refuses to check the password";
      }
      return std::move(*fault);
    }
  }
  auto answer =
      address_.database == 0 ? ask({"PING"}) : ask({"SELECT", std::to_string(address_.database)});
  if (auto* fault = std::get_if<StoreFault>(&answer)) return std::move(*fault);
  return std::nullopt;
}

std::optional<StoreFault> Connection::send(Arguments arguments) {
  GMAN_ASSERT(is_open());
  std::vector<const char*> texts;
  std::vector<std::size_t> lengths;
  texts.reserve(arguments.size());
  lengths.reserve(arguments.size());
  for (const std::string_view argument : arguments) {
    // hiredis hands it to memcpy, which wants an address of nothing, too.
    texts.push_back(argument.data() == nullptr ? "" : argument.data());
    lengths.push_back(argument.size());
  }
  const int code = redisAppendCommandArgv(context_.get(), static_cast<int>(arguments.size()),
                                          texts.data(), lengths.data());
  if (code != REDIS_OK) return lost("sending");
  return std::nullopt;
}

std::optional<StoreFault> Connection::flush() {
  GMAN_ASSERT(is_open());
  for (int is_done = 0; is_done == 0;) {
    if (redisBufferWrite(context_.get(), &is_done) != REDIS_OK) return lost("sending");
  }
  return std::nullopt;
}

Connection::Answer Connection::receive() {
  GMAN_ASSERT(is_open());
  void* taken = nullptr;
  errno = 0;
  if (redisGetReply(context_.get(), &taken) != REDIS_OK || taken == nullptr) {
    return lost("waiting for an answer");
  }
  Reply reply(static_cast<redisReply*>(taken));
  if (reply->type == REDIS_REPLY_ERROR) return fault_of(text_of(*reply));
  return reply;
}

Connection::Answer Connection::ask(Arguments arguments) {
  if (auto fault = send(arguments)) return *std::move(fault);
  return receive();
}

Connection::Answer Connection::run(Script& script, Arguments arguments) {
  if (script.digest.empty()) {
    auto loaded = ask({"SCRIPT", "LOAD", script.text});
    if (auto* fault = std::get_if<StoreFault>(&loaded)) return std::move(*fault);
    script.digest = text_of(*std::get<Reply>(loaded));
  }
  std::vector<std::string_view> command{"EVALSHA", script.digest, "0"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  auto answer = ask(Arguments(command));
  const auto* fault = std::get_if<StoreFault>(&answer);
  const bool is_forgotten =
      fault != nullptr && is_open() && fault->text.find("NOSCRIPT") != fault->text.npos;
  if (!is_forgotten) return answer;
  // The server was restarted, or somebody emptied its store of scripts.
  command[0] = "EVAL";
  command[1] = script.text;
  return ask(Arguments(command));
}

}  // namespace gman::redis
