// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/rough_peer.hpp"

#include <algorithm>
#include <utility>

#include "protocol/errors.hpp"
#include "protocol/extended.hpp"
#include "protocol/limits.hpp"
#include "tests/sim/failure.hpp"

namespace gman::sim {
namespace {

constexpr std::array<std::string_view, 5> uniques{"a", "b", "c", "-", ""};
// As relays make them, but for the last one.
constexpr std::array<std::string_view, 5> uniques_of_rows{
    "0123abcd-4567-89ab-cdef-0123456789ab:1", "0123abcd-4567-89ab-cdef-0123456789ab:2",
    "0123abcd-4567-89ab-cdef-0123456789ab:18446744073709551615",
    "fedcba98-4567-89ab-cdef-0123456789ab:1", "0123abcd-4567-89ab-cdef-0123456789ab:01"};
constexpr std::array<Priority, 3> priorities{Priority::high, Priority::normal, Priority::low};
constexpr std::array<GrabForm, 3> forms{GrabForm::plain, GrabForm::unique, GrabForm::all};
constexpr std::string_view echoed = "anybody there?";

}  // namespace

RoughPeer::RoughPeer(World& world) : Peer(world) {
  connect();
}

void RoughPeer::connect() {
  forget_everything();
  world_.connect(link_, {.on_bytes = [this](std::string_view bytes) { receive(bytes); },
                         .on_end =
                             [this] {
                               require(may_be_closed_, "a good peer was closed");
                               link_.reset();
                               forget_everything();
                             }});
}

void RoughPeer::forget_everything() {
  in_.clear();
  owed_.clear();
  waits_.clear();
  held_.clear();
  reports_ = 0;
  naps_ = 0;
  may_be_closed_ = false;
  has_negotiated_ = false;
}

void RoughPeer::negotiate() {
  if (link_ == nullptr) connect();
  if (std::exchange(has_negotiated_, true)) return;
  for (const PacketType type :
       {PacketType::submit, PacketType::submit_many, PacketType::can_do_many}) {
    owed_.push_back(Owed::option);
    send(OptionReq{option_name_of(type)});
  }
}

void RoughPeer::send(const Request& request) {
  std::string bytes;
  append_request(bytes, request);
  send_bytes(bytes, {});
}

void RoughPeer::send_bytes(std::string_view bytes, std::initializer_list<Owed> owed) {
  if (link_ == nullptr) connect();
  owed_.insert(owed_.end(), owed);
  link_->send(Side::peer, bytes);
}

// ---- What it may do

void RoughPeer::submit() {
  if (link_ == nullptr) connect();
  const bool is_foreground = world_.dice.one_in(2);
  const std::string workload =
      world_.dice.one_in(8) ? "" : "job " + std::to_string(world_.dice.below(6));
  const std::string unique = some_unique();
  const bool has_reducer = world_.dice.one_in(10);
  owed_.push_back(is_foreground ? Owed::foreground : Owed::background);
  send(SubmitJob{.function = world_.dice.pick(functions),
                 .unique = unique,
                 .workload = workload,
                 .reducer = has_reducer ? "sum" : "",
                 .priority = has_reducer ? Priority::normal : world_.dice.pick(priorities),
                 .mode = is_foreground ? JobMode::foreground : JobMode::background});
}

void RoughPeer::submit_for_later() {
  if (link_ == nullptr) connect();
  const std::string unique = some_unique();
  SubmitJob job{.function = world_.dice.pick(functions),
                .unique = unique,
                .workload = "later",
                .mode = JobMode::background};
  if (world_.dice.one_in(3)) {
    job.schedule.emplace();
    job.schedule->minute = static_cast<std::uint8_t>(world_.dice.below(62));  // 60, 61: never
    if (world_.dice.one_in(4)) {
      job.schedule->day_of_week = static_cast<std::uint8_t>(world_.dice.below(7));
    }
  } else {
    const auto wall = std::chrono::floor<std::chrono::seconds>(world_.timeline.now().wall);
    job.run_at_epoch_seconds =
        wall.time_since_epoch().count() - 5 + static_cast<std::int64_t>(world_.dice.below(100));
  }
  owed_.push_back(Owed::background);
  send(job);
}

void RoughPeer::submit_extended() {
  negotiate();
  const bool is_foreground = world_.dice.one_in(2);
  const std::string unique = some_unique();
  SubmitJob job{.function = world_.dice.pick(functions),
                .unique = unique,
                .workload = "extended",
                .priority = world_.dice.pick(priorities),
                .mode = is_foreground ? JobMode::foreground : JobMode::background};
  if (world_.dice.one_in(2)) job.unique_mode = UniqueMode::until_start;
  if (world_.dice.one_in(3)) {
    const auto wall = std::chrono::floor<milliseconds>(world_.timeline.now().wall);
    job.run_at_epoch_ms = wall.time_since_epoch().count() - 500 +
                          static_cast<std::int64_t>(world_.dice.below(20'000));
  }
  std::string bytes;
  append_submit(bytes, job);
  send_bytes(bytes, {is_foreground ? Owed::foreground : Owed::background});
}

void RoughPeer::submit_many() {
  negotiate();
  const bool is_foreground = world_.dice.one_in(2);
  std::array<std::string, 4> names;
  std::vector<JobOfMany> jobs(world_.dice.between(1, names.size()));
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    names[i] = some_unique();
    jobs[i] = {.unique = names[i], .workload = world_.dice.one_in(2) ? "one of many" : ""};
    owed_.push_back(is_foreground ? Owed::foreground : Owed::background);
  }
  std::string bytes;
  append_submit_many(
      bytes,
      {.function = world_.dice.pick(functions),
       .priority = world_.dice.pick(priorities),
       .mode = is_foreground ? JobMode::foreground : JobMode::background,
       .unique_mode = world_.dice.one_in(2) ? UniqueMode::until_start : UniqueMode::alive},
      jobs);
  send_bytes(bytes, {});
}

void RoughPeer::register_many() {
  negotiate();
  may_be_closed_ = true;  // there may be too many functions
  std::vector<CanDo> abilities;
  for (const std::string_view function : functions) {
    if (world_.dice.one_in(2)) continue;
    abilities.push_back(
        {function, static_cast<std::uint32_t>(world_.dice.one_in(3) ? world_.dice.below(500) : 0)});
  }
  if (abilities.empty()) return;
  std::string bytes;
  append_can_do_many(bytes, abilities);
  send_bytes(bytes, {});
}

void RoughPeer::ask_for_unique_window() {
  if (link_ == nullptr) connect();
  owed_.push_back(Owed::option);
  send(OptionReq{unique_window_option});
}

void RoughPeer::grab() {
  if (link_ == nullptr) connect();
  owed_.push_back(Owed::grab);
  send(GrabJob{world_.dice.pick(forms)});
}

void RoughPeer::register_function() {
  if (link_ == nullptr) connect();
  may_be_closed_ = true;  // there may be too many functions
  const auto timeout_ms =
      static_cast<std::uint32_t>(world_.dice.one_in(3) ? world_.dice.between(1, 2000) : 0);
  send(CanDo{world_.dice.pick(functions), timeout_ms});
}

void RoughPeer::give_up_functions() {
  if (world_.dice.one_in(4)) return send(ResetAbilities{});
  send(CantDo{world_.dice.pick(functions)});
}

void RoughPeer::sleep() {
  if (link_ == nullptr) connect();
  ++naps_;
  send(PreSleep{});
}

void RoughPeer::finish_a_job() {
  finish(some_handle(), true);
}

void RoughPeer::finish(const std::string& handle, bool may_fail) {
  if (link_ == nullptr) return;
  std::erase(held_, handle);
  ++reports_;
  const std::string data = handle + "/r/end";
  switch (may_fail ? world_.dice.below(4) : 0) {
    case 0:
    case 1: return send(WorkComplete{handle, data});
    case 2: return send(WorkFail{handle});
    case 3:
      send(WorkException{handle, data});
      if (world_.dice.one_in(2)) return;  // Perl's workers say both
      ++reports_;
      return send(WorkFail{handle});
  }
}

void RoughPeer::report_on_a_job() {
  if (link_ == nullptr) connect();
  const std::string handle = some_handle();
  const std::string data = handle + "/r/part;";
  ++reports_;
  switch (world_.dice.below(3)) {
    case 0: return send(WorkData{handle, data});
    case 1: return send(WorkWarning{handle, data});
    case 2: {
      const std::string numerator = std::to_string(world_.dice.below(200));
      return send(WorkStatus{handle, numerator, "100"});
    }
  }
}

void RoughPeer::ask_for_status() {
  if (link_ == nullptr) connect();
  const std::string handle = some_handle();
  const std::string unique = some_unique();
  if (world_.dice.one_in(3)) {
    owed_.push_back(Owed::status_unique);
    return send(GetStatusUnique{unique});
  }
  owed_.push_back(Owed::status);
  send(GetStatus{handle});
}

void RoughPeer::say_something_small() {
  if (link_ == nullptr) connect();
  switch (world_.dice.below(4)) {
    case 0: owed_.push_back(Owed::echo); return send(EchoReq{echoed});
    case 1:
      owed_.push_back(Owed::option);
      return send(OptionReq{world_.dice.one_in(4) ? "teapot" : "Exceptions"});
    case 2: return send(SetClientId{"me myself"});
    case 3: return send(AllYours{});
  }
}

void RoughPeer::order_as_operator() {
  const std::string function(world_.dice.pick(functions));
  switch (world_.dice.below(5)) {
    case 0:
    case 1: return send_bytes("cancel job " + some_handle() + "\n", {Owed::line});
    case 2: {
      const std::string jobs_max = std::to_string(world_.dice.below(6));
      return send_bytes("maxqueue " + function + " " + jobs_max + " 3 2\r\n", {Owed::line});
    }
    case 3: return send_bytes("drop function " + function + "\n", {Owed::line});
    case 4: return send_bytes("create function " + function + "\r\n", {Owed::line});
  }
}

void RoughPeer::ask_as_operator() {
  switch (world_.dice.below(6)) {
    case 0: return send_bytes("status\n", {Owed::list});
    case 1: return send_bytes("PRIORITYSTATUS\r\n", {Owed::list});
    case 2: return send_bytes("show jobs\n", {Owed::list});
    case 3: return send_bytes("show  unique jobs\n", {Owed::list});
    case 4: return send_bytes("version\n", {Owed::line});
    case 5: return send_bytes("make coffee\n", {Owed::line});
  }
}

void RoughPeer::send_nonsense() {
  using namespace std::string_view_literals;
  if (link_ == nullptr) connect();
  std::string bytes;
  switch (world_.dice.below(7)) {
    case 0:  // too few arguments
      append_packet(bytes, Magic::req, PacketType::submit_job, {"f"});
      return send_bytes(bytes, {Owed::refusal});
    case 1:  // what only servers send
      append_packet(bytes, Magic::req, PacketType::job_created, {"H:1"});
      return send_bytes(bytes, {Owed::refusal});
    case 2:
      append_packet(bytes, Magic::res, PacketType::grab_job, {});
      return send_bytes(bytes, {Owed::refusal});
    case 3:
      append_packet(bytes, Magic::req, PacketType::submit_job, {"", "", "x"});
      return send_bytes(bytes, {Owed::refusal});
    case 4:  // a magic, a type and a length that are none: the end
      may_be_closed_ = true;
      return send_bytes(world_.dice.one_in(2) ? "\0RAQ"sv : "\0REQ\0\0\0\x05\0\0\0\0"sv,
                        {Owed::refusal});
    case 6:  // what it has not asked for
      if (has_negotiated_) return;
      may_be_closed_ = true;
      append_submit(bytes, {.function = "f"});
      return send_bytes(bytes, {Owed::refusal});
    case 5:  // half a packet, and then nothing
      append_packet(bytes, Magic::req, PacketType::submit_job_bg, {"f", "", "half of this"});
      send_bytes(bytes.substr(0, world_.dice.between(1, bytes.size() - 1)), {});
      return world_.dice.one_in(2) ? leave() : lose_connection();
  }
}

void RoughPeer::leave() {
  if (link_ == nullptr) return;
  link_->close(Side::peer);
  link_.reset();
  forget_everything();
}

void RoughPeer::cancel(Which which) {
  std::string lines;
  for (const auto& [handle, job] : world_.model().jobs()) {
    if (which == Which::scheduled && job.state != ModelJob::State::scheduled) continue;
    lines += "cancel job " + handle + "\n";
    owed_.push_back(Owed::line);
  }
  send_bytes(lines, {});
}

void RoughPeer::lose_connection() {
  if (link_ == nullptr) return;
  may_be_closed_ = true;
  link_->cut();
}

// Mostly a job that it has, else any that is, was or never was.
std::string RoughPeer::some_handle() {
  if (!held_.empty() && !world_.dice.one_in(6)) return world_.dice.pick(held_);
  const auto& jobs = world_.model().jobs();
  const auto& outcomes = world_.model().outcomes();
  if (!jobs.empty() && !world_.dice.one_in(4)) return world_.dice.pick(jobs).first;
  if (!outcomes.empty() && !world_.dice.one_in(4)) return world_.dice.pick(outcomes).first;
  return world_.dice.one_in(2) ? "H:999" : "H:0";
}

std::string RoughPeer::some_unique() {
  if (world_.dice.one_in(20)) return std::string(unique_bytes_max, 'u');
  if (world_.dice.one_in(3)) return "";
  return std::string(world_.dice.one_in(2) ? world_.dice.pick(uniques)
                                           : world_.dice.pick(uniques_of_rows));
}

// ---- What it hears

void RoughPeer::receive(std::string_view bytes) {
  in_ += bytes;
  while (link_ != nullptr) {
    const auto frame = next_frame(in_);
    require(frame.has_value(), "the server's bytes make no sense");
    if (!*frame) return;
    const std::string whole = in_.substr(0, (*frame)->bytes);
    in_.erase(0, whole.size());
    std::visit([&](const auto& unit) { read(unit); }, (*next_frame(whole))->unit);
  }
}

void RoughPeer::read(const Packet& packet) {
  const auto response = parse_response(packet);
  require(response.has_value(), "the server sent what is no response");
  std::visit([&](const auto& one) { answer(one); }, *response);
}

void RoughPeer::read(const TextLine& line) {
  require(!owed_.empty() && (owed_.front() == Owed::line || owed_.front() == Owed::list),
          [&] { return "a line out of turn: " + std::string(line.text); });
  if (owed_.front() == Owed::line || line.text == ".") owed_.pop_front();
}

void RoughPeer::settle(Owed kind, const std::string& packet) {
  require(!owed_.empty() && owed_.front() == kind,
          [&] { return "an answer out of turn: " + packet; });
  owed_.pop_front();
}

void RoughPeer::answer(const Noop&) {
  require(naps_-- > 0, "more NOOPs than PRE_SLEEPs");
}
void RoughPeer::answer(const JobCreated& r) {
  const bool is_foreground = !owed_.empty() && owed_.front() == Owed::foreground;
  settle(is_foreground ? Owed::foreground : Owed::background, "JOB_CREATED");
  if (is_foreground) ++waits_[std::string(r.handle)];
  world_.acknowledged(r.handle, is_foreground ? JobMode::foreground : JobMode::background);
}
void RoughPeer::answer(const JobAssign& r) {
  settle(Owed::grab, "JOB_ASSIGN");
  held_.emplace_back(r.handle);
  if (world_.is_calm()) finish(held_.back(), false);
}
void RoughPeer::answer(const NoJob&) {
  settle(Owed::grab, "NO_JOB");
}
void RoughPeer::answer(const StatusRes&) {
  settle(Owed::status, "STATUS_RES");
}
void RoughPeer::answer(const StatusResUnique&) {
  settle(Owed::status_unique, "STATUS_RES_UNIQUE");
}
void RoughPeer::answer(const EchoRes& r) {
  settle(Owed::echo, "ECHO_RES");
  require(r.data == echoed, "another echo");
}
void RoughPeer::answer(const OptionRes&) {
  settle(Owed::option, "OPTION_RES");
}

void RoughPeer::answer(const ErrorRes& r) {
  const std::string text = std::string(r.code) + " " + std::string(r.text);
  if (r.code == error_text::job_not_found_code) {
    return require(reports_-- > 0, "refused a report that was not sent");
  }
  require(!owed_.empty(), [&] { return "an error that nobody asked for: " + text; });
  const Owed first = owed_.front();
  const bool is_of_submit = r.code == error_text::queue_error_code ||
                            r.code == error_text::store_error_code ||
                            r.code == error_text::invalid_argument_code;
  const bool is_of_option = r.code == error_text::unknown_option_code;
  const bool fits = is_of_submit   ? first == Owed::foreground || first == Owed::background
                    : is_of_option ? first == Owed::option
                                   : first == Owed::refusal;
  require(fits, [&] { return "an error out of turn: " + text; });
  owed_.pop_front();
}

void RoughPeer::final(std::string_view handle, std::string_view data) {
  heard(handle, data);
  const auto wait = waits_.find(handle);
  if (--wait->second == 0) waits_.erase(wait);
}

void RoughPeer::heard(std::string_view handle, std::string_view data) {
  require(waits_.contains(handle),
          [&] { return "told of a job that it does not wait for: " + std::string(handle); });
  require(data.empty() || data.starts_with(handle), "told another job's data");
}

// ---- The end

void RoughPeer::calm() {
  if (link_ == nullptr) return;
  for (const std::string& handle : std::vector(held_)) finish(handle, false);
}

bool RoughPeer::is_done() const {
  return owed_.empty() && waits_.empty() && held_.empty();
}

std::string RoughPeer::state() const {
  std::string text = "a rough peer is owed " + std::to_string(owed_.size()) + " answers, holds " +
                     std::to_string(held_.size()) + " jobs and waits for";
  for (const auto& [handle, count] : waits_) text += " " + handle;
  return text;
}

}  // namespace gman::sim
