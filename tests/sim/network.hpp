// SPDX-License-Identifier: BSD-3-Clause
// Timeline: the virtual clock, and what is to happen when. Link: one virtual connection.
//
// A link carries bytes both ways, in order and late; it splits them, merges them with what is still
// on its way, and can be cut: then each side sees some of what was on its way, perhaps half a
// packet, and learns of the end at a time of its own. Time moves in whole milliseconds, so that
// many things happen at once.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "tests/sim/dice.hpp"

namespace gman::sim {

class Timeline {
 public:
  Timeline();

  [[nodiscard]] Now now() const { return now_; }
  void at(Instant when, std::function<void()> what);
  void after(milliseconds delay, std::function<void()> what) {
    at(now_.steady + delay, std::move(what));
  }
  /// Everything that is to happen up to then, in its order.
  void run_until(Instant end);
  /// Somebody sets the wall clock.
  void set_wall(milliseconds change) { now_.wall += change; }

 private:
  void move_to(Instant when);

  Now now_;
  std::uint64_t order_ = 0;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> todo_;
};

/// How bad a network is.
struct Weather {
  std::uint64_t delay_ms_max = 5;
  std::uint64_t split_percent = 20;
  std::uint64_t merge_percent = 30;
};

/// One side of a link: what hears of it.
struct Endpoint {
  std::function<void(std::string_view)> on_bytes;
  std::function<void()> on_end;
};

enum class Side : std::uint8_t { peer, server };

class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(Timeline& timeline, Dice& dice, const Weather& weather)
      : timeline_(timeline), dice_(dice), weather_(weather) {}

  void attach(Side side, Endpoint endpoint);
  void send(Side from, std::string_view bytes);
  /// This side has said all it had to say, and hears nothing more; the other side hears it all.
  void close(Side by);
  /// Nobody is asked.
  void cut();
  [[nodiscard]] bool is_closed(Side side) const { return sides_[index(side)].is_closed; }

 private:
  struct Half {  // what travels to one side
    Endpoint endpoint;
    std::map<std::uint64_t, std::string> in_flight;
    std::uint64_t next = 0;
    Instant last_arrival{};
    bool is_closed = false;  // hears nothing more
    bool ends = false;       // its end is on its way, nothing can be added
  };
  static std::size_t index(Side side) { return static_cast<std::size_t>(side); }
  static Side other(Side side) { return side == Side::peer ? Side::server : Side::peer; }
  void dispatch(Side to, std::string_view bytes);
  void end_at(Side side, Instant when);

  Timeline& timeline_;
  Dice& dice_;
  const Weather& weather_;
  std::array<Half, 2> sides_;
};

}  // namespace gman::sim
