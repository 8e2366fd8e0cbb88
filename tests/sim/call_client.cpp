// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/call_client.hpp"

#include <algorithm>

#include "tests/sim/failure.hpp"

namespace gman::sim {
namespace {

constexpr std::array<std::string_view, 3> uniques{"a", "b", "client"};
constexpr std::array<Priority, 3> priorities{Priority::high, Priority::normal, Priority::low};

// Parts are "handle/attempt/number;", the end of an attempt is "handle/attempt/end". An attempt
// that was cut off may be followed by another; within one no part is doubled or late. (One may be
// missing: a worker whose time was up and that got the same job again is not heard in between.)
void require_whole(const std::string& handle, std::string_view data) {
  const std::string shown = " in the result of " + handle + ": " + std::string(data);
  std::string attempt;
  std::uint64_t next = 0;
  bool has_ended = false;
  while (!data.empty()) {
    require(!has_ended, [&] { return "something after the end" + shown; });
    const std::string_view part = data.substr(0, data.find(';'));
    data.remove_prefix(std::min(part.size() + 1, data.size()));
    require(part.starts_with(handle + "/"), [&] { return "another job's part" + shown; });
    const std::string_view rest = part.substr(handle.size() + 1);
    const std::string_view by = rest.substr(0, rest.find('/'));
    const std::string_view what = rest.substr(std::min(by.size() + 1, rest.size()));
    has_ended = what == "end";
    if (by == "r" || has_ended) continue;
    const std::uint64_t number = lenient_number(what);
    require(by != attempt || number >= next, [&] { return "a part came twice or late" + shown; });
    attempt = by;
    next = number + 1;
  }
  require(has_ended, [&] { return "no end" + shown; });
}

}  // namespace

CallClient::CallClient(World& world) : Peer(world) {
  auto servers = parse_server_list(world.dice.one_in(2) ? "one:1" : "one:1,two:2");
  choice_.configure(std::get<std::vector<ServerAddress>>(std::move(servers)), milliseconds(500));
}

void CallClient::call() {
  if (fsm_ != nullptr) return;
  CallLimits limits;
  if (world_.dice.one_in(3)) limits.deadline = milliseconds(world_.dice.between(1, 3000));
  if (world_.dice.one_in(4)) limits.answer_timeout = milliseconds(world_.dice.between(20, 200));
  is_job_ = !world_.dice.one_in(6);
  if (!is_job_) {
    if (last_handle_.empty() || world_.dice.one_in(2)) return begin(PingCall{}, limits);
    return begin(StatusCall{last_handle_}, limits);
  }
  if (world_.dice.one_in(5)) return run_many(limits);
  const std::string workload = "call " + std::to_string(world_.new_number());
  const std::string unique(world_.dice.one_in(2) ? "" : world_.dice.pick(uniques));
  mode_ = world_.dice.one_in(3) ? JobMode::background : JobMode::foreground;
  begin(SubmitCall{.function = world_.dice.pick(functions),
                   .unique = unique,
                   .workload = workload,
                   .priority = world_.dice.pick(priorities),
                   .mode = mode_},
        limits);
}

void CallClient::run_many(CallLimits limits) {
  limits.jobs_in_flight = world_.dice.between(1, 4);
  std::vector<std::string> workloads(world_.dice.between(1, 8));
  std::vector<JobOfMany> jobs;
  for (std::string& workload : workloads) {
    workload = "call " + std::to_string(world_.new_number());
    jobs.push_back({world_.dice.one_in(2) ? "" : world_.dice.pick(uniques), workload});
  }
  mode_ = JobMode::foreground;
  begin(RunManyCall{.function = world_.dice.pick(functions),
                    .jobs = jobs,
                    .priority = world_.dice.pick(priorities)},
        limits);
}

void CallClient::begin(const Call& call, const CallLimits& limits) {
  fsm_ = std::make_unique<CallFsm>(call, limits, choice_);
  call_number_ = world_.new_number();
  attempt_ = 0;
  obey(fsm_->start(world_.timeline.now().steady));
}

void CallClient::resume(const CallEvent& event) {
  obey(fsm_->resume(event, world_.timeline.now().steady));
}

void CallClient::obey(Action action) {
  wake_up_when_asked();
  switch (action) {
    case Action::open:
      if (fsm_->attempt() != attempt_) open();
      return;
    case Action::transfer:
      if (!fsm_->unsent().empty()) send_some();
      return;
    case Action::done: return ended();
  }
}

void CallClient::open() {
  const bool may_reuse = attempt_ == 0;
  attempt_ = fsm_->attempt();
  if (link_ != nullptr && may_reuse && world_.dice.percent(80)) {
    return resume(Opened{.is_reused = true});
  }
  drop_link();
  const bool is_refused = !world_.is_calm() && world_.dice.one_in(10);
  const auto delay = world_.dice.delay(world_.weather.delay_ms_max);
  world_.timeline.after(delay, [this, call = call_number_, attempt = attempt_, is_refused] {
    if (fsm_ == nullptr || call != call_number_ || attempt != fsm_->attempt()) return;
    if (is_refused) return resume(OpenFailed{"refused"});
    world_.connect(link_, {.on_bytes = [this](std::string_view bytes) { receive(bytes); },
                           .on_end =
                               [this] {
                                 link_.reset();
                                 if (fsm_ != nullptr && fsm_->action() == Action::transfer) {
                                   resume(Broken{"the connection ended"});
                                 }
                               }});
    resume(LookedUp{});
    if (fsm_ == nullptr || attempt != fsm_->attempt()) return;
    resume(Opened{});
  });
}

void CallClient::drop_link() {
  if (link_ == nullptr) return;
  link_->close(Side::peer);
  link_.reset();
}

// Some of it now, the rest soon: a socket takes what it likes.
void CallClient::send_some() {
  const std::string_view unsent = fsm_->unsent();
  const std::size_t bytes =
      world_.dice.one_in(3) ? world_.dice.between(1, unsent.size()) : unsent.size();
  link_->send(Side::peer, unsent.substr(0, bytes));
  resume(Wrote{bytes});
}

void CallClient::receive(std::string_view bytes) {
  require(fsm_ != nullptr, "bytes that nobody asked for");
  while (!bytes.empty() && fsm_ != nullptr && link_ != nullptr) {
    const std::span<char> space = fsm_->read_space();
    const std::size_t count = std::min(space.size(), bytes.size());
    std::copy_n(bytes.data(), count, space.data());
    bytes.remove_prefix(count);
    resume(Received{count});
  }
}

void CallClient::wake_up_when_asked() {
  const auto wake_at = fsm_->wake_at();
  if (!wake_at) return;
  world_.timeline.at(*wake_at, [this, call = call_number_] {
    if (fsm_ == nullptr || call != call_number_) return;
    const auto due = fsm_->wake_at();
    if (due && *due <= world_.timeline.now().steady) resume(TimePassed{});
  });
}

void CallClient::ended() {
  check_result();
  last_handle_ = fsm_->result().handle;
  if (!fsm_->is_connection_clean() || world_.dice.one_in(5)) drop_link();
  fsm_.reset();
}

void CallClient::check_result() const {
  const CallResult& result = fsm_->result();
  for (const JobOutcome& job : result.jobs) check_job(job);
  if (is_job_ && !result.handle.empty()) world_.acknowledged(result.handle, mode_);
  if (fsm_->error()) {
    world_.say("a call ends: " + fsm_->error()->message);
    return check_error(*fsm_->error(), result.handle);
  }
  world_.say("a call ends well: " + result.handle + " " + result.data);
  if (!is_job_ || !result.jobs.empty()) return;
  require(!result.handle.empty(), "a job that has no handle");
  if (mode_ == JobMode::foreground) require_whole(result.handle, result.data);
}

void CallClient::check_job(const JobOutcome& job) const {
  if (job.same_as) return;
  if (!job.handle.empty()) world_.acknowledged(job.handle, JobMode::foreground);
  if (job.error) return check_error(*job.error, job.handle);
  require_whole(job.handle, job.data);
}

void CallClient::check_error(const Error& error, const std::string& handle) const {
  const auto outcome = world_.model().outcomes().find(handle);
  const bool has_ended = outcome != world_.model().outcomes().end();
  switch (error.code) {
    case client_errc::unreachable:
    case client_errc::connection_lost:
    case client_errc::deadline: return;
    case client_errc::server_error:
      return require(handle.empty(),
                     [&] { return "refused after it was accepted: " + error.message; });
    // What it was told may have happened before a restart, and something else after it.
    case client_errc::job_exception:
      if (world_.model().is_done_again(handle)) return;
      return require(has_ended && outcome->second == Outcome::raised,
                     [&] { return error.message; });
    case client_errc::job_failed:
      if (world_.model().is_done_again(handle)) return;
      // A cancelled job may run on.
      return require(!has_ended || (outcome->second != Outcome::completed &&
                                    outcome->second != Outcome::raised &&
                                    outcome->second != Outcome::left_alone),
                     [&] { return error.message; });
    case client_errc::invalid_argument:
    case client_errc::no_servers:
    case client_errc::protocol_error:
    case client_errc::cancelled:
    case client_errc::out_of_memory:
    case client_errc::internal_error: throw Failure("a call ended by " + error.message);
  }
}

std::string CallClient::state() const {
  return "a call is under way: " + (fsm_ == nullptr ? "" : fsm_->result().handle);
}

void CallClient::lose_connection() {
  if (link_ != nullptr) link_->cut();
}

}  // namespace gman::sim
