// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/network.hpp"

#include <algorithm>
#include <utility>

namespace gman::sim {

Timeline::Timeline() {
  now_.steady = Instant(std::chrono::hours(1));
  now_.wall = WallTime(std::chrono::sys_days(std::chrono::year{2026} / 11 / 22));
}

void Timeline::at(Instant when, std::function<void()> what) {
  todo_.emplace(std::pair(std::max(when, now_.steady), order_++), std::move(what));
}

void Timeline::run_until(Instant end) {
  while (!todo_.empty() && todo_.begin()->first.first <= end) {
    const auto next = todo_.extract(todo_.begin());
    move_to(next.key().first);
    next.mapped()();
  }
  move_to(end);
}

void Timeline::move_to(Instant when) {
  now_.wall += duration_cast<WallTime::duration>(when - now_.steady);
  now_.steady = when;
}

void Link::attach(Side side, Endpoint endpoint) {
  sides_[index(side)].endpoint = std::move(endpoint);
}

void Link::send(Side from, std::string_view bytes) {
  if (bytes.empty() || sides_[index(other(from))].ends) return;
  while (!bytes.empty()) {
    std::size_t count = bytes.size();
    if (count > 1 && dice_.percent(weather_.split_percent)) {
      // Often within a header, or at its very end.
      count = dice_.between(1, dice_.one_in(2) ? std::min<std::size_t>(count, 13) : count);
    }
    dispatch(other(from), bytes.substr(0, count));
    bytes.remove_prefix(count);
  }
}

void Link::dispatch(Side to, std::string_view bytes) {
  Half& half = sides_[index(to)];
  if (!half.in_flight.empty() && dice_.percent(weather_.merge_percent)) {
    half.in_flight.rbegin()->second += bytes;
    return;
  }
  const std::uint64_t number = half.next++;
  half.in_flight.emplace(number, bytes);
  half.last_arrival =
      std::max(half.last_arrival, timeline_.now().steady + dice_.delay(weather_.delay_ms_max));
  timeline_.at(half.last_arrival, [self = shared_from_this(), to, number] {
    Half& arriving = self->sides_[index(to)];
    const auto found = arriving.in_flight.find(number);
    if (found == arriving.in_flight.end()) return;
    const std::string chunk = std::move(found->second);
    arriving.in_flight.erase(found);
    if (!arriving.is_closed) arriving.endpoint.on_bytes(chunk);
  });
}

void Link::close(Side by) {
  sides_[index(by)].is_closed = true;
  Half& far = sides_[index(other(by))];
  if (far.ends) return;
  end_at(other(by),
         std::max(far.last_arrival, timeline_.now().steady + dice_.delay(weather_.delay_ms_max)));
}

void Link::cut() {
  for (const Side side : {Side::peer, Side::server}) {
    Half& half = sides_[index(side)];
    if (half.ends) continue;
    // Some of what was on its way arrives, maybe not to the end of a packet.
    while (!half.in_flight.empty() && dice_.one_in(2)) {
      half.in_flight.erase(std::prev(half.in_flight.end()));
    }
    if (!half.in_flight.empty()) {
      std::string& last = half.in_flight.rbegin()->second;
      last.resize(dice_.below(last.size() + 1));
    }
    end_at(side, std::max(half.last_arrival,
                          timeline_.now().steady + dice_.delay(weather_.delay_ms_max * 10)));
  }
}

void Link::end_at(Side side, Instant when) {
  sides_[index(side)].ends = true;
  timeline_.at(when, [self = shared_from_this(), side] {
    Half& half = self->sides_[index(side)];
    if (std::exchange(half.is_closed, true)) return;
    half.endpoint.on_end();
  });
}

}  // namespace gman::sim
