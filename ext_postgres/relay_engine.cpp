// SPDX-License-Identifier: BSD-3-Clause
// The relay's core over non-blocking sockets, and over statements that somebody else runs.
#include "ext_postgres/relay_engine.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdio>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/assert.hpp"
#include "client/blocking/connector.hpp"
#include "client/blocking/epoll.hpp"
#include "client/fsm/server_list.hpp"
#include "relay/core/postgres_statement.hpp"
#include "relay/core/relay.hpp"
#include "relay/core/watch.hpp"

namespace gman::relay {
namespace {

constexpr milliseconds connect_timeout{5'000};
// Commits wake the relay, so it looks only for rows that come due by their time, and for those of
// COMMIT PREPARED, which nobody notices.
constexpr milliseconds poll_max{250};
// DROP DATABASE WITH (FORCE) waits for five seconds, and nobody likes to wait for a restart.
constexpr milliseconds stop_patience{1'000};
constexpr std::size_t read_bytes = 64u << 10;
// Then the database has its turn.
constexpr int reads_per_step_max = 16;

Instant steady_now() {
  return std::chrono::steady_clock::now();
}

RelaySettings settings_here() {
  RelaySettings settings;
  settings.stop_patience = stop_patience;
  return settings;
}

/// What a statement has brought so far.
class CellRows {
 public:
  void add(const relay_cell* cells, std::size_t count) {
    auto& row = rows_.emplace_back();
    row.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      if (cells[i].data == nullptr) {
        row.emplace_back();
      } else {
        row.emplace_back(std::string(cells[i].data, cells[i].size));
      }
    }
  }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] const std::optional<std::string>& at(std::size_t row, std::size_t column) const {
    return rows_.at(row).at(column);
  }

 private:
  std::vector<std::vector<std::optional<std::string>>> rows_;
};

/// One job server and the connection to it, if there is one.
struct Line {
  ServerAddress address;
  std::unique_ptr<Connector> connector{};
  UniqueFd socket{};
  std::string writing{};
  std::size_t written = 0;
  bool waits_to_write = false;
  bool is_watched_for_writing = false;
  std::string last_reason{};
};

class Engine {
 public:
  Engine(std::vector<ServerAddress> servers, std::string relay)
      : uuid_(std::move(relay)),
        relay_(settings_here(), 1, names_of(servers), std::random_device{}()) {
    for (ServerAddress& server : servers) lines_.push_back({.address = std::move(server)});
    relay_.start(steady_now());
    obey();
  }

  [[nodiscard]] int fd() const { return epoll_.fd(); }

  [[nodiscard]] std::optional<Instant> wake_at() const {
    std::optional<Instant> next = relay_.next_deadline();
    const auto at = [&next](std::optional<Instant> time) {
      if (time) next = next ? std::min(*next, *time) : *time;
    };
    for (const Line& line : lines_) {
      if (line.connector) at(line.connector->wake_at(steady_now()));
    }
    if (watch_) at(look_at_);
    return next;
  }

  void step() {
    for (const EpollEvent& event : epoll_.poll()) dispatch(event);
    const auto deadline = relay_.next_deadline();
    const Instant now = steady_now();
    if (deadline && *deadline <= now) relay_.tick(now);
    obey();
    // Also those that have just begun: nobody says when an address in numbers is known.
    for (std::size_t i = 0; i < lines_.size(); ++i) connect(i);
    obey();
  }

  // What settles and what leases take turns, so that neither keeps the other waiting.
  [[nodiscard]] const relay_statement* ask() {
    GMAN_ASSERT(!running_);
    if (settle_ && !(lease_ && has_settled_last_)) {
      has_settled_last_ = true;
      begin(Running::settling, purpose_of(*settle_), statement_of(*settle_, uuid_));
    } else if (lease_) {
      has_settled_last_ = false;
      begin_lease(*lease_);
    } else if (watch_ && (is_woken_ || steady_now() >= look_at_)) {
      is_woken_ = false;
      begin(Running::watching, "looks for rows that are due", statement_of(watch_->look()));
    }
    return running_ ? &shown_ : nullptr;
  }

  void row(const relay_cell* cells, std::size_t count) { rows_.add(cells, count); }

  void done() {
    GMAN_ASSERT(running_.has_value());
    const CellRows rows = std::exchange(rows_, {});
    const Instant now = steady_now();
    switch (*std::exchange(running_, std::nullopt)) {
      case Running::settling:
        settle_.reset();
        relay_.settled(0, Done{}, now);
        break;
      case Running::leasing:
        relay_.answered(0, answer_to(*std::exchange(lease_, {}), rows), now);
        break;
      case Running::watching: watched(looked_at(rows), now); break;
    }
    obey();
  }

  void failed(const std::string& reason) {
    GMAN_ASSERT(running_.has_value());
    rows_ = {};
    const Instant now = steady_now();
    switch (*std::exchange(running_, std::nullopt)) {
      case Running::settling:
        settle_.reset();
        relay_.settled(0, OutboxFailure{reason}, now);
        break;
      case Running::leasing:
        lease_.reset();
        relay_.answered(0, OutboxFailure{reason}, now);
        break;
      case Running::watching:
        watch_.reset();
        relay_.noticed(0, OutboxFailure{reason}, now);
        break;
    }
    obey();
  }

  void wake() {
    is_woken_ = true;
    if (watch_) watch_->begin_again();
  }

  void stop() {
    relay_.stop(steady_now());
    obey();
  }
  [[nodiscard]] bool is_over() const { return relay_.is_over(); }

  [[nodiscard]] bool next_event(relay_event& event) {
    if (events_.empty()) return false;
    told_ = std::move(events_.front());
    events_.pop_front();
    event = {told_.is_warning, told_.text.c_str()};
    return true;
  }

  [[nodiscard]] relay_counters counters() const {
    const Counters& counted = relay_.counters(0);
    return {counted.leased, counted.delivered, counted.returned, counted.died,
            relay_.rows_under_way(0)};
  }

 private:
  enum class Running : std::uint8_t { settling, leasing, watching };
  struct Told {
    bool is_warning = false;
    std::string text;
  };

  // Statements ------------------------------------------------------------------------------------

  void begin(Running what, const char* purpose, Statement statement) {
    statement_ = std::move(statement);
    parameters_.clear();
    for (const std::string& text : statement_.parameters) {
      parameters_.push_back({text.data(), text.size()});
    }
    shown_ = {purpose, statement_.sql, parameters_.data(), parameters_.size()};
    running_ = what;
  }

  void begin_lease(const LeaseRequest& request) {
    if (const auto* lease = std::get_if<Lease>(&request)) {
      begin(Running::leasing, "leases rows", statement_of(*lease, uuid_));
    } else if (const auto* look = std::get_if<Look>(&request)) {
      is_woken_ = false;
      begin(Running::leasing, "looks for rows that are due", statement_of(*look));
    } else {
      begin(Running::leasing, "opens the outbox", statement_of(Open{}));
    }
  }

  static const char* purpose_of(const SettleRequest& request) {
    struct Of {
      const char* operator()(const Delete&) const { return "deletes rows that were delivered"; }
      const char* operator()(const Return&) const { return "gives rows back"; }
      const char* operator()(const Renew&) const { return "renews leases"; }
      const char* operator()(const ForgetDead&) const { return "forgets dead jobs"; }
    };
    return std::visit(Of{}, request);
  }

  [[nodiscard]] LeaseAnswer answer_to(const LeaseRequest& request, const CellRows& rows) {
    if (std::holds_alternative<Lease>(request)) return postgres_leased(rows);
    if (const auto* look = std::get_if<Look>(&request)) {
      Looked looked = looked_at(rows);
      watch_ = Watch::after(*look, looked);
      if (watch_) look_at_ = steady_now() + watch_->wait();
      return looked;
    }
    if (rows.size() != 1) return OutboxFailure{"gman.outbox_setting has not one row"};
    return OutboxOpened{.database_uuid = text_in(rows, 0, 0), .poll_max = poll_max};
  }

  void watched(Looked looked, Instant now) {
    GMAN_ASSERT(watch_.has_value());
    if (watch_->goes_on(looked)) {
      look_at_ = now + watch_->wait();
      return;
    }
    watch_.reset();
    relay_.noticed(0, std::move(looked), now);
  }

  // Job servers -----------------------------------------------------------------------------------

  void dispatch(const EpollEvent& event) {
    if (event.tag.owner == EpollTag::Owner::resolver) {
      for (Line& line : lines_) {
        if (line.connector) line.connector->on_event(event);
      }
      return;
    }
    const std::size_t server = event.tag.number;
    Line& line = lines_.at(server);
    if (line.connector) return line.connector->on_event(event);
    if (event.is_readable) receive(server);
    if (event.is_writable) line.waits_to_write = false;
  }

  void connect(std::size_t server) {
    Line& line = lines_[server];
    if (!line.connector) return;
    auto came_to = line.connector->step(steady_now());
    if (!came_to) return;
    line.connector.reset();
    if (const auto* reason = std::get_if<std::string>(&*came_to)) {
      return relay_.disconnected(server, *reason, steady_now());
    }
    line.socket = std::get<UniqueFd>(std::move(*came_to));
    relay_.connected(server, steady_now());
  }

  void receive(std::size_t server) {
    std::array<char, read_bytes> buffer;
    for (int i = 0; i < reads_per_step_max && lines_[server].socket; ++i) {
      const auto bytes = ::recv(lines_[server].socket.get(), buffer.data(), buffer.size(), 0);
      if (bytes > 0) {
        relay_.received(server, {buffer.data(), static_cast<std::size_t>(bytes)}, steady_now());
        obey();
        continue;
      }
      if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
      lose(server, bytes == 0 ? "the server closed the connection" : reason_of(errno));
    }
  }

  void lose(std::size_t server, const std::string& reason) {
    hang_up(lines_[server]);
    relay_.disconnected(server, reason, steady_now());
    obey();
  }

  static void hang_up(Line& line) {
    line.connector.reset();
    line.socket.reset();
    line.writing.clear();
    line.written = 0;
    line.waits_to_write = line.is_watched_for_writing = false;
  }

  // A socket that takes no more is watched until it does. One that failed shows it by its reading.
  void write(std::size_t server) {
    Line& line = lines_[server];
    while (line.socket && !line.waits_to_write) {
      if (line.written == line.writing.size()) {
        line.writing = relay_.take_output(server);
        line.written = 0;
        if (line.writing.empty()) return watch_socket(server);
      }
      const auto bytes = ::send(line.socket.get(), line.writing.data() + line.written,
                                line.writing.size() - line.written, MSG_NOSIGNAL);
      if (bytes >= 0) {
        line.written += static_cast<std::size_t>(bytes);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        line.waits_to_write = true;
        watch_socket(server);
      } else if (errno != EINTR) {
        lose(server, reason_of(errno));
      }
    }
  }

  void watch_socket(std::size_t server) {
    Line& line = lines_[server];
    if (line.is_watched_for_writing == line.waits_to_write) return;
    line.is_watched_for_writing = line.waits_to_write;
    epoll_.watch(line.socket.get(),
                 {EpollTag::Owner::connection, static_cast<std::uint32_t>(server)}, true,
                 line.waits_to_write);
  }

  // Effects ---------------------------------------------------------------------------------------

  // What an event has led to. Effects may lead to further ones.
  void obey() {
    for (auto effects = relay_.take_effects(); !effects.empty(); effects = relay_.take_effects()) {
      for (Effect& effect : effects) {
        std::visit([this](auto& what) { on(std::move(what)); }, effect);
      }
    }
    for (std::size_t i = 0; i < lines_.size(); ++i) write(i);
  }

  void on(Connect effect) {
    lines_[effect.server].connector =
        std::make_unique<Connector>(epoll_, static_cast<std::uint32_t>(effect.server),
                                    lines_[effect.server].address, connect_timeout);
  }
  void on(Disconnect effect) { hang_up(lines_[effect.server]); }
  void on(Ask effect) {
    watch_.reset();
    lease_ = std::move(effect.request);
  }
  void on(Settle effect) { settle_ = std::move(effect.request); }

  // What fails again for the same reason is said once.
  void on(Event event) {
    const auto is_news = [&event](std::string& last) {
      return std::exchange(last, event.detail) != event.detail;
    };
    switch (event.kind) {
      case Event::Kind::outbox_opened:
        outbox_reason_.clear();
        return tell(false, "ships the outbox of database uuid " + event.detail);
      case Event::Kind::outbox_replaced:
        return tell(true, "the outbox has another uuid than before; rows that were under way: " +
                              event.detail);
      case Event::Kind::outbox_failed:
      case Event::Kind::settling_failed:
        if (is_news(outbox_reason_)) {
          tell(true, "the outbox fails, it is being tried again: " + event.detail);
        }
        return;
      case Event::Kind::settles_again:
        outbox_reason_.clear();
        return tell(false, "rows are settled again");
      case Event::Kind::server_connected:
        lines_[event.index].last_reason.clear();
        return tell(false, "connected to " + lines_[event.index].address.name);
      case Event::Kind::server_lost:
        if (is_news(lines_[event.index].last_reason)) {
          tell(true, "not connected to " + lines_[event.index].address.name +
                         ", it is being tried again: " + event.detail);
        }
        return;
      case Event::Kind::job_died: return tell(true, "job given up: " + event.detail);
      case Event::Kind::stopping: return;
    }
  }

  void tell(bool is_warning, std::string text) { events_.push_back({is_warning, std::move(text)}); }

  Epoll epoll_;
  std::string uuid_;
  Relay relay_;
  std::vector<Line> lines_;

  std::optional<SettleRequest> settle_;
  std::optional<LeaseRequest> lease_;
  std::optional<Watch> watch_;
  Instant look_at_{};  // while there is a watch_
  bool is_woken_ = false;
  bool has_settled_last_ = false;
  std::optional<Running> running_;
  Statement statement_{};  // that is running
  std::vector<relay_cell> parameters_;
  relay_statement shown_{};
  CellRows rows_;

  std::deque<Told> events_;
  Told told_;
  std::string outbox_reason_;
};

}  // namespace
}  // namespace gman::relay

struct relay_engine {
  std::optional<gman::relay::Engine> engine;
  std::string broken;
};

namespace {

// After an exception the machine is in no known state: it only says why.
void break_down(relay_engine* engine, const char* why) noexcept {
  engine->engine.reset();
  try {
    engine->broken = why;
  } catch (...) {
    engine->broken = "no memory";  // so short a text needs none
  }
}

template <class Work>
void at_boundary(relay_engine* engine, Work work) noexcept {
  if (!engine->engine) return;
  try {
    work(*engine->engine);
  } catch (const std::exception& thrown) {
    break_down(engine, thrown.what());
  } catch (...) {
    break_down(engine, "unknown exception");
  }
}

}  // namespace

const char* relay_engine_setting(std::size_t number, const char** value) {
  const auto& settings = gman::relay::postgres_session;
  if (number >= settings.size()) return nullptr;
  *value = settings.at(number).value;
  return settings.at(number).name;
}

relay_engine* relay_engine_new(const char* servers, const char* relay, char* reason,
                               std::size_t reason_bytes) {
  try {
    auto parsed = gman::parse_server_list(servers);
    if (const auto* error = std::get_if<gman::ServerListError>(&parsed)) {
      std::snprintf(reason, reason_bytes, "%s", error->message.c_str());
      return nullptr;
    }
    auto& list = std::get<std::vector<gman::ServerAddress>>(parsed);
    if (list.empty()) {
      std::snprintf(reason, reason_bytes, "no job server is named");
      return nullptr;
    }
    auto made = std::make_unique<relay_engine>();
    made->engine.emplace(std::move(list), relay);
    return made.release();
  } catch (const std::exception& thrown) {
    std::snprintf(reason, reason_bytes, "%s", thrown.what());
  } catch (...) {
    std::snprintf(reason, reason_bytes, "unknown exception");
  }
  return nullptr;
}

void relay_engine_free(relay_engine* engine) {
  delete engine;
}

int relay_engine_fd(const relay_engine* engine) {
  return engine->engine ? engine->engine->fd() : -1;
}

int relay_engine_timeout_ms(relay_engine* engine) {
  int timeout_ms = -1;
  at_boundary(engine, [&timeout_ms](const gman::relay::Engine& of) {
    const auto due = of.wake_at();
    if (!due) return;
    const auto left = std::chrono::ceil<gman::milliseconds>(*due - gman::relay::steady_now());
    timeout_ms = static_cast<int>(std::clamp<gman::milliseconds::rep>(left.count(), 0, INT_MAX));
  });
  return timeout_ms;
}

void relay_engine_step(relay_engine* engine) {
  at_boundary(engine, [](gman::relay::Engine& of) { of.step(); });
}

const relay_statement* relay_engine_ask(relay_engine* engine) {
  const relay_statement* asked = nullptr;
  at_boundary(engine, [&asked](gman::relay::Engine& of) { asked = of.ask(); });
  return asked;
}

void relay_engine_row(relay_engine* engine, const relay_cell* cells, std::size_t count) {
  at_boundary(engine, [&](gman::relay::Engine& of) { of.row(cells, count); });
}

void relay_engine_done(relay_engine* engine) {
  at_boundary(engine, [](gman::relay::Engine& of) { of.done(); });
}

void relay_engine_failed(relay_engine* engine, const char* reason) {
  at_boundary(engine, [reason](gman::relay::Engine& of) { of.failed(reason); });
}

void relay_engine_wake(relay_engine* engine) {
  at_boundary(engine, [](gman::relay::Engine& of) { of.wake(); });
}

void relay_engine_stop(relay_engine* engine) {
  at_boundary(engine, [](gman::relay::Engine& of) { of.stop(); });
}

bool relay_engine_is_over(const relay_engine* engine) {
  return engine->engine && engine->engine->is_over();
}

const char* relay_engine_broken(const relay_engine* engine) {
  return engine->engine ? nullptr : engine->broken.c_str();
}

bool relay_engine_event(relay_engine* engine, relay_event* event) {
  bool has_one = false;
  at_boundary(engine, [&](gman::relay::Engine& of) { has_one = of.next_event(*event); });
  return has_one;
}

relay_counters relay_engine_counters(const relay_engine* engine) {
  return engine->engine ? engine->engine->counters() : relay_counters{};
}
