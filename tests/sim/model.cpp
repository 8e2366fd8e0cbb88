// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/model.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <sstream>

#include "protocol/errors.hpp"
#include "server/engine/schedule.hpp"
#include "tests/sim/failure.hpp"

namespace gman::sim {
namespace {

std::int64_t ms_since_1970(WallTime time) {
  return std::chrono::floor<milliseconds>(time.time_since_epoch()).count();
}

std::string bytes_of(const Response& response) {
  std::string bytes;
  append_response(bytes, response);
  return bytes;
}

Response response_in(const std::string& packet) {
  const auto frame = next_frame(packet);
  require(frame && *frame && (*frame)->bytes == packet.size(), "not one whole packet was sent");
  const auto response = parse_response(std::get<Packet>((*frame)->unit));
  require(response.has_value(), "what was sent is no response");
  return *response;
}

std::vector<std::string> sorted_lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::ranges::sort(lines);
  return lines;
}

void require_rows(const std::string& answer, const std::string& rows) {
  const std::string expected = rows + std::string(admin_text::list_end);
  require(answer.ends_with(admin_text::list_end),
          [&] { return "a list without its end: " + answer; });
  require(sorted_lines(answer) == sorted_lines(expected),
          [&] { return "an admin list says\n" + answer + "and had to say\n" + expected; });
}

void require_answer(const std::string& answer, std::string_view expected) {
  require(answer == expected, [&] {
    return "an admin command answered " + answer + "and had to answer " + std::string(expected);
  });
}

// "<uuid>:<row>", each in the one way in which a relay writes it.
bool is_made_by_relay(std::string_view unique) {
  constexpr std::string_view uuid = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx:";
  constexpr std::string_view row_max = "18446744073709551615";
  constexpr std::string_view digits = "0123456789";
  constexpr std::string_view hex_digits = "0123456789abcdef";
  if (unique.size() <= uuid.size()) return false;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    const bool is_hex = hex_digits.find(unique[i]) != std::string_view::npos;
    if (uuid[i] == 'x' ? !is_hex : unique[i] != uuid[i]) return false;
  }
  const std::string_view row = unique.substr(uuid.size());
  return row[0] != '0' && row.find_first_not_of(digits) == std::string_view::npos &&
         std::pair(row.size(), row) <= std::pair(row_max.size(), row_max);
}

}  // namespace

// ---- Events

void Model::handle(ConnId conn, const Request& request, Now now) {
  now_ = now.steady;
  std::visit([&](const auto& one) { on(conn, one, now); }, request);
}

void Model::change(EngineSettings settings) {
  settings.handle_prefix = settings_.handle_prefix;
  settings_ = std::move(settings);
}

void Model::noop(ConnId conn, Now now) {
  Peer& peer = peers_.at(conn);
  require(peer.sleep == Peer::Sleep::asleep, "woke one who does not sleep");
  require(assigns_, "woke one to whom no job will be given");
  peer.sleep = Peer::Sleep::woken;
  peer.woken_at = now.steady;
}

void Model::on(ConnId who, const SubmitJob& r, Now now) {
  std::optional<std::int64_t> due_ms = r.run_at_epoch_ms;
  if (r.run_at_epoch_seconds) {
    constexpr std::int64_t seconds_max = std::numeric_limits<std::int64_t>::max() / 1000;
    due_ms = std::clamp(*r.run_at_epoch_seconds, -seconds_max, seconds_max) * 1000;
  }
  if (r.schedule) {
    const auto match = engine::next_match(*r.schedule, now.wall);
    if (!match) {
      return expect_error(who, error_text::invalid_argument_code, error_text::schedule_never);
    }
    due_ms = ms_since_1970(*match);
  }
  if (!knows_function(r.function)) {
    if (!has_room_for_function()) {
      return expect_error(who, error_text::queue_error_code, error_text::too_many_functions);
    }
    functions_.emplace(r.function);
  }

  const bool is_foreground = r.mode == JobMode::foreground;
  ModelJob* known = find(r.function, r.unique, r.workload);
  const bool may_join =
      known != nullptr && (r.unique_mode == UniqueMode::alive || known->state != State::running);
  if (may_join) {
    if (is_foreground && known->clients.size() >= settings_.clients_per_job_max) {
      return expect_error(who, error_text::queue_error_code, error_text::too_many_clients);
    }
    const bool is_promise = !is_foreground && is_durable(r.function);
    if (is_promise && !store_fault_.empty()) {
      return expect_error(who, error_text::store_error_code, store_fault_);
    }
    if (is_promise && !known->is_stored) store(*known);
    known->is_background |= !is_foreground;
    if (is_foreground) known->clients.push_back(who);
    if (is_promise || known->state == State::storing) {
      return expect_when_stored(who, JobCreated{known->handle});
    }
    return expect(who, JobCreated{known->handle});
  }
  const bool is_resent = known == nullptr && peers_.at(who).has_unique_window &&
                         r.unique_mode == UniqueMode::alive && is_remembered(r.unique);
  if (is_resent) {
    const std::string handle = settings_.handle_prefix + ":0";
    expect(who, JobCreated{handle});
    if (is_foreground) expect(who, WorkComplete{handle, {}});
    return;
  }
  const std::uint32_t jobs_max = queue_max(r.function, r.priority);
  if (jobs_max != 0 && waiting(r.function) >= jobs_max) {
    return expect_error(who, error_text::queue_error_code, error_text::queue_full);
  }

  if (settings_.jobs_max != 0 && all_waiting() >= settings_.jobs_max) {
    return expect_error(who, error_text::queue_error_code, error_text::too_many_jobs);
  }

  // The handle is the engine's to choose, so long as it never comes again.
  const Response answer = next_answer("a submit");
  const auto* refusal = std::get_if<ErrorRes>(&answer);
  if (refusal != nullptr && refusal->text == error_text::memory_full) {
    require_no_room(r);
    return expect_error(who, error_text::queue_error_code, error_text::memory_full);
  }
  const bool is_durable_job = !is_foreground && is_durable(r.function);
  if (is_durable_job && !store_fault_.empty()) {
    return expect_error(who, error_text::store_error_code, store_fault_);
  }
  require(std::holds_alternative<JobCreated>(answer),
          [&] { return "a good submit was answered " + told(happened_[expected_.size()]); });
  const auto& created = std::get<JobCreated>(answer);
  if (known != nullptr) known->has_key = false;  // to the job that will see what has changed
  ModelJob job{.handle = std::string(created.handle),
               .function = std::string(r.function),
               .unique = std::string(r.unique),
               .workload = std::string(r.workload),
               .reducer = std::string(r.reducer),
               .priority = r.priority,
               .is_background = !is_foreground,
               .due_ms = due_ms,
               .position = ++order_};
  require(!jobs_.contains(job.handle) && !outcomes_.contains(job.handle), "a handle came twice");
  if (is_foreground) job.clients.push_back(who);
  if (is_durable_job) {
    expect_when_stored(who, JobCreated{job.handle});
    job.state = State::storing;
    store(job);
  } else {
    expect(who, JobCreated{job.handle});
    place(job, now);
  }
  const std::string handle = job.handle;
  if (is_made_by_relay(job.unique)) made_for_[job.unique].push_back(handle);
  jobs_.emplace(handle, std::move(job));
}

void Model::on(ConnId who, const GrabJob& r, Now now) {
  Peer& peer = peers_.at(who);
  peer.sleep = Peer::Sleep::awake;
  if (!assigns_) return expect(who, NoJob{});
  std::optional<Priority> best;
  for (const auto& [handle, job] : jobs_) {
    if (job.state != State::queued || !peer.abilities.contains(job.function)) continue;
    if (is_behind_one_awaited(job)) continue;
    best = std::min(best.value_or(Priority::low), job.priority);
  }
  if (!best) return expect(who, NoJob{});

  // Which of its functions with such a job comes first is the engine's to choose.
  const Response answer = next_answer("a grab");
  require(std::holds_alternative<JobAssign>(answer),
          [&] { return "a job waits, and a grab was answered " + told(happened_[0]); });
  const auto& assign = std::get<JobAssign>(answer);
  const auto found = jobs_.find(std::string(assign.handle));
  require(found != jobs_.end(),
          [&] { return "assigned a job that is no more: " + told(happened_[0]); });
  ModelJob& job = found->second;
  require(job.state != State::running, [&] { return "handed to two workers: " + job.handle; });
  require(job.state != State::scheduled, [&] { return "run before its time: " + job.handle; });
  require(!job.is_awaited, [&] { return "run without its workload: " + job.handle; });
  require(job.priority == *best, [&] { return "a higher priority waited: " + told(happened_[0]); });
  require(peer.abilities.contains(job.function),
          [&] { return "the worker cannot do " + told(happened_[0]); });
  for (const auto& entry : jobs_) {
    const ModelJob& other = entry.second;
    const bool is_rival = other.state == State::queued && other.function == job.function &&
                          other.priority == job.priority;
    require(!is_rival || other.queued_as >= job.queued_as,
            [&] { return "out of order: " + job.handle + " before " + other.handle; });
  }
  job.state = State::running;
  job.worker = who;
  job.started_as = ++order_;
  const std::uint32_t timeout_ms = peer.abilities.find(job.function)->second;
  if (timeout_ms != 0) set_alarm(job, now.steady + milliseconds(timeout_ms));

  const bool is_unique_form =
      r.form == GrabForm::unique || (r.form == GrabForm::all && job.reducer.empty());
  expect(who, JobAssign{.form = is_unique_form ? GrabForm::unique : r.form,
                        .handle = job.handle,
                        .function = job.function,
                        .unique = job.unique,
                        .reducer = job.reducer,
                        .workload = job.workload});
}

void Model::on(ConnId who, const PreSleep&, Now) {
  peers_.at(who).sleep = Peer::Sleep::asleep;
}

void Model::on(ConnId who, const WorkComplete& r, Now) {
  if (ModelJob* job = run_of(who, r.handle, error_text::job_not_found)) {
    tell(*job, r);
    end(*job, Outcome::completed);
  }
}

void Model::on(ConnId who, const WorkStatus& r, Now) {
  if (ModelJob* job = run_of(who, r.handle, error_text::job_not_found)) {
    job->numerator = r.numerator;
    job->denominator = r.denominator;
    tell(*job, r);
  }
}

void Model::on(ConnId who, const WorkFail& r, Now) {
  std::string& raised = peers_.at(who).raised;
  if (!raised.empty() && raised == r.handle) return raised.clear();
  if (ModelJob* job = run_of(who, r.handle, error_text::job_not_found)) {
    fail(*job, Outcome::failed);
  }
}

void Model::on(ConnId who, const WorkException& r, Now) {
  ModelJob* job = run_of(who, r.handle, error_text::job_not_found_exception);
  if (job == nullptr) return;
  peers_.at(who).raised = r.handle;
  for (const ConnId client : job->clients) {
    if (settings_.exceptions_for_all || peers_.at(client).wants_exceptions) {
      expect(client, r);
    } else {
      expect(client, WorkFail{r.handle});
    }
  }
  end(*job, Outcome::raised);
}

void Model::on(ConnId who, const WorkData& r, Now) {
  if (ModelJob* job = run_of(who, r.handle, error_text::job_not_found_data)) tell(*job, r);
}

void Model::on(ConnId who, const WorkWarning& r, Now) {
  if (ModelJob* job = run_of(who, r.handle, error_text::job_not_found_data)) tell(*job, r);
}

void Model::on(ConnId who, const GetStatus& r, Now) {
  StatusRes answer{.handle = r.handle};
  const auto known = jobs_.find(std::string(r.handle));
  if (known != jobs_.end()) {
    answer.known = true;
    answer.running = known->second.state == State::running;
    answer.numerator = lenient_number(known->second.numerator);
    answer.denominator = lenient_number(known->second.denominator);
  }
  expect(who, answer);
}

void Model::on(ConnId who, const GetStatusUnique& r, Now) {
  std::vector<StatusResUnique> possible;
  for (const auto& [handle, job] : jobs_) {
    if (job.is_cancelled || !job.has_key || r.unique.empty() || r.unique == "-" ||
        job.unique != r.unique)
      continue;
    possible.push_back({.unique = r.unique,
                        .known = true,
                        .running = job.state == State::running,
                        .numerator = lenient_number(job.numerator),
                        .denominator = lenient_number(job.denominator),
                        .clients = static_cast<std::uint32_t>(job.clients.size())});
  }
  if (possible.empty()) return expect(who, StatusResUnique{.unique = r.unique});
  for (const StatusResUnique& one : possible) {
    if (happened_ == std::vector<Happened>{{.conn = who, .packet = bytes_of(one)}}) {
      return expect(who, one);
    }
  }
  expect(who, possible.front());
}

void Model::on(ConnId who, const CanDo& r, Now) {
  auto& abilities = peers_.at(who).abilities;
  if (!abilities.contains(r.function)) {
    const bool is_room = knows_function(r.function) || has_room_for_function();
    if (!is_room || abilities.size() >= settings_.functions_per_worker_max) {
      expected_.push_back({.conn = who, .packet = {}, .reason = CloseReason::engine_limit});
      return;
    }
  }
  functions_.emplace(r.function);
  abilities[std::string(r.function)] = r.timeout_ms;
}

void Model::on(ConnId who, const CantDo& r, Now) {
  auto& abilities = peers_.at(who).abilities;
  if (const auto known = abilities.find(r.function); known != abilities.end()) {
    abilities.erase(known);
  }
}

void Model::on(ConnId who, const ResetAbilities&, Now) {
  peers_.at(who).abilities.clear();
}

void Model::on(ConnId who, const EchoReq& r, Now) {
  expect(who, EchoRes{r.data});
}

void Model::on(ConnId who, const OptionReq& r, Now) {
  Peer& peer = peers_.at(who);
  if (const auto extension = extension_asked_for(r.name)) {
    peer.extensions.insert(*extension);
  } else if (is_option(r.name, "exceptions")) {
    peer.wants_exceptions = true;
  } else if (remembers_uniques() && is_option(r.name, unique_window_option)) {
    peer.has_unique_window = true;
  } else {
    return expect_error(who, error_text::unknown_option_code, error_text::unknown_option);
  }
  expect(who, OptionRes{r.name});
}

void Model::on(ConnId who, const ExtendedRequest& r, Now now) {
  if (!peers_.at(who).extensions.contains(r.type)) {
    const Refusal unknown = refusal_of(protocol_errc::unknown_type);
    return refuse(who, {unknown.code, std::string(unknown.text), true});
  }
  if (r.type == PacketType::submit) {
    const auto parsed = parse_submit(r.body);
    if (const auto* fault = std::get_if<ExtendedFault>(&parsed)) return refuse(who, *fault);
    return on(who, std::get<SubmitJob>(parsed), now);
  }
  if (r.type == PacketType::submit_many) return submit_many(who, r.body, now);
  const auto parsed = parse_can_do_many(r.body);
  if (const auto* fault = std::get_if<ExtendedFault>(&parsed)) return refuse(who, *fault);
  for (const CanDo& ability : std::get<std::vector<CanDo>>(parsed)) on(who, ability, now);
}

// Each job of many is answered by itself.
void Model::submit_many(ConnId who, std::string_view body, Now now) {
  auto parsed = parse_submit_many(body);
  if (const auto* fault = std::get_if<ExtendedFault>(&parsed)) return refuse(who, *fault);
  auto& many = std::get<SubmitMany>(parsed);
  SubmitJob job = many.common;
  while (const auto part = many.next_job()) {
    job.unique = part->unique;
    job.workload = part->workload;
    if (many.fault) {
      refuse(who, *many.fault);
    } else if (const auto broken = fault_of(job)) {
      const Refusal refusal = refusal_of(*broken);
      expect_error(who, refusal.code, refusal.text);
    } else {
      on(who, job, now);
    }
  }
}

void Model::refuse(ConnId who, const ExtendedFault& fault) {
  expect_error(who, fault.code, fault.text);
  if (!fault.closes) return;
  expected_.push_back({.conn = who, .packet = {}, .reason = CloseReason::protocol_error});
}

// It leaves what it waits for first, and its jobs go back in the order in which it got them.
void Model::disconnected(ConnId conn, Now now) {
  now_ = now.steady;
  std::vector<std::string> unwanted;
  std::vector<ModelJob*> lost;
  for (auto& [handle, job] : jobs_) {
    std::erase(job.clients, conn);
    if (job.state != State::running && !is_wanted(job)) unwanted.push_back(handle);
    if (job.state == State::running && job.worker == conn) lost.push_back(&job);
  }
  std::ranges::sort(lost, {}, &ModelJob::started_as);
  for (const std::string& handle : unwanted) end(jobs_.at(handle), Outcome::left_alone);
  for (ModelJob* job : lost) lose_worker(*job);
  peers_.erase(conn);
}

void Model::tick(Now now) {
  now_ = now.steady;
  while (true) {
    ModelJob* first = nullptr;
    for (auto& [handle, job] : jobs_) {
      if (!job.alarm || *job.alarm > now.steady) continue;
      if (first == nullptr ||
          std::pair(*job.alarm, job.alarm_set_as) < std::pair(*first->alarm, first->alarm_set_as)) {
        first = &job;
      }
    }
    if (first == nullptr) return;
    first->alarm.reset();
    if (first->state == State::running) {
      switch (settings_.timeout_action) {
        case TimeoutAction::requeue: lose_worker(*first); break;
        case TimeoutAction::fail: fail(*first, Outcome::failed); break;
      }
    } else if (*first->due_ms > ms_since_1970(now.wall)) {
      set_schedule_alarm(*first, now);
    } else {
      requeue(*first);
    }
  }
}

// ---- Operators

void Model::admin(const AdminCommand& command, const std::string& answer, Now now) {
  now_ = now.steady;
  std::visit([&](const auto& one) { admin_answered(one, answer, now); }, command);
}

void Model::admin_answered(const AdminCancelJob& command, const std::string& answer, Now) {
  const auto known = jobs_.find(std::string(command.handle));
  if (known == jobs_.end()) return require_answer(answer, admin_text::unknown_job);
  require_answer(answer, admin_text::ok);
  ModelJob& job = known->second;
  if (job.state != State::running) return fail(job, Outcome::cancelled);
  tell(job, WorkFail{job.handle});
  if (job.is_background && !job.is_cancelled) remember(job.unique);
  job.clients.clear();
  job.is_cancelled = true;
  if (job.is_stored) forming_.push_back({Change::Kind::removed, job});
  job.is_stored = false;
}

void Model::admin_answered(const AdminCreateFunction& command, const std::string& answer, Now) {
  require_answer(answer, admin_text::ok);
  if (has_room_for_function()) functions_.emplace(command.function);
}

void Model::admin_answered(const AdminDropFunction& command, const std::string& answer, Now) {
  if (!knows_function(command.function)) {
    return require_answer(answer, admin_text::function_not_found);
  }
  const bool has_job = std::ranges::any_of(
      jobs_, [&](const auto& entry) { return entry.second.function == command.function; });
  if (has_job || workers(command.function) > 0) {
    return require_answer(answer, admin_text::function_in_use);
  }
  require_answer(answer, admin_text::ok);
  functions_.erase(functions_.find(command.function));
}

void Model::admin_answered(const AdminMaxQueue& command, const std::string& answer, Now) {
  require_answer(answer, admin_text::ok);
  queue_max_[std::string(command.function)] = command.jobs_max;
}

void Model::admin_answered(const AdminStatus&, const std::string& answer, Now) {
  std::string rows;
  for (const std::string& function : functions_) {
    const std::uint64_t running = count(function, State::running);
    append_status_row(rows, {function, waiting(function) + running, running, workers(function)});
  }
  require_rows(answer, rows);
}

void Model::admin_answered(const AdminPriorityStatus&, const std::string& answer, Now) {
  std::string rows;
  for (const std::string& function : functions_) {
    FunctionPriorityStatus row{.function = function, .workers = workers(function)};
    for (const auto& [handle, job] : jobs_) {
      if (job.function != function || job.state == State::running) continue;
      ++row.queued[static_cast<std::size_t>(job.priority)];
    }
    append_priority_status_row(rows, row);
  }
  require_rows(answer, rows);
}

void Model::admin_answered(const AdminShowJobs&, const std::string& answer, Now) {
  std::string rows;
  for (const auto& [handle, job] : jobs_) {
    append_jobs_row(rows,
                    {.handle = handle, .retries = job.attempts_lost, .ignored = !is_wanted(job)});
  }
  require_rows(answer, rows);
}

void Model::admin_answered(const AdminShowUniqueJobs&, const std::string& answer, Now) {
  std::string rows;
  for (const auto& [handle, job] : jobs_) {
    if (!job.unique.empty()) append_unique_row(rows, job.unique);
  }
  require_rows(answer, rows);
}

// ---- Laws

void Model::check(const Engine& engine, Now now) const {
  std::size_t queued = 0;
  std::size_t running = 0;
  std::size_t storing = 0;
  for (const auto& [handle, job] : jobs_) {
    queued += job.state == State::queued ? 1 : 0;
    running += job.state == State::running ? 1 : 0;
    storing += job.state == State::storing ? 1 : 0;
  }
  const std::size_t scheduled = jobs_.size() - queued - running - storing;
  require(engine.storing_jobs() == storing, "the engine stores another number of jobs");
  const auto numbers = [](std::size_t a, std::size_t b, std::size_t c) {
    return std::to_string(a) + " queued, " + std::to_string(b) + " running, " + std::to_string(c) +
           " scheduled";
  };
  require(engine.queued_jobs() == queued && engine.running_jobs() == running &&
              engine.scheduled_jobs() == scheduled,
          [&] {
            return "the engine has " +
                   numbers(engine.queued_jobs(), engine.running_jobs(), engine.scheduled_jobs()) +
                   "; there must be " + numbers(queued, running, scheduled);
          });

  require(settings_.memory_bytes_max == 0 || text_bytes() <= settings_.memory_bytes_max,
          "the jobs take more memory than they may");
  if (!assigns_) return;

  // Nobody who could work sleeps beside work, unless somebody was woken for it and may still come.
  const milliseconds patience = settings_.wake_patience + tick_lateness_max;
  for (const auto& entry : jobs_) {
    const ModelJob& job = entry.second;
    if (job.state != State::queued || is_behind_one_awaited(job)) continue;
    bool sleeps = false;
    bool is_coming = false;
    for (const auto& [conn, peer] : peers_) {
      if (!peer.abilities.contains(job.function)) continue;
      sleeps |= peer.sleep == Peer::Sleep::asleep;
      is_coming |= peer.sleep == Peer::Sleep::woken && now.steady <= peer.woken_at + patience;
    }
    require(!sleeps || is_coming, [&] { return "everybody sleeps beside job " + job.handle; });
  }
}

std::vector<std::string> Model::jobs_made_for(std::string_view unique) const {
  const auto known = made_for_.find(unique);
  return known == made_for_.end() ? std::vector<std::string>() : known->second;
}

const ModelJob* Model::job_of(ConnId worker) const {
  for (const auto& [handle, job] : jobs_) {
    if (job.state == State::running && job.worker == worker) return &job;
  }
  return nullptr;
}

// ---- The few rules

Response Model::next_answer(std::string_view to) const {
  const std::size_t next = expected_.size();
  require(next < happened_.size() && !happened_[next].packet.empty(),
          [&] { return std::string(to) + " has no answer"; });
  return response_in(happened_[next].packet);
}

void Model::expect(ConnId who, const Response& response) {
  expected_.push_back({.conn = who, .packet = bytes_of(response)});
}

void Model::expect_when_stored(ConnId who, const Response& response) {
  expected_.push_back({.conn = who, .packet = bytes_of(response), .when_stored = true});
}

void Model::expect_error(ConnId who, std::string_view code, std::string_view text) {
  expect(who, ErrorRes{code, text});
}

std::uint32_t Model::queue_max(std::string_view function, Priority priority) const {
  const auto set = queue_max_.find(function);
  if (set == queue_max_.end()) return settings_.function_queue_max;
  return set->second[static_cast<std::size_t>(priority)];
}

std::uint64_t Model::count(std::string_view function, State state) const {
  return static_cast<std::uint64_t>(std::ranges::count_if(jobs_, [&](const auto& entry) {
    return entry.second.function == function && entry.second.state == state;
  }));
}

std::uint64_t Model::waiting(std::string_view function) const {
  return count(function, State::queued) + count(function, State::scheduled) +
         count(function, State::storing);
}

std::uint64_t Model::all_waiting() const {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      jobs_, [](const auto& entry) { return entry.second.state != State::running; }));
}

std::uint64_t Model::text_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [handle, job] : jobs_) {
    bytes += job.unique.size() + job.reducer.size() + job.workload.size();
  }
  return bytes;
}

// A job may take twice its bytes and a record beside them, but no more.
void Model::require_no_room(const SubmitJob& r) const {
  constexpr std::uint64_t record_bytes_max = 256;
  const std::uint64_t bytes = text_bytes() + r.unique.size() + r.reducer.size() + r.workload.size();
  require(settings_.memory_bytes_max != 0, "refused for a limit of memory that is not set");
  require(2 * bytes + (jobs_.size() + 1) * record_bytes_max > settings_.memory_bytes_max,
          "refused for want of memory, and there is enough");
}

std::uint64_t Model::workers(std::string_view function) const {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      peers_, [&](const auto& entry) { return entry.second.abilities.contains(function); }));
}

ModelJob* Model::find(std::string_view function, std::string_view unique,
                      std::string_view workload) {
  if (unique.empty() || (unique == "-" && workload.empty())) return nullptr;
  for (auto& [handle, job] : jobs_) {
    if (job.is_cancelled || !job.has_key) continue;
    if (job.function != function || job.unique != unique) continue;
    if (unique == "-" && job.workload != workload) continue;
    return &job;
  }
  return nullptr;
}

ModelJob* Model::run_of(ConnId who, std::string_view handle, std::string_view refusal) {
  const auto known = jobs_.find(std::string(handle));
  const bool is_owner =
      known != jobs_.end() && known->second.state == State::running && known->second.worker == who;
  if (is_owner) return &known->second;
  expect_error(who, error_text::job_not_found_code, refusal);
  return nullptr;
}

void Model::place(ModelJob& job, Now now) {
  if (!job.due_ms || *job.due_ms <= ms_since_1970(now.wall)) return enqueue(job);
  job.state = State::scheduled;
  set_schedule_alarm(job, now);
}

void Model::requeue(ModelJob& job) {
  job.position = ++order_;
  job.due_ms.reset();
  if (job.is_stored) forming_.push_back({Change::Kind::requeued, job});
  enqueue(job);
}

void Model::enqueue(ModelJob& job) {
  job.state = State::queued;
  job.due_ms.reset();
  job.queued_as = ++order_;
  job.alarm.reset();
  job.numerator.clear();
  job.denominator.clear();
}

void Model::set_alarm(ModelJob& job, Instant at) {
  job.alarm = at;
  job.alarm_set_as = ++order_;
}

// At most a minute ahead, since the wall clock may be set meanwhile.
void Model::set_schedule_alarm(ModelJob& job, Now now) {
  const auto look_at = std::min(*job.due_ms, ms_since_1970(now.wall) + 60'000);
  const auto ahead = WallTime(milliseconds(look_at)) - now.wall;
  set_alarm(job, now.steady + duration_cast<Instant::duration>(ahead));
}

void Model::tell(const ModelJob& job, const Response& response) {
  for (const ConnId client : job.clients) expect(client, response);
}

// A background job was delivered whatever became of it, unless the store lost it before its run.
// Who sends a foreground job again, which was not completed, wants it to be run again.
void Model::end(ModelJob& job, Outcome outcome) {
  const std::string handle = job.handle;
  switch (outcome) {
    case Outcome::completed: remember(job.unique); break;
    case Outcome::failed:
    case Outcome::raised:
    case Outcome::cancelled:
    case Outcome::used_up:
      if (job.is_background && !job.is_cancelled) remember(job.unique);
      break;
    case Outcome::left_alone:
    case Outcome::not_stored:
    case Outcome::lost:
    case Outcome::died: break;
  }
  if (job.is_stored) forming_.push_back({Change::Kind::removed, job});
  outcomes_.emplace(handle, job.is_cancelled ? Outcome::cancelled : outcome);
  jobs_.erase(handle);
}

void Model::fail(ModelJob& job, Outcome outcome) {
  if (job.state == State::storing) {
    for (const ConnId client : job.clients) expect_when_stored(client, WorkFail{job.handle});
  } else {
    tell(job, WorkFail{job.handle});
  }
  end(job, outcome);
}

void Model::lose_worker(ModelJob& job) {
  ++job.attempts_lost;
  if (!is_wanted(job)) {
    end(job, Outcome::left_alone);
  } else if (settings_.attempts_max != 0 && job.attempts_lost >= settings_.attempts_max) {
    fail(job, Outcome::used_up);
  } else {
    job.has_key |= find(job.function, job.unique, job.workload) == nullptr;
    requeue(job);
  }
}

// ---- What a relay may send again

// What ends again is remembered from its first end on.
void Model::remember(const std::string& unique) {
  if (!remembers_uniques() || !is_made_by_relay(unique) || is_remembered(unique)) return;
  forget_uniques(settings_.unique_window_max - 1);
  remembered_.push_back({unique, now_});
}

bool Model::is_remembered(std::string_view unique) {
  forget_uniques(settings_.unique_window_max);
  return std::ranges::any_of(remembered_,
                             [&](const Remembered& one) { return one.unique == unique; });
}

// Limits that have changed hold from the next look on.
void Model::forget_uniques(std::size_t count_max) {
  std::erase_if(remembered_, [&](const Remembered& one) {
    return now_ - one.ended_at >= settings_.unique_window;
  });
  if (remembered_.size() <= count_max) return;
  const std::size_t too_many = remembered_.size() - count_max;
  remembered_.erase(remembered_.begin(),
                    remembered_.begin() + static_cast<std::ptrdiff_t>(too_many));
}

// ---- The store

void Model::store(ModelJob& job) {
  job.is_stored = true;
  job.batch = ++order_;  // before the next one is given
  forming_.push_back({Change::Kind::added, job});
}

// The engine must want stored what the model does, in the same order.
void Model::given_to_store(std::uint64_t, const JobChanges& changes) {
  std::vector<const Change*> added, requeued, removed;
  for (const Change& change : forming_) {
    (change.kind == Change::Kind::added      ? added
     : change.kind == Change::Kind::requeued ? requeued
                                             : removed)
        .push_back(&change);
  }
  require(changes.added_count() == added.size() && changes.requeued().size() == requeued.size() &&
              changes.removed().size() == removed.size(),
          "the engine has other changes stored");
  for (std::size_t i = 0; i < added.size(); ++i) {
    const JobRecord record = changes.added(i);
    const ModelJob& job = added[i]->job;
    const bool is_new = handle_of_number_.emplace(record.number, job.handle).second;
    require(is_new, "a job number came twice");
    require(job.handle.ends_with(":" + std::to_string(record.handle_number)) &&
                record.function == job.function && record.unique == job.unique &&
                record.reducer == job.reducer && record.workload == job.workload &&
                record.priority == job.priority && record.attempts_lost == job.attempts_lost,
            [&] { return "another job is stored than " + job.handle; });
    const bool waits =
        job.state == State::scheduled || (job.state == State::storing && job.due_ms.has_value());
    require(record.due_ms == (waits ? job.due_ms : std::nullopt), "stored with another time");
  }
  const auto require_same = [&](JobNumber number, const Change& change) {
    require(handle_of_number_.at(number) == change.job.handle,
            [&] { return "another job's change is stored than that of " + change.job.handle; });
  };
  for (std::size_t i = 0; i < requeued.size(); ++i) {
    require_same(changes.requeued()[i].number, *requeued[i]);
    require(changes.requeued()[i].attempts_lost == requeued[i]->job.attempts_lost,
            "stored with other attempts");
  }
  for (std::size_t i = 0; i < removed.size(); ++i) {
    require_same(changes.removed()[i], *removed[i]);
  }
  require(given_.empty(), "a batch was given before the last one was stored");
  given_ = std::exchange(forming_, {});
}

void Model::apply_given() {
  for (const Change& change : std::exchange(given_, {})) {
    if (change.kind == Change::Kind::removed) {
      stored_.erase(change.job.handle);
    } else if (change.kind == Change::Kind::added || stored_.contains(change.job.handle)) {
      stored_.insert_or_assign(change.job.handle, change.job);
    }
  }
}

void Model::stored(std::uint64_t, Now now) {
  std::vector<ModelJob*> ready;
  for (const Change& change : given_) {
    if (change.kind != Change::Kind::added) continue;
    const auto known = jobs_.find(change.job.handle);
    if (known != jobs_.end() && known->second.state == State::storing) {
      ready.push_back(&known->second);
    }
  }
  apply_given();
  for (ModelJob* job : ready) place(*job, now);
}

void Model::give_up_storing() {
  std::vector<ModelJob*> waiting;
  for (auto& [handle, job] : jobs_) {
    if (job.state == State::storing) waiting.push_back(&job);
  }
  std::ranges::sort(waiting, {}, &ModelJob::batch);
  for (ModelJob* job : waiting) end(*job, Outcome::not_stored);
}

bool Model::is_behind_one_awaited(const ModelJob& job) const {
  const ModelJob* first = &job;
  for (const auto& [handle, other] : jobs_) {
    const bool is_rival = other.state == State::queued && other.function == job.function &&
                          other.priority == job.priority;
    if (is_rival && other.queued_as < first->queued_as) first = &other;
  }
  return first->is_awaited;
}

ModelJob* Model::find(JobNumber number) {
  const auto handle = handle_of_number_.find(number);
  if (handle == handle_of_number_.end()) return nullptr;
  const auto found = jobs_.find(handle->second);
  return found == jobs_.end() ? nullptr : &found->second;
}

void Model::wanted(const std::vector<JobNumber>& numbers) {
  for (const JobNumber number : numbers) {
    ModelJob* const job = find(number);
    if (job == nullptr) continue;  // the same event has ended it
    require(job->state == State::queued && stored_.contains(job->handle),
            [&] { return "asked the store for " + job->handle; });
    require(job->unique != "-" && !job->workload.empty(),
            [&] { return "did not keep the workload of " + job->handle; });
    require(!std::exchange(job->is_awaited, true),
            [&] { return "asked twice for " + job->handle; });
  }
}

void Model::fetched(JobNumber number) {
  if (ModelJob* const job = find(number)) job->is_awaited = false;
}

void Model::lost(JobNumber number) {
  if (ModelJob* const job = find(number)) {
    job->is_stored = false;
    stored_.erase(job->handle);
    fail(*job, Outcome::lost);
  } else {
    stored_.erase(handle_of_number_.at(number));
  }
}

// The new server has what is stored, in the order of positions.
void Model::restarted(EngineSettings settings, bool last_batch_is_stored, Now now) {
  if (last_batch_is_stored) apply_given();
  given_.clear();
  const auto old_jobs = std::exchange(jobs_, {});
  for (const auto& [handle, job] : old_jobs) {
    if (stored_.contains(handle)) continue;
    outcomes_.emplace(handle, job.is_stored ? Outcome::not_stored : Outcome::died);
  }
  settings_ = std::move(settings);
  peers_.clear();
  functions_.clear();
  queue_max_.clear();
  forming_.clear();
  store_fault_.clear();
  remembered_.clear();
  assigns_ = true;

  std::vector<ModelJob> jobs;
  for (auto& [handle, job] : std::exchange(stored_, {})) jobs.push_back(std::move(job));
  std::ranges::sort(jobs, {}, &ModelJob::position);
  for (ModelJob& job : jobs) {
    // What was done before its removal was stored is done again.
    if (outcomes_.erase(job.handle) > 0) done_again_.insert(job.handle);
    functions_.insert(job.function);
    job.clients.clear();
    job.is_background = true;
    job.is_cancelled = false;
    job.is_awaited = false;
    job.alarm.reset();
    if (ModelJob* known = find(job.function, job.unique, job.workload)) known->has_key = false;
    job.has_key = true;
    stored_.emplace(job.handle, job);
    ModelJob& restored = jobs_.emplace(job.handle, std::move(job)).first->second;
    place(restored, now);
  }
}

bool Model::is_promise_kept(const std::string& handle) const {
  const auto known = jobs_.find(handle);
  if (known == jobs_.end() || known->second.is_cancelled) return true;
  return !is_durable(known->second.function) || stored_.contains(known->first);
}

// ---- Words

std::string told(const std::string& packet) {
  const auto frame = next_frame(packet);
  if (!frame || !*frame || !std::holds_alternative<Packet>((*frame)->unit)) return "text";
  const auto& unit = std::get<Packet>((*frame)->unit);
  constexpr std::size_t shown_bytes_max = 120;
  std::string text(spec_of(unit.type).name);
  if (!unit.body.empty()) text += ' ';
  for (const char c : unit.body.substr(0, shown_bytes_max)) {
    text += c == '\0' ? ' ' : (c < ' ' ? '.' : c);
  }
  return text;
}

std::string told(const Happened& happened) {
  const std::string what = happened.reason ? "closed: " + std::string(to_string(*happened.reason))
                                           : told(happened.packet);
  return "connection " + std::to_string(happened.conn.value & 0xffffffff) + "." +
         std::to_string(happened.conn.value >> 32) + " < " + what;
}

}  // namespace gman::sim
