// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/client/call_script.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "client/fsm/text.hpp"

namespace gman::test {
namespace {

constexpr Instant start_of_time{std::chrono::hours{1}};

std::vector<ServerAddress> servers_of(const std::string& list) {
  return std::get<std::vector<ServerAddress>>(parse_server_list(list));
}

bool is_job(const Call& call) {
  return std::holds_alternative<SubmitCall>(call) || std::holds_alternative<SubmitManyCall>(call) ||
         std::holds_alternative<RunManyCall>(call);
}

std::string as_text(const std::optional<Error>& error) {
  if (!error) return "success";
  return std::to_string(static_cast<int>(error->code)) + ": " + error->message;
}

}  // namespace

std::string bytes_of_response(const Response& response) {
  std::string bytes;
  append_response(bytes, response);
  return bytes;
}

// The machine and its world, as far as the script has been played.
struct CallScript::Replay {
  explicit Replay(const CallScript& script) {
    choice.configure(servers_of(script.servers_), milliseconds{5000});
    fsm.emplace(script.call_, script.limits_, choice);
    action = fsm->start(now);
  }

  void resume(const CallEvent& event) {
    ASSERT_NE(action, Action::done) << as_text(fsm->error());
    action = fsm->resume(event, now);
  }

  void play(const Step& step, std::size_t chunk_bytes) {
    std::visit([&](const auto& one) { play_step(one, chunk_bytes); }, step);
  }

  void expect_open(const std::string& server) {
    ASSERT_EQ(action, Action::open) << as_text(fsm->error());
    EXPECT_EQ(choice.servers()[fsm->server()].name, server);
  }
  void play_step(const Opens& step, std::size_t) {
    expect_open(step.server);
    if (!step.is_reused) resume(LookedUp{});
    resume(Opened{.is_reused = step.is_reused, .agreements = step.agreements});
    is_request_sent = false;
  }
  void play_step(const OpensInVain& step, std::size_t) {
    expect_open(step.server);
    resume(OpenFailed{step.reason});
  }
  void play_step(const Writes& step, std::size_t chunk_bytes) {
    ASSERT_EQ(action, Action::transfer) << as_text(fsm->error());
    EXPECT_EQ(fsm->unsent(), step.bytes);
    for (std::size_t sent = 0; sent < step.bytes.size();) {
      const std::size_t bytes = std::min(chunk_bytes, step.bytes.size() - sent);
      sent += bytes;
      resume(Wrote{bytes});
    }
    is_request_sent |= step.ends_request;
  }
  void play_step(const Reads& step, std::size_t chunk_bytes) {
    for (std::string_view rest = step.bytes; !rest.empty();) {
      ASSERT_EQ(action, Action::transfer) << as_text(fsm->error());
      const auto space = fsm->read_space();
      const std::size_t bytes = std::min({chunk_bytes, rest.size(), space.size()});
      std::memcpy(space.data(), rest.data(), bytes);
      rest.remove_prefix(bytes);
      resume(Received{bytes});
    }
  }
  void play_step(const Breaks& step, std::size_t) {
    ASSERT_EQ(action, Action::transfer) << as_text(fsm->error());
    resume(Broken{step.reason});
  }
  void play_step(const Passes& step, std::size_t) {
    now += step.time;
    const auto due = fsm->wake_at();
    if (due && now >= *due) resume(TimePassed{});
  }

  Instant now = start_of_time;
  ServerChoice choice;
  std::optional<CallFsm> fsm;
  Action action{};
  bool is_request_sent = false;
};

CallScript::CallScript(Call call, std::string servers, CallLimits limits)
    : call_(call), servers_(std::move(servers)), limits_(limits) {}

CallScript& CallScript::opens(std::string server) {
  steps_.emplace_back(Opens{std::move(server), false});
  return *this;
}

CallScript& CallScript::reuses(std::string server, Agreements agreements) {
  steps_.emplace_back(Opens{std::move(server), true, agreements});
  return *this;
}

CallScript& CallScript::opens_in_vain(std::string server, std::string reason) {
  steps_.emplace_back(OpensInVain{std::move(server), std::move(reason)});
  return *this;
}

CallScript& CallScript::writes(std::initializer_list<Request> requests) {
  Writes step;
  for (const Request& request : requests) {
    append_request(step.bytes, request);
    step.ends_request |= !std::holds_alternative<OptionReq>(request);
  }
  steps_.emplace_back(std::move(step));
  return *this;
}

CallScript& CallScript::writes_bytes(std::string bytes) {
  steps_.emplace_back(Writes{std::move(bytes), true});
  return *this;
}

CallScript& CallScript::reads(std::initializer_list<Response> responses) {
  std::string bytes;
  for (const Response& response : responses) bytes += bytes_of_response(response);
  return reads_bytes(std::move(bytes));
}

CallScript& CallScript::reads_bytes(std::string bytes) {
  steps_.emplace_back(Reads{std::move(bytes)});
  return *this;
}

CallScript& CallScript::breaks(std::string reason) {
  steps_.emplace_back(Breaks{std::move(reason)});
  return *this;
}

CallScript& CallScript::passes(milliseconds time) {
  steps_.emplace_back(Passes{time});
  return *this;
}

std::unique_ptr<CallScript::Replay> CallScript::replay(std::size_t steps,
                                                       std::size_t chunk_bytes) const {
  auto played = std::make_unique<Replay>(*this);
  for (std::size_t i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
    SCOPED_TRACE("step " + std::to_string(i + 1));
    played->play(steps_[i], chunk_bytes);
  }
  return played;
}

const CallScript& CallScript::ends_well(const std::function<void(const CallResult&)>& check) const {
  const auto played = replay(steps_.size(), std::string::npos);
  EXPECT_EQ(played->action, Action::done);
  EXPECT_EQ(as_text(played->fsm->error()), "success");
  if (check) check(played->fsm->result());
  return *this;
}

const CallScript& CallScript::ends_with(client_errc code, std::string_view message,
                                        std::string_view hint) const {
  const auto played = replay(steps_.size(), std::string::npos);
  EXPECT_EQ(played->action, Action::done);
  EXPECT_EQ(as_text(played->fsm->error()), as_text(Error{code, std::string(message), {}}));
  EXPECT_EQ(played->fsm->error() ? played->fsm->error()->hint : "", hint);
  return *this;
}

const CallScript& CallScript::ends(const std::function<void(const CallFsm&)>& check) const {
  const auto played = replay(steps_.size(), std::string::npos);
  EXPECT_EQ(played->action, Action::done);
  if (played->action == Action::done) check(*played->fsm);
  return *this;
}

const CallScript& CallScript::leaves_connection_clean(bool expected) const {
  EXPECT_EQ(replay(steps_.size(), std::string::npos)->fsm->is_connection_clean(), expected);
  return *this;
}

const CallScript& CallScript::leaves_agreements(Agreements::Answer submit,
                                                Agreements::Answer submit_many) const {
  const auto played = replay(steps_.size(), std::string::npos);
  EXPECT_EQ(played->fsm->agreements().submit, submit);
  EXPECT_EQ(played->fsm->agreements().submit_many, submit_many);
  return *this;
}

const CallScript& CallScript::comes_out_the_same_byte_by_byte() const {
  const auto whole = replay(steps_.size(), std::string::npos);
  const auto bytes = replay(steps_.size(), 1);
  EXPECT_EQ(bytes->action, whole->action);
  EXPECT_EQ(as_text(bytes->fsm->error()), as_text(whole->fsm->error()));
  EXPECT_EQ(bytes->fsm->result().data, whole->fsm->result().data);
  EXPECT_EQ(bytes->fsm->result().warning, whole->fsm->result().warning);
  EXPECT_EQ(bytes->fsm->result().handle, whole->fsm->result().handle);
  const auto outcomes = [](const Replay& played) {
    std::string text;
    for (const JobOutcome& job : played.fsm->result().jobs) {
      text += job.handle + "|" + job.refusal + "|" + job.data + "|" + job.warning + "|" +
              job.exception + "|" + (job.error ? job.error->message : "") + "\n";
    }
    return text;
  };
  EXPECT_EQ(outcomes(*bytes), outcomes(*whole));
  EXPECT_EQ(bytes->fsm->is_connection_clean(), whole->fsm->is_connection_clean());
  return *this;
}

const CallScript& CallScript::fails_cleanly_at_every_step() const {
  for (std::size_t step = 0; step < steps_.size(); ++step) {
    for (const Failure failure : {Failure::end_of_stream, Failure::reset, Failure::silence}) {
      SCOPED_TRACE("failing at step " + std::to_string(step + 1) + " in way " +
                   std::to_string(static_cast<int>(failure)));
      fail_at(step, failure);
    }
  }
  return *this;
}

void CallScript::fail_at(std::size_t step, Failure failure) const {
  const auto replayed = replay(step, std::string::npos);
  Replay& world = *replayed;
  const bool may_have_job = is_job(call_) && world.is_request_sent;
  std::vector<std::size_t> opened;
  int events = 0;
  for (; world.action != Action::done && events < 100; ++events) {
    const bool is_opening = world.action == Action::open;
    if (is_opening) opened.push_back(world.fsm->server());
    const auto due = world.fsm->wake_at();
    // A foreground job without a deadline may be silent for ever: only its connection can fail.
    if (failure == Failure::silence && due) {
      world.now = *due;
      world.resume(TimePassed{});
    } else if (is_opening) {
      world.resume(OpenFailed{"connection refused"});
    } else if (failure == Failure::end_of_stream) {
      world.resume(Broken{"connection closed by the server"});
    } else {
      world.resume(Broken{"connection reset by peer"});
    }
  }
  ASSERT_EQ(world.action, Action::done) << "no end after " << events << " failures";
  EXPECT_FALSE(world.fsm->is_connection_clean());
  EXPECT_EQ(world.fsm->wake_at(), std::nullopt);

  const std::optional<Error>& error = world.fsm->error();
  ASSERT_TRUE(error);
  EXPECT_EQ(printable(error->message, 10'000), error->message);
  const bool is_deadline =
      limits_.deadline.count() > 0 && world.now >= start_of_time + limits_.deadline;
  if (may_have_job) {
    EXPECT_TRUE(opened.empty()) << "the job was about to be sent again";
    EXPECT_EQ(error->code, is_deadline ? client_errc::deadline : client_errc::connection_lost)
        << error->message;
    if (!is_deadline) {
      EXPECT_NE(error->message.find(" is unknown"), std::string::npos) << error->message;
    }
  } else {
    EXPECT_EQ(error->code, is_deadline ? client_errc::deadline : client_errc::unreachable)
        << error->message;
    std::sort(opened.begin(), opened.end());
    EXPECT_EQ(std::adjacent_find(opened.begin(), opened.end()), opened.end())
        << "a server was tried twice";
  }
}

}  // namespace gman::test
