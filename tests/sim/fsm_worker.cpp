// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/fsm_worker.hpp"

#include "tests/sim/failure.hpp"

namespace gman::sim {

FsmWorker::FsmWorker(World& world, bool is_good)
    : Peer(world),
      is_good_(is_good),
      slots_(world.dice.between(1, 3)),
      slowness_ms_(is_good ? 5 : world.dice.between(0, 400)) {
  connect();
}

void FsmWorker::connect() {
  std::vector<WorkerAbility> abilities;
  for (const std::string_view function : functions) {
    if (!is_good_ && world_.dice.one_in(2)) continue;
    const std::uint64_t timeout_ms =
        !is_good_ && world_.dice.one_in(3) ? world_.dice.between(1, 300) : 0;
    abilities.push_back({std::string(function), milliseconds(timeout_ms)});
  }
  fsm_ = std::make_unique<WorkFsm>(world_.dice.one_in(2) ? "worker" : "", std::move(abilities));
  free_slots_ = slots_;
  world_.connect(link_, {.on_bytes = [this](std::string_view bytes) { receive(bytes); },
                         .on_end = [this] { lost(); }});
  fsm_->connected();
  flush();
}

void FsmWorker::lost() {
  link_.reset();
  in_.clear();
  runs_.clear();
  world_.timeline.after(world_.dice.delay(300), [this] {
    if (link_ == nullptr) connect();
  });
}

void FsmWorker::receive(std::string_view bytes) {
  in_ += bytes;
  std::size_t taken = 0;
  const auto actions = fsm_->receive(in_, taken);
  in_.erase(0, taken);
  for (const WorkAction& action : actions) {
    if (link_ != nullptr) obey(action);
  }
  flush();
}

void FsmWorker::obey(const WorkAction& action) {
  std::visit([&](const auto& one) { obey(one); }, action);
}

void FsmWorker::obey(const RunJob& job) {
  const std::uint64_t number = world_.new_number();
  runs_[number] = {job.handle, std::to_string(number), world_.dice.below(4)};
  step(number);
}

void FsmWorker::obey(const EndConnection& end) {
  throw Failure("the server broke the protocol: " + end.reason.message());
}

// A part, or the end, each after a while.
void FsmWorker::step(std::uint64_t number) {
  world_.timeline.after(world_.dice.delay(slowness_ms_), [this, number] {
    const auto found = runs_.find(number);
    if (found == runs_.end()) return;  // of a connection that is gone
    Run& run = found->second;
    if (run.parts_left == 0) {
      end(run);
      runs_.erase(found);
      ++free_slots_;
      return flush();
    }
    --run.parts_left;
    const std::string part =
        run.handle + "/" + run.attempt + "/" + std::to_string(run.parts_sent++) + ";";
    fsm_->data(run.handle, part);
    if (world_.dice.one_in(4)) {
      fsm_->status(run.handle, static_cast<std::uint32_t>(run.parts_sent), 4);
    }
    if (world_.dice.one_in(8)) fsm_->warning(run.handle, run.handle + "/w/0;");
    flush();
    step(number);
  });
}

void FsmWorker::end(const Run& run) {
  const std::string last = run.handle + "/" + run.attempt + "/end";
  if (is_good_ || world_.is_calm() || !world_.dice.one_in(5)) {
    return fsm_->complete(run.handle, last);
  }
  if (world_.dice.one_in(2)) return fsm_->fail(run.handle);
  fsm_->exception(run.handle, last);
}

void FsmWorker::flush() {
  if (link_ == nullptr) return;
  if (fsm_->wants_grab() && free_slots_ > 0) {
    --free_slots_;
    fsm_->grab();
  }
  const std::string bytes = fsm_->take_output();
  link_->send(Side::peer, bytes);
  if (fsm_->state() == WorkFsm::State::retired && runs_.empty()) {
    link_->close(Side::peer);
    lost();
  }
}

void FsmWorker::retire() {
  if (link_ == nullptr || is_good_) return;
  fsm_->retire();
  flush();
}

void FsmWorker::calm() {
  slowness_ms_ = 5;
}

void FsmWorker::lose_connection() {
  if (link_ != nullptr) link_->cut();
}

}  // namespace gman::sim
