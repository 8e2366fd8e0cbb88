// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/checked_engine.hpp"

#include <array>

#include "server/net/admin_answers.hpp"
#include "tests/sim/failure.hpp"

namespace gman::sim {
namespace {

std::string listed(const std::vector<Happened>& list) {
  std::string text;
  for (const Happened& one : list) text += "  " + told(one) + "\n";
  return text.empty() ? "  nothing\n" : text;
}

}  // namespace

void CheckedEngine::connected(ConnId conn) {
  engine_->connected(conn);
  model_.connected(conn);
}

void CheckedEngine::handle(ConnId conn, const Request& request, Now now) {
  engine_->handle(conn, request, now, effects_);
  witness();
  model_.handle(conn, request, now);
  compare(now);
}

void CheckedEngine::disconnected(ConnId conn, Now now) {
  engine_->disconnected(conn, now, effects_);
  witness();
  model_.disconnected(conn, now);
  compare(now);
}

void CheckedEngine::tick(Now now) {
  engine_->tick(now, effects_);
  witness();
  model_.tick(now);
  compare(now);
}

void CheckedEngine::change(const EngineSettings& settings) {
  engine_->change(settings);
  model_.change(settings);
}

void CheckedEngine::stop_assigning() {
  engine_->stop_assigning();
  model_.stop_assigning();
}

std::uint64_t CheckedEngine::take_batch(JobChanges& changes) {
  const std::uint64_t batch = effects_.batch();
  effects_.take_batch(changes);
  model_.given_to_store(batch, changes);
  return batch;
}

void CheckedEngine::stored(std::uint64_t batch, Now now) {
  engine_->stored(batch, now, effects_);
  witness();
  model_.stored(batch, now);
  compare(now);
}

void CheckedEngine::give_up_storing(Now now) {
  engine_->give_up_storing(now, effects_);
  witness();
  model_.give_up_storing();
  compare(now);
}

void CheckedEngine::fetched(JobNumber number, std::string_view workload, Now now) {
  engine_->fetched(number, workload, now, effects_);
  witness();
  model_.fetched(number);
  compare(now);
}

void CheckedEngine::lost(JobNumber number, Now now) {
  engine_->lost(std::array{number}, now, effects_);
  witness();
  model_.lost(number);
  compare(now);
}

void CheckedEngine::set_store_fault(const std::string& text) {
  engine_->set_store_fault(text);
  model_.set_store_fault(text);
}

void CheckedEngine::restart(const EngineSettings& settings, const std::vector<JobRecord>& jobs,
                            const std::map<std::uint32_t, std::string>& starts,
                            bool last_batch_is_stored, Now now) {
  engine_ = std::make_unique<Engine>(settings);
  JobChanges died_with_it;
  effects_.take_batch(died_with_it);
  wanted_.clear();
  for (const auto& [start, prefix] : starts) engine_->know_start(start, prefix);
  for (const JobRecord& job : jobs) engine_->restore(job, now);
  model_.restarted(settings, last_batch_is_stored, now);
  engine_->check();
  model_.check(*engine_, now);
}

std::string CheckedEngine::admin(const AdminCommand& command, std::string_view line, Now now) {
  std::optional<AdminShutdown> shutdown;
  std::string answer = admin_answer(command, AdminContext{.engine = *engine_,
                                                          .effects = effects_,
                                                          .now = now,
                                                          .sessions = no_sessions_,
                                                          .verbosity = LogLevel::info,
                                                          .line = line,
                                                          .may_shut_down = false,
                                                          .shutdown_request = shutdown});
  require(!shutdown, "a stranger shut the server down");
  witness();
  model_.admin(command, answer, now);
  compare(now);
  return answer;
}

// NOOPs are the engine's choice: the model only checks that each goes to one who sleeps.
void CheckedEngine::witness() {
  ++events_;
  std::string noop;
  append_response(noop, Noop{});
  happened_.clear();
  woken_.clear();
  for (const Effects::Effect& effect : effects_.list()) {
    if (const auto* ending = std::get_if<Effects::Close>(&effect)) {
      happened_.push_back({.conn = ending->conn, .packet = {}, .reason = ending->reason});
      continue;
    }
    const auto& sent = std::get<Effects::Send>(effect);
    std::string_view bytes = effects_.bytes_of(sent);
    while (!bytes.empty()) {
      const auto frame = next_frame(bytes);
      require(frame && *frame, "half a packet was sent");
      const std::string packet(bytes.substr(0, (*frame)->bytes));
      if (packet == noop) {
        woken_.push_back(sent.to);
      } else {
        happened_.push_back({.conn = sent.to, .packet = packet, .when_stored = sent.batch != 0});
      }
      bytes.remove_prefix(packet.size());
    }
  }
  model_.witnessed(happened_);
}

void CheckedEngine::compare(Now now) {
  // After the event itself, which may be the PRE_SLEEP that this answers.
  for (const ConnId conn : woken_) model_.noop(conn, now);
  const std::vector<Happened> expected = model_.take_expected();
  require(happened_ == expected, [&] {
    return "this happened:\n" + listed(happened_) + "and this had to happen:\n" + listed(expected);
  });
  for (const Effects::Effect& effect : effects_.list()) {
    if (const auto* ending = std::get_if<Effects::Close>(&effect)) {
      sink_.close(ending->conn, ending->reason);
    } else {
      const auto& sent = std::get<Effects::Send>(effect);
      sink_.send(sent.to, effects_.bytes_of(sent), sent.batch);
    }
  }
  effects_.clear();
  const std::vector<JobNumber> wanted = effects_.take_wanted();
  model_.wanted(wanted);
  wanted_.insert(wanted_.end(), wanted.begin(), wanted.end());
  engine_->check();
  model_.check(*engine_, now);
}

}  // namespace gman::sim
