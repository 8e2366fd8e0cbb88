// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/world.hpp"

#include <iostream>

#include "tests/sim/failure.hpp"

namespace gman::sim {
namespace {

// No history takes so long, or has so many jobs.
bool forgets_uniques(const EngineSettings& settings) {
  return settings.unique_window < std::chrono::hours(24) || settings.unique_window_max < 100'000;
}

}  // namespace

World::World(std::uint64_t seed, const EngineSettings& settings, const Weather& bad_weather,
             bool is_verbose)
    : dice(seed),
      weather(bad_weather),
      server(settings,
             {.send =
                  [this](ConnId conn, std::string_view bytes) {
                    say("server sends " + std::to_string(bytes.size()) + " bytes to " +
                        told(Happened{conn, std::string(bytes)}));
                    links_.at(conn)->send(Side::server, bytes);
                  },
              .close =
                  [this](ConnId conn) {
                    say("server closes connection " + std::to_string(conn.value & 0xffffffff));
                    links_.at(conn)->close(Side::server);
                    links_.erase(conn);
                  },
              .store = [this] { let_store_work(); },
              .read = [this] { let_store_read(); }}),
      is_verbose_(is_verbose),
      may_double_rows_(forgets_uniques(settings)),
      tick_lateness_(dice.one_in(2) ? 0 : dice.below(tick_lateness_max.count() + 1)) {
  server.on_request = [this](ConnId conn, const Request& request) {
    if (!is_verbose_) return;
    std::string bytes;
    append_request(bytes, request);
    say("connection " + std::to_string(conn.value & 0xffffffff) + "." +
        std::to_string(conn.value >> 32) + " > " + told(bytes));
  };
}

void World::connect(std::shared_ptr<Link>& current, Endpoint peer) {
  auto link = std::make_shared<Link>(timeline, dice, weather);
  const ConnId conn = server.accept();
  const auto is_current = [&current, weak = std::weak_ptr(link)] {
    return current != nullptr && weak.lock() == current;
  };
  link->attach(Side::peer, {.on_bytes =
                                [is_current, hear = std::move(peer.on_bytes)](auto bytes) {
                                  if (is_current()) hear(bytes);
                                },
                            .on_end =
                                [is_current, end = std::move(peer.on_end)] {
                                  if (is_current()) end();
                                }});
  link->attach(Side::server, {.on_bytes =
                                  [this, conn](std::string_view bytes) {
                                    server.receive(conn, bytes, timeline.now());
                                    watch_time();
                                  },
                              .on_end =
                                  [this, conn] {
                                    server.ended(conn, timeline.now());
                                    watch_time();
                                  }});
  links_.emplace(conn, link);
  current = std::move(link);
}

// As the loop does: a tick when a deadline has come, or a little later.
void World::watch_time() {
  const auto deadline = server.next_deadline();
  if (!deadline) return;
  const Instant wanted = *deadline + tick_lateness_;
  if (tick_at_ && *tick_at_ <= wanted) return;
  tick_at_ = wanted;
  timeline.at(wanted, [this, wanted] {
    if (tick_at_ != wanted) return;
    tick_at_.reset();
    server.tick(timeline.now());
    watch_time();
  });
}

// Mostly it is quick; now and then it takes so long that clients are told.
void World::let_store_work() {
  const std::uint64_t life = life_;
  const bool is_slow = !is_calm_ && dice.one_in(30);
  const auto in_this_life = [this, life](void (VirtualServer::*what)(Now)) {
    return [this, life, what] {
      if (life != life_) return;
      (server.*what)(timeline.now());
      watch_time();
    };
  };
  const milliseconds gives_up_after{200};
  if (is_slow) timeline.after(gives_up_after, in_this_life(&VirtualServer::give_up_storing));
  const milliseconds delay = is_slow ? 2 * gives_up_after : dice.delay(30);
  timeline.after(delay, in_this_life(&VirtualServer::store_has_it));
}

// Late, in any order, and seldom not at all.
void World::let_store_read() {
  const std::uint64_t life = life_;
  timeline.after(dice.delay(60), [this, life] {
    if (life != life_) return;
    const bool is_lost = !is_calm_ && dice.one_in(40);
    server.store_reads(dice.below(server.awaited()), is_lost, timeline.now());
    watch_time();
  });
}

void World::restart_server() {
  say("the server dies, and begins again");
  ++life_;
  may_double_rows_ = true;
  links_.clear();
  server.restart(dice.one_in(2), timeline.now());
  watch_time();
}

void World::change(const EngineSettings& settings) {
  may_double_rows_ |= forgets_uniques(settings);
  server.change(settings);
}

void World::acknowledged(std::string_view handle, JobMode mode) {
  if (is_of_ended_job(handle)) return;
  require(mode != JobMode::background || model().is_promise_kept(std::string(handle)),
          [&] { return "acknowledged and not stored: " + std::string(handle); });
  JobMode& known = acknowledged_.try_emplace(std::string(handle), mode).first->second;
  if (mode == JobMode::background) known = mode;
}

void World::calm() {
  is_calm_ = true;
  weather = {};
}

void World::reckon() const {
  const Engine& engine = server.engine().engine();
  require(model().jobs().empty(),
          [&] { return "a job is left: " + model().jobs().begin()->first; });
  require(engine.jobs().empty() && engine.uniques().empty(), "the engine kept what has ended");
  for (const auto& [handle, mode] : acknowledged_) {
    const auto outcome = model().outcomes().find(handle);
    const std::string& name = handle;
    require(outcome != model().outcomes().end(),
            [&] { return "an acknowledged job was lost: " + name; });
    const bool is_dropped =
        outcome->second == Outcome::left_alone || outcome->second == Outcome::not_stored;
    require(mode != JobMode::background || !is_dropped,
            [&] { return "a background job was dropped: " + name; });
  }
}

void World::say(const std::string& what) const {
  if (!is_verbose_) return;
  const auto at = timeline.now().steady.time_since_epoch() - std::chrono::hours(1);
  std::cout << std::chrono::duration_cast<milliseconds>(at).count() << " ms  " << what << '\n';
}

}  // namespace gman::sim
