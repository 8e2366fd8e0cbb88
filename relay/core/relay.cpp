// SPDX-License-Identifier: BSD-3-Clause
#include "relay/core/relay.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace gman::relay {
namespace {

// A list of due functions is believed so long: then others may have become due that go first.
constexpr milliseconds look_again_after{200};
// Rows that are committed late have an earlier time than others that are leased already, and lie
// before their place.
constexpr milliseconds begin_again_after{1'000};
constexpr milliseconds poll_first{1};
constexpr milliseconds release_patience{5'000};
constexpr milliseconds forget_every{3'600'000};
// Of a row that comes back, by attempts: doubled each time.
constexpr milliseconds retry_first{1'000};
constexpr milliseconds retry_max{300'000};
// While more is due, rows are deleted so many at a time: each such commit waits for the disk.
constexpr std::size_t delete_rows_min = 4'000;
// A statement with more rows than this would keep others waiting.
constexpr std::size_t settle_rows_max = 10'000;
// Leasing waits for deleting where that falls behind by so much: the rows would be sent again if
// the relay died.
constexpr std::size_t undeleted_rows_max = 20'000;

template <class T>
std::vector<T> take_first(std::vector<T>& all, std::size_t count_max) {
  if (all.size() <= count_max) return std::exchange(all, {});
  std::vector<T> first(
      std::make_move_iterator(all.begin()),
      std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(count_max)));
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count_max));
  return first;
}

template <class T>
void put_back(std::vector<T>& all, std::vector<T>& taken) {
  all.insert(all.begin(), std::make_move_iterator(taken.begin()),
             std::make_move_iterator(taken.end()));
  taken.clear();
}

}  // namespace

Relay::Relay(RelaySettings settings, std::size_t outboxes, std::vector<std::string> servers,
             std::uint32_t seed)
    : settings_(settings), outboxes_(outboxes), dice_(seed) {
  GMAN_ASSERT(outboxes > 0 && !servers.empty());
  for (std::string& name : servers) {
    servers_.push_back(Server{.link = ServerLink({.silence_max = settings.silence_max})});
    candidates_.push_back({std::move(name), false});
  }
}

void Relay::start(Instant now) {
  for (Server& server : servers_) server.connect_at = now;
  for (Outbox& outbox : outboxes_) outbox.open_at = now;
  tick(now);
}

// Servers ---------------------------------------------------------------------------------------

void Relay::connected(std::size_t server, Instant now) {
  servers_[server].state = Server::State::greeting;
  servers_[server].link.begin(now);
}

void Relay::received(std::size_t server, std::string_view bytes, Instant now) {
  Server& from = servers_[server];
  std::vector<Outcome> outcomes;
  const std::string broken = from.link.received(bytes, now, outcomes);
  if (!outcomes.empty()) take(outcomes, now);
  if (!broken.empty()) {
    effects_.emplace_back(Disconnect{server});
    return disconnected(server, broken, now);
  }
  if (from.state == Server::State::greeting && from.link.is_ready()) server_ready(server, now);
}

void Relay::server_ready(std::size_t server, Instant now) {
  Server& ready = servers_[server];
  ready.state = Server::State::ready;
  ready.backoff.reset();
  candidates_[server].is_up = true;
  effects_.emplace_back(
      Event{Event::Kind::server_connected, server,
            ready.link.remembers() ? "it remembers uniques" : "it does not remember uniques"});
  wake_all(now);
}

void Relay::disconnected(std::size_t server, const std::string& reason, Instant now) {
  Server& lost = servers_[server];
  if (lost.state == Server::State::down) return;
  const bool was_ready = lost.state == Server::State::ready;
  lost.state = Server::State::down;
  lost.has_failed = true;
  lost.connect_at = now + lost.backoff.next(dice_);
  candidates_[server].is_up = false;
  effects_.emplace_back(Event{Event::Kind::server_lost, server, reason});
  const auto outcomes = lost.link.end(candidates_[server].name + ": " + reason);
  if (was_ready) take(outcomes, now);
  const bool all_failed = std::ranges::all_of(servers_, [](const Server& one) {
    return one.has_failed && one.state != Server::State::ready;
  });
  if (settings_.once && all_failed) {
    failure_ = "no job server can be reached: " + candidates_[server].name + ": " + reason;
    stop(now);
  }
}

// Outboxes --------------------------------------------------------------------------------------

void Relay::ask(std::size_t outbox, LeaseRequest request) {
  outboxes_[outbox].state =
      std::holds_alternative<Open>(request) ? Outbox::State::opening : Outbox::State::busy;
  outboxes_[outbox].is_watched = false;
  effects_.emplace_back(Ask{outbox, std::move(request)});
}

void Relay::settle(std::size_t outbox, SettleRequest request) {
  outboxes_[outbox].settling.is_busy = true;
  effects_.emplace_back(Settle{outbox, std::move(request), outboxes_[outbox].uuid});
}

void Relay::answered(std::size_t outbox, LeaseAnswer answer, Instant now) {
  Outbox& from = outboxes_[outbox];
  if (std::exchange(from.must_open, false)) {
    close(from, now);
    return go_on(outbox, now);
  }
  from.state = Outbox::State::idle;
  std::visit([&](auto& what) { on(outbox, std::move(what), now); }, answer);
}

void Relay::on(std::size_t outbox, OutboxOpened answer, Instant now) {
  Outbox& opened = outboxes_[outbox];
  opened.backoff.reset();
  const bool is_replaced = !opened.uuid.empty() && opened.uuid != answer.database_uuid;
  if (is_replaced) leave_rows_of_other_database(outbox);
  opened.uuid = std::move(answer.database_uuid);
  opened.poll_max = settings_.poll_max.value_or(answer.poll_max);
  opened.poll = poll_first;
  opened.look_at = now;
  effects_.emplace_back(Event{Event::Kind::outbox_opened, outbox, opened.uuid});
  go_on(outbox, now);
}

// Their leases end by themselves, where they are. What is being settled was asked of the other
// database, and is not asked of this one.
void Relay::leave_rows_of_other_database(std::size_t outbox) {
  Outbox& of = outboxes_[outbox];
  const std::size_t rows = rows_under_way(outbox) + of.settling.delivered.size() +
                           of.settling.returned.size() + of.settling.deleting.size() +
                           of.settling.returning.size();
  std::erase_if(sent_, [outbox](const auto& sent) { return sent.second.outbox == outbox; });
  of.sent_rows = of.running_rows = of.bytes = 0;
  of.settling.delivered.clear();
  of.settling.returned.clear();
  of.settling.deleting.clear();
  of.settling.returning.clear();
  of.settling.renewing.reset();
  effects_.emplace_back(Event{Event::Kind::outbox_replaced, outbox, std::to_string(rows)});
}

void Relay::on(std::size_t outbox, Looked answer, Instant now) {
  Outbox& seen = outboxes_[outbox];
  take_due(seen, std::move(answer.groups), now);
  seen.is_watched = seen.has_looked_in_vain = seen.due.empty();
  go_on(outbox, now);
}

// Higher priorities first, and within one the functions in turn.
void Relay::take_due(Outbox& outbox, std::vector<DueGroup> groups, Instant now) {
  outbox.looked_at = now;
  const auto before = std::exchange(outbox.due, {});
  const bool are_places_old = now >= outbox.places_until;
  if (are_places_old) outbox.places_until = now + begin_again_after;
  for (DueGroup& group : groups) {
    if (group.due_in > milliseconds(0)) continue;
    const auto known = std::ranges::find(before, group.group, &Outbox::Due::group);
    const bool has_place = known != before.end() && !are_places_old;
    outbox.due.push_back({std::move(group.group), has_place ? known->after : std::nullopt});
  }
  std::ranges::stable_sort(outbox.due, [&](const Outbox::Due& a, const Outbox::Due& b) {
    if (a.group.priority != b.group.priority) return a.group.priority < b.group.priority;
    return (a.group.function <= outbox.last_leased) < (b.group.function <= outbox.last_leased);
  });
}

void Relay::on(std::size_t outbox, Leased answer, Instant now) {
  Outbox& from = outboxes_[outbox];
  GMAN_ASSERT(from.leasing.has_value());
  const Group group = *std::exchange(from.leasing, std::nullopt);
  if (!answer.rows.empty()) count_lease_from(from.leasing_since, from.settling);
  from.counters.leased += answer.rows.size();
  const auto leased = std::ranges::find(from.due, group, &Outbox::Due::group);
  GMAN_ASSERT(leased != from.due.end());
  if (answer.rows.empty() && leased->after) {
    leased->after.reset();  // some may have been committed late, with an earlier time
  } else if (answer.rows.empty()) {
    from.due.erase(leased);
    // Others may hold what a look finds, and give it back: that is no reason to ask at once.
    from.look_at = now + from.poll;
    from.poll = std::min(from.poll * 2, from.poll_max);
  } else {
    from.poll = poll_first;
    from.look_at = now;
    from.last_leased = group.function;
    leased->after = std::move(answer.last);
    const auto next_priority = std::find_if(leased, from.due.end(), [&](const Outbox::Due& one) {
      return one.group.priority != group.priority;
    });
    std::rotate(leased, leased + 1, next_priority);
  }
  send(outbox, group, std::move(answer.rows), now);
  go_on(outbox, now);
}

// The database may have done it as soon as it was asked, and its answer was slow.
void Relay::count_lease_from(Instant asked_at, Settling& line) const {
  line.renew_at = std::min(line.renew_at, asked_at + settings_.lease / 2);
  line.held_until = std::min(line.held_until, held_from(asked_at));
  if (line.renewing) *line.renewing = std::min(*line.renewing, held_from(asked_at));
}

void Relay::on(std::size_t outbox, OutboxFailure answer, Instant now) {
  Outbox& lost = outboxes_[outbox];
  close(lost, now + lost.backoff.next(dice_));
  effects_.emplace_back(Event{Event::Kind::outbox_failed, outbox, answer.reason});
  fail_once(answer.reason, now);
  go_on(outbox, now);
}

void Relay::close(Outbox& outbox, Instant open_at) {
  outbox.leasing.reset();
  outbox.due.clear();
  outbox.has_looked_in_vain = outbox.is_watched = false;
  outbox.state = Outbox::State::closed;
  outbox.open_at = open_at;
}

void Relay::settled(std::size_t outbox, SettleAnswer answer, Instant now) {
  Outbox& of = outboxes_[outbox];
  Settling& line = of.settling;
  line.is_busy = false;
  if (std::holds_alternative<OtherDatabase>(answer)) {
    leave_rows_of_other_database(outbox);
    of.uuid.clear();
    // The line that leases is to open it, too: its connection may still be to the one of before.
    of.must_open = of.state == Outbox::State::busy;
    if (of.state == Outbox::State::idle) close(of, now);
    return go_on(outbox, now);
  }
  if (const auto* failure = std::get_if<OutboxFailure>(&answer)) {
    return settling_failed(outbox, *failure, now);
  }
  line.backoff.reset();
  of.counters.delivered += line.deleting.size();
  line.deleting.clear();
  if (!line.returning.empty()) {  // some may be due already
    of.is_watched = of.has_looked_in_vain = false;
    of.look_at = now;
    line.returning.clear();
  }
  line.held_until = std::exchange(line.renewing, std::nullopt).value_or(line.held_until);
  go_on(outbox, now);
}

// What was to be deleted or to go back is tried again when the database is there: a job that was
// delivered is not to be sent a second time because its database was away for a moment.
void Relay::settling_failed(std::size_t outbox, const OutboxFailure& answer, Instant now) {
  Settling& line = outboxes_[outbox].settling;
  // Else dead rows were to be forgotten, on which nothing depends.
  const bool was_of_leased_rows =
      !line.deleting.empty() || !line.returning.empty() || line.renewing.has_value();
  put_back(line.delivered, line.deleting);
  put_back(line.returned, line.returning);
  line.renewing.reset();
  line.renew_at = now;  // time was lost
  line.has_failed = line.has_failed || was_of_leased_rows;
  line.again_at = now + line.backoff.next(dice_);
  effects_.emplace_back(Event{Event::Kind::settling_failed, outbox, answer.reason});
  fail_once(answer.reason, now);
}

void Relay::fail_once(const std::string& reason, Instant now) {
  if (!settings_.once || !failure_.empty()) return;
  failure_ = reason;
  stop(now);
}

// While a request is under way the thread was not watching any longer: what it noticed before may
// still come, and a failure comes again as the request's answer.
void Relay::noticed(std::size_t outbox, LeaseAnswer answer, Instant now) {
  Outbox& told = outboxes_[outbox];
  if (told.state != Outbox::State::idle || !told.is_watched) return;
  told.is_watched = false;
  if (auto* looked = std::get_if<Looked>(&answer)) {
    take_due(told, std::move(looked->groups), now);
    told.has_looked_in_vain = false;
    return go_on(outbox, now);
  }
  answered(outbox, std::move(answer), now);
}

bool Relay::has_room(const Outbox& outbox, Delivery delivery) const {
  if (outbox.bytes >= settings_.sent_bytes_max) return false;
  switch (delivery) {
    case Delivery::queue: return outbox.sent_rows < settings_.sent_rows_max;
    case Delivery::completion: return outbox.running_rows < settings_.running_rows_max;
  }
  return false;
}

bool Relay::is_more_due(const Outbox& outbox, Instant now) const {
  return now < outbox.looked_at + look_again_after &&
         std::ranges::any_of(outbox.due, [&](const Outbox::Due& due) {
           return has_room(outbox, due.group.delivery);
         });
}

bool Relay::may_lease(const Settling& settling, Instant now) {
  return !settling.has_failed && settling.returned.empty() && settling.returning.empty() &&
         settling.delivered.size() + settling.deleting.size() < undeleted_rows_max &&
         now < settling.held_until;
}

bool Relay::is_any_ready() const {
  return std::ranges::any_of(candidates_, &Candidate::is_up);
}

// The next request of each line that has none, if there is one.
void Relay::go_on(std::size_t outbox, Instant now) {
  Outbox& of = outboxes_[outbox];
  if (is_settled(of) && !of.leasing) {
    of.settling.renew_at = now + settings_.lease / 2;
    of.settling.held_until = held_from(now);
  }
  settle_next(outbox, now);
  lease_next(outbox, now);
}

void Relay::settle_next(std::size_t outbox, Instant now) {
  const Outbox& of = outboxes_[outbox];
  Settling& line = outboxes_[outbox].settling;
  if (line.is_busy || now < line.again_at) return;
  const bool may_wait =
      is_more_due(of, now) && !is_stopping() && is_any_ready() && !line.has_failed;
  if (line.delivered.size() >= (may_wait ? delete_rows_min : 1)) {
    line.deleting = take_first(line.delivered, settle_rows_max);
    return settle(outbox, Delete{line.deleting});
  }
  // A lease that is under way could take what goes back.
  if (!line.returned.empty() && !of.leasing) {
    line.returning = take_first(line.returned, settle_rows_max);
    return settle(outbox, Return{line.returning});
  }
  if (now >= line.renew_at) {
    Renew renew{.ids = line.delivered, .length = settings_.lease};
    for (const auto& [ticket, sent] : sent_) {
      if (sent.outbox == outbox) renew.ids.push_back(sent.id);
    }
    if (!renew.ids.empty()) {
      line.renew_at = now + settings_.lease / 2;
      line.renewing = held_from(now);
      return settle(outbox, std::move(renew));
    }
  }
  if (line.has_failed && line.returned.empty()) {
    line.has_failed = false;
    effects_.emplace_back(Event{Event::Kind::settles_again, outbox, {}});
  }
  const bool is_open = of.state == Outbox::State::idle || of.state == Outbox::State::busy;
  if (is_stopping() || !is_any_ready() || !is_open) return;
  if (settings_.dead_days > 0 && now >= line.forget_at) {
    line.forget_at = now + forget_every;
    return settle(outbox, ForgetDead{settings_.dead_days});
  }
}

void Relay::lease_next(std::size_t outbox, Instant now) {
  Outbox& to = outboxes_[outbox];
  if (to.state != Outbox::State::idle || is_stopping() || !is_any_ready()) return;
  if (!to.due.empty()) {
    to.look_at = to.looked_at + look_again_after;
    const auto next = std::ranges::find_if(
        to.due, [&](const Outbox::Due& due) { return has_room(to, due.group.delivery); });
    if (next != to.due.end() && now < to.look_at && may_lease(to.settling, now)) {
      const std::size_t room = next->group.delivery == Delivery::queue
                                   ? settings_.sent_rows_max - to.sent_rows
                                   : settings_.running_rows_max - to.running_rows;
      to.leasing = next->group;
      to.leasing_since = now;
      return ask(outbox, Lease{.group = next->group,
                               .after = next->after,
                               .rows_max = std::min(settings_.batch_rows_max, room),
                               .bytes_max = std::min(settings_.batch_bytes_max,
                                                     settings_.sent_bytes_max - to.bytes),
                               .length = settings_.lease});
    }
  }
  if (!to.is_watched && now >= to.look_at) {
    return ask(outbox, Look{.wait_first = poll_first, .wait_max = to.poll_max});
  }
}

void Relay::wake_all(Instant now) {
  for (std::size_t i = 0; i < outboxes_.size(); ++i) go_on(i, now);
}

// Rows on their way -----------------------------------------------------------------------------

void Relay::send(std::size_t outbox, const Group& group, std::vector<Row> rows, Instant now) {
  Outbox& from = outboxes_[outbox];
  struct Batch {
    Terms terms;
    std::size_t server;
    std::vector<Part> parts;
  };
  std::vector<Batch> batches;
  for (Row& row : rows) {
    const bool is_own = row.unique_key.has_value();
    std::string unique =
        is_own ? std::move(*row.unique_key) : from.uuid + ":" + std::to_string(row.id);
    const auto server = rendezvous(unique, candidates_);
    const Sent sent{.outbox = static_cast<std::uint32_t>(outbox),
                    .server = static_cast<std::uint32_t>(server.value_or(0)),
                    .attempts = row.attempts,
                    .delivery = group.delivery,
                    .id = row.id,
                    .bytes = row.workload.size()};
    (group.delivery == Delivery::queue ? from.sent_rows : from.running_rows) += 1;
    from.bytes += sent.bytes;
    if (!server) {  // the last one was lost while the rows were on their way
      give_back(sent, "", false, milliseconds(0));
      continue;
    }
    Terms terms{
        .function = std::move(row.function),
        .priority = group.priority,
        .mode = group.delivery == Delivery::queue ? JobMode::background : JobMode::foreground,
        // Who names a unique says that the world has changed, and a running job may have
        // read it as it was before.
        .unique_mode = is_own ? UniqueMode::until_start : UniqueMode::alive};
    auto batch = std::ranges::find_if(
        batches, [&](const Batch& one) { return one.server == *server && one.terms == terms; });
    if (batch == batches.end()) {
      batches.push_back({std::move(terms), *server, {}});
      batch = batches.end() - 1;
    }
    const Ticket ticket = next_ticket_++;
    batch->parts.push_back({ticket, std::move(unique), std::move(row.workload)});
    sent_.emplace(ticket, sent);
  }
  for (const Batch& batch : batches) {
    servers_[batch.server].link.submit(batch.terms, batch.parts, now);
  }
}

void Relay::take(const std::vector<Outcome>& outcomes, Instant now) {
  for (const Outcome& outcome : outcomes) take_one(outcome);
  wake_all(now);
}

void Relay::take_one(const Outcome& outcome) {
  const auto found = sent_.find(outcome.ticket);
  if (found == sent_.end()) return;  // it was given up when the relay was told to stop
  const Sent sent = found->second;
  sent_.erase(found);
  Outbox& from = outboxes_[sent.outbox];
  switch (outcome.kind) {
    case Outcome::Kind::delivered:
      (sent.delivery == Delivery::queue ? from.sent_rows : from.running_rows) -= 1;
      from.bytes -= sent.bytes;
      from.settling.delivered.push_back(sent.id);
      return;
    case Outcome::Kind::failed:
    case Outcome::Kind::refused: {
      const bool is_dead =
          outcome.kind == Outcome::Kind::refused || sent.attempts >= settings_.attempts_max;
      give_back(sent, outcome.reason, true, retry_delay(sent.attempts));
      if (!is_dead) return;
      from.settling.returned.back().is_dead = true;
      from.settling.returned.back().delay = milliseconds(0);
      ++from.counters.died;
      effects_.emplace_back(Event{Event::Kind::job_died, sent.outbox,
                                  std::to_string(sent.id) + ": " + outcome.reason});
      return;
    }
    case Outcome::Kind::busy:
    case Outcome::Kind::unknown:
      return give_back(sent, outcome.reason, true, retry_delay(sent.attempts));
  }
}

void Relay::give_back(Sent sent, const std::string& error, bool was_sent, milliseconds delay) {
  Outbox& from = outboxes_[sent.outbox];
  (sent.delivery == Delivery::queue ? from.sent_rows : from.running_rows) -= 1;
  from.bytes -= sent.bytes;
  ++from.counters.returned;
  from.settling.returned.push_back({.id = sent.id,
                                    .attempts = sent.attempts,
                                    .is_dead = false,
                                    .was_sent = was_sent,
                                    .delay = delay,
                                    .error = error});
}

milliseconds Relay::retry_delay(std::uint32_t attempts) {
  constexpr std::uint32_t doublings_max = 9;
  const auto grown = retry_first * (1u << std::min(attempts > 0 ? attempts - 1 : 0, doublings_max));
  return with_jitter(std::min(grown, retry_max), dice_);
}

// Time and the end ------------------------------------------------------------------------------

void Relay::tick(Instant now) {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    Server& server = servers_[i];
    if (server.state == Server::State::down) {
      if (is_stopping() || now < server.connect_at) continue;
      server.state = Server::State::connecting;
      effects_.emplace_back(Connect{i});
    } else if (!server.link.tick(now)) {
      effects_.emplace_back(Disconnect{i});
      disconnected(i, "the server does not answer", now);
    }
  }
  for (std::size_t i = 0; i < outboxes_.size(); ++i) {
    const Outbox& outbox = outboxes_[i];
    const bool is_closed = outbox.state == Outbox::State::closed;
    if (is_closed && now >= outbox.open_at && !is_stopping()) ask(i, Open{});
    go_on(i, now);
  }
  if (is_stopping() && now >= phase_until_) end_phase(now);
}

std::optional<Instant> Relay::next_deadline() const {
  std::optional<Instant> next;
  const auto at = [&next](Instant time) { next = next ? std::min(*next, time) : time; };
  for (const Server& server : servers_) {
    if (server.state == Server::State::down && !is_stopping()) at(server.connect_at);
    if (const auto wake = server.link.wake_at()) at(*wake);
  }
  for (std::size_t i = 0; i < outboxes_.size(); ++i) {
    const Outbox& outbox = outboxes_[i];
    const Settling& line = outbox.settling;
    if (!line.is_busy) {
      if (!line.delivered.empty()) at(std::max(outbox.looked_at + look_again_after, line.again_at));
      if (rows_under_way(i) > 0) at(std::max(line.renew_at, line.again_at));
      if (line.has_failed && !outbox.leasing) at(line.again_at);
    }
    if (is_stopping()) continue;
    if (outbox.state == Outbox::State::closed) at(outbox.open_at);
    const bool is_idle = outbox.state == Outbox::State::idle;
    if (is_idle && is_any_ready() && !outbox.is_watched) at(outbox.look_at);
  }
  if (is_stopping()) at(phase_until_);
  return next;
}

void Relay::stop(Instant now) {
  if (is_stopping()) return;
  phase_ = Phase::stopping;
  phase_until_ = now + settings_.stop_patience;
  effects_.emplace_back(Event{Event::Kind::stopping, 0, std::to_string(sent_.size())});
  wake_all(now);
}

// What is under way goes back at once, for another relay: its job may be at a server, whose answer
// nobody waits for any longer.
void Relay::end_phase(Instant now) {
  if (phase_ == Phase::releasing) {
    phase_ = Phase::over;
    return;
  }
  phase_ = Phase::releasing;
  phase_until_ = now + release_patience;
  for (const auto& [ticket, sent] : std::exchange(sent_, {})) {
    give_back(sent, "", false, milliseconds(0));
  }
  wake_all(now);
}

bool Relay::is_settled(const Outbox& outbox) {
  const Settling& line = outbox.settling;
  return line.delivered.empty() && line.returned.empty() && line.deleting.empty() &&
         line.returning.empty() && outbox.sent_rows == 0 && outbox.running_rows == 0;
}

bool Relay::is_over() const {
  const auto has_nothing = [](const Outbox& outbox) {
    const bool is_at_rest =
        outbox.state == Outbox::State::idle || outbox.state == Outbox::State::closed;
    return is_at_rest && !outbox.settling.is_busy && is_settled(outbox);
  };
  if (phase_ == Phase::over) return true;
  if (is_stopping()) return std::ranges::all_of(outboxes_, has_nothing);
  return settings_.once && std::ranges::all_of(outboxes_, [&](const Outbox& outbox) {
           return has_nothing(outbox) && outbox.has_looked_in_vain;
         });
}

}  // namespace gman::relay
