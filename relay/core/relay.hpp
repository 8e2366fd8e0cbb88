// SPDX-License-Identifier: BSD-3-Clause
// Relay: from leased rows to delivered jobs, for any number of outboxes and job servers.
//
// A state machine without any I/O: what happened and the time go in, effects come out. A row is
//
//     ready --lease--> sent --delivered--> deleted
//       ^                |
//       +----returned----+--failed too often, or refused for good--> dead
//
// and each arrow is one short transaction of its database. Between them the row is leased: nobody
// else looks at it until the lease ends, so a relay that dies costs time and no job. A row that was
// sent and whose fate is unknown goes back and is sent again under the same unique, to the same
// server while that is there (rendezvous.hpp).
//
// Each outbox has two lines, with one request at a time each: one looks and leases, the other one
// settles: it deletes, if it is much or nothing more is due, gives back, and renews leases. A row
// that the relay has is not leased again, though its lease may have ended unseen: so nothing is
// leased while the line that settles fails, or is so late that leases may end, or gives rows back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "relay/core/backoff.hpp"
#include "relay/core/outbox.hpp"
#include "relay/core/rendezvous.hpp"
#include "relay/core/server_link.hpp"

namespace gman::relay {

struct RelaySettings {
  /// Rows that one statement leases.
  std::size_t batch_rows_max = 1'000;
  std::size_t batch_bytes_max = 16u << 20;
  /// Rows of one database that may be under way; and those that wait for a worker's end.
  std::size_t sent_rows_max = 8'000;
  std::size_t running_rows_max = 1'000;
  std::size_t sent_bytes_max = 64u << 20;
  /// How long nobody else takes a leased row. It is renewed while its server is connected.
  milliseconds lease{60'000};
  /// Failures of its worker that a job to completion gets before it is dead.
  std::uint32_t attempts_max = 25;
  /// 0: the dead are kept for ever.
  std::uint32_t dead_days = 30;
  /// How long a stop waits for what is under way.
  milliseconds stop_patience{10'000};
  /// The longest wait between two looks at an idle outbox; nullopt: what suits the database.
  std::optional<milliseconds> poll_max{};
  milliseconds silence_max{30'000};
  /// Ship what is due and end.
  bool once = false;
};

/// For the log and for those who ask.
struct Counters {
  std::uint64_t leased = 0;
  std::uint64_t delivered = 0;
  std::uint64_t returned = 0;
  std::uint64_t died = 0;
};

struct Event {
  enum class Kind : std::uint8_t {
    outbox_opened,    ///< detail: the database's uuid
    outbox_replaced,  ///< it is another database than before; detail: how many rows were under way
    outbox_failed,    ///< it cannot be looked at, or nothing be leased
    settling_failed,  ///< nothing can be deleted, returned or renewed
    settles_again,
    server_connected,  ///< detail: what the server can do
    server_lost,
    job_died,  ///< detail: the row and why
    stopping,
  };
  Kind kind{};
  std::size_t index = 0;  ///< of the outbox or server
  std::string detail;
};

struct Connect {
  std::size_t server = 0;
};
struct Disconnect {
  std::size_t server = 0;
};
struct Ask {
  std::size_t outbox = 0;
  LeaseRequest request;
};
struct Settle {
  std::size_t outbox = 0;
  SettleRequest request;
  std::string database_uuid;  ///< where the rows are
};
using Effect = std::variant<Connect, Disconnect, Ask, Settle, Event>;

class Relay {
 public:
  /// `servers` are their names, the same for all relays. Requires: at least one of each.
  Relay(RelaySettings settings, std::size_t outboxes, std::vector<std::string> servers,
        std::uint32_t seed);

  void start(Instant now);
  void connected(std::size_t server, Instant now);
  void received(std::size_t server, std::string_view bytes, Instant now);
  /// The connection ended, or could not be made.
  void disconnected(std::size_t server, const std::string& reason, Instant now);
  /// To what an Ask asked.
  void answered(std::size_t outbox, LeaseAnswer answer, Instant now);
  /// To what a Settle asked.
  void settled(std::size_t outbox, SettleAnswer answer, Instant now);
  /// What an outbox that is being watched says by itself: rows are due, or it fails.
  void noticed(std::size_t outbox, LeaseAnswer answer, Instant now);
  void tick(Instant now);
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  /// No more leases; what is under way gets its time.
  void stop(Instant now);
  /// Nothing is left to do: the driver can end.
  [[nodiscard]] bool is_over() const;
  /// Why a run with `once` could not ship everything; empty: it did.
  [[nodiscard]] const std::string& failure() const { return failure_; }

  [[nodiscard]] std::vector<Effect> take_effects() { return std::exchange(effects_, {}); }
  [[nodiscard]] std::string take_output(std::size_t server) {
    return servers_[server].link.take_output();
  }

  [[nodiscard]] const Counters& counters(std::size_t outbox) const {
    return outboxes_[outbox].counters;
  }
  [[nodiscard]] std::size_t rows_under_way(std::size_t outbox) const {
    return outboxes_[outbox].sent_rows + outboxes_[outbox].running_rows;
  }

 private:
  /// The line that settles. It needs no opening: its connection comes and goes by itself.
  struct Settling {
    bool is_busy = false;
    bool has_failed = false;  // until all that waited is done
    Instant again_at{};       // not before
    Backoff backoff{milliseconds(50), milliseconds(10'000)};
    Instant renew_at{};
    Instant held_until{};  // until then no lease of what is under way ends
    Instant forget_at{};
    std::vector<std::uint64_t> delivered;  // to be deleted
    std::vector<Returned> returned;        // to go back
    // What a request is about, kept until it is answered: the database may fail meanwhile.
    std::vector<std::uint64_t> deleting;
    std::vector<Returned> returning;
    std::optional<Instant> renewing;  // what held_until will be
  };
  struct Outbox {
    enum class State : std::uint8_t { closed, opening, idle, busy };
    State state = State::closed;
    Instant open_at{};       // closed
    bool must_open = false;  // busy: as soon as it is answered, and the answer is worth nothing
    Backoff backoff{milliseconds(50), milliseconds(10'000)};
    std::string uuid;
    milliseconds poll_max{25};
    milliseconds poll{1};  // of a due function whose rows others hold
    Instant look_at{};
    bool is_watched = false;
    Instant looked_at{};
    struct Due {
      Group group;
      std::optional<Place> after{};  // where the last lease of it ended
    };
    std::vector<Due> due;  // as the last look saw it
    Instant places_until{};
    std::string last_leased;  // a function: the others of its priority go before it
    bool has_looked_in_vain = false;
    std::optional<Group> leasing;  // while a lease is asked for
    Instant leasing_since{};
    Settling settling;
    std::size_t sent_rows = 0;  // to a queue
    std::size_t running_rows = 0;
    std::size_t bytes = 0;
    Counters counters;
  };
  struct Server {
    enum class State : std::uint8_t { down, connecting, greeting, ready };
    State state = State::down;
    Instant connect_at{};
    Backoff backoff{milliseconds(50), milliseconds(5'000)};
    ServerLink link;
    bool has_failed = false;  // at least once, for `once`
  };
  struct Sent {
    std::uint32_t outbox;
    std::uint32_t server;
    std::uint32_t attempts;
    Delivery delivery;
    std::uint64_t id;
    std::size_t bytes;
  };

  void on(std::size_t outbox, OutboxOpened answer, Instant now);
  void leave_rows_of_other_database(std::size_t outbox);
  void on(std::size_t outbox, Looked answer, Instant now);
  void on(std::size_t outbox, Leased answer, Instant now);
  void on(std::size_t outbox, OutboxFailure answer, Instant now);
  static void close(Outbox& outbox, Instant open_at);
  void settling_failed(std::size_t outbox, const OutboxFailure& answer, Instant now);

  void go_on(std::size_t outbox, Instant now);
  void settle_next(std::size_t outbox, Instant now);
  void lease_next(std::size_t outbox, Instant now);
  void ask(std::size_t outbox, LeaseRequest request);
  void settle(std::size_t outbox, SettleRequest request);
  void send(std::size_t outbox, const Group& group, std::vector<Row> rows, Instant now);
  void take(const std::vector<Outcome>& outcomes, Instant now);
  void take_one(const Outcome& outcome);
  void give_back(Sent sent, const std::string& error, bool was_sent, milliseconds delay);
  void server_ready(std::size_t server, Instant now);
  void wake_all(Instant now);
  void end_phase(Instant now);
  void fail_once(const std::string& reason, Instant now);
  void take_due(Outbox& outbox, std::vector<DueGroup> groups, Instant now);
  [[nodiscard]] bool is_stopping() const { return phase_ != Phase::serving; }
  [[nodiscard]] bool has_room(const Outbox& outbox, Delivery delivery) const;
  [[nodiscard]] bool is_more_due(const Outbox& outbox, Instant now) const;
  [[nodiscard]] static bool may_lease(const Settling& settling, Instant now);
  [[nodiscard]] bool is_any_ready() const;
  [[nodiscard]] milliseconds retry_delay(std::uint32_t attempts);
  [[nodiscard]] static bool is_settled(const Outbox& outbox);
  /// No lease that was asked for then ends before: a quarter of it is for the way.
  void count_lease_from(Instant asked_at, Settling& line) const;
  [[nodiscard]] Instant held_from(Instant time) const { return time + settings_.lease * 3 / 4; }

  RelaySettings settings_;
  std::vector<Outbox> outboxes_;
  std::vector<Server> servers_;
  std::vector<Candidate> candidates_;  // servers_, for the rendezvous
  std::unordered_map<Ticket, Sent> sent_;
  Ticket next_ticket_ = 1;
  Dice dice_;
  std::vector<Effect> effects_;
  enum class Phase : std::uint8_t {
    serving,
    stopping,   // waits for what is under way
    releasing,  // gives back what did not end in time
    over,       // a database that is away keeps its leases until they end
  };
  Phase phase_ = Phase::serving;
  Instant phase_until_{};  // but of serving
  std::string failure_;
};

}  // namespace gman::relay
