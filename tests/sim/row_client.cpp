// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/row_client.hpp"

#include <utility>

#include "tests/sim/failure.hpp"

namespace gman::sim {

RowClient::RowClient(World& world, std::uint64_t number)
    : Peer(world), uuid_(std::to_string(number) + "bcdef01-89ab-4cde-8f01-23456789abcd") {
  connect();
}

void RowClient::connect() {
  world_.connect(link_, {.on_bytes = [this](std::string_view bytes) { receive(bytes); },
                         .on_end = [this] { lost(); }});
  talk_.begin(world_.timeline.now().steady);
  flush();
}

void RowClient::lost() {
  link_.reset();
  settle(talk_.end("the connection ended"));
  world_.timeline.after(world_.dice.delay(1000), [this] {
    if (link_ == nullptr) connect();
  });
}

void RowClient::add_rows() {
  constexpr std::size_t rows_max = 8;
  for (std::uint64_t i = world_.dice.between(1, 4); i > 0 && rows_.size() < rows_max; --i) {
    const std::uint64_t id = ++rows_made_;
    rows_.emplace(id, Row{.function = std::string(world_.dice.pick(functions)),
                          .unique = uuid_ + ":" + std::to_string(id),
                          .workload = "row " + std::to_string(id),
                          .mode = world_.dice.one_in(2) ? JobMode::foreground : JobMode::background,
                          .is_sent = false});
  }
  send_rows();
}

void RowClient::send_rows() {
  if (link_ == nullptr || !talk_.is_ready()) return;
  std::map<std::pair<std::string, JobMode>, std::vector<relay::Part>> parts;
  for (auto& [id, row] : rows_) {
    if (std::exchange(row.is_sent, true)) continue;
    parts[{row.function, row.mode}].push_back({id, row.unique, row.workload});
  }
  for (const auto& [terms, of_them] : parts) {
    talk_.submit({.function = terms.first, .mode = terms.second}, of_them,
                 world_.timeline.now().steady);
  }
  flush();
}

void RowClient::flush() {
  const std::string bytes = talk_.take_output();
  if (!bytes.empty()) link_->send(Side::peer, bytes);
}

void RowClient::receive(std::string_view bytes) {
  const bool was_ready = talk_.is_ready();
  std::vector<relay::Outcome> outcomes;
  const std::string broken = talk_.received(bytes, world_.timeline.now().steady, outcomes);
  require(broken.empty(), [&] { return broken; });
  settle(outcomes);
  if (!was_ready) send_rows();
}

// In calm there is no end of trying for what fails: a relay gives it up some time, too.
void RowClient::settle(const std::vector<relay::Outcome>& outcomes) {
  using Kind = relay::Outcome::Kind;
  bool is_any_left = false;
  for (const relay::Outcome& outcome : outcomes) {
    const auto found = rows_.find(outcome.ticket);
    require(found != rows_.end(), [&] { return "two outcomes for one row: " + outcome.reason; });
    switch (outcome.kind) {
      case Kind::delivered:
        check_jobs_of(found->second);
        rows_.erase(found);
        break;
      case Kind::failed:
        if (world_.is_calm()) {
          rows_.erase(found);
          break;
        }
        [[fallthrough]];
      case Kind::busy:
      case Kind::unknown:
        found->second.is_sent = false;
        is_any_left = true;
        break;
      case Kind::refused: throw Failure("a row was refused: " + outcome.reason);
    }
  }
  if (is_any_left) send_again_later();
}

void RowClient::send_again_later() {
  if (std::exchange(is_waiting_, true)) return;
  world_.timeline.after(milliseconds(world_.dice.between(10, 1000)), [this] {
    is_waiting_ = false;
    send_rows();
  });
}

void RowClient::check_jobs_of(const Row& row) const {
  const std::vector<std::string> jobs = world_.model().jobs_made_for(row.unique);
  require(!jobs.empty(), [&] { return "delivered, and no job was made: " + row.unique; });
  if (world_.may_double_rows()) return;
  for (std::size_t i = 0; i + 1 < jobs.size(); ++i) {
    require(may_be_run_again(jobs[i], row.mode),
            [&] { return "a second job was made for " + row.unique; });
  }
}

// A job of a row of this client ended without having done what the row wants, or was cancelled.
bool RowClient::may_be_run_again(const std::string& handle, JobMode mode) const {
  const auto alive = world_.model().jobs().find(handle);
  const bool is_foreground = mode == JobMode::foreground;
  if (alive != world_.model().jobs().end()) return is_foreground && alive->second.is_cancelled;
  switch (world_.model().outcomes().at(handle)) {
    case sim::Outcome::completed: return false;
    case sim::Outcome::failed:
    case sim::Outcome::raised:
    case sim::Outcome::cancelled:
    case sim::Outcome::used_up: return is_foreground;
    case sim::Outcome::left_alone:
    case sim::Outcome::not_stored:
    case sim::Outcome::lost:
    case sim::Outcome::died: return true;
  }
  return false;
}

std::string RowClient::state() const {
  return "a relay has " + std::to_string(rows_.size()) + " rows";
}

void RowClient::lose_connection() {
  if (link_ != nullptr) link_->cut();
}

}  // namespace gman::sim
