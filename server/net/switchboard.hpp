// SPDX-License-Identifier: BSD-3-Clause
// Switchboard: every connection's bytes, to and from the engine, a turn of the loop at a time.
//
// A turn: the loop says which sockets are ready; each is read once, every packet that is there is
// decoded and given to the engine, and what the engine wants sent is appended to its connection's
// output. finish_turn() then sends each output with one system call. A socket that does not take
// all of it is waited for.
//
// Everything a peer can make this hold is bounded: half a packet grows as its bytes come, never by
// what its header announces; a connection with much unsent output is not read (output_pause_bytes)
// and one with too much is closed (ServerConfig::output_bytes_max).
//
// It waits for nothing and reads no clock: the time comes with begin_turn().
// switchboard_store.cpp has what it does with the store.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/time.hpp"
#include "protocol/framing.hpp"
#include "server/config.hpp"
#include "server/engine/engine.hpp"
#include "server/net/byte_buffer.hpp"
#include "server/net/commit_pace.hpp"
#include "server/net/deadline_queue.hpp"
#include "server/net/epoll.hpp"
#include "server/net/session.hpp"
#include "server/store/writer.hpp"

namespace gman {

class Switchboard {
 public:
  /// `store` is nullptr where nothing is stored.
  Switchboard(const ServerConfig& config, Engine& engine, Epoll& epoll, StoreWriter* store,
              Log& log);

  /// From now on its limits and times hold, also for connections that are there.
  void change(const ServerConfig& config);

  void begin_turn(Now now) { now_ = now; }
  /// Above ServerConfig::connections_max the peer is told so and the socket is closed.
  void add(UniqueFd socket, PeerKind kind);
  void ready(ConnId conn, std::uint32_t events);
  /// The store has news.
  void store_ready();
  /// Ends what waits too long and lets the engine do what is due.
  void expire();
  /// Sends what the turn has produced, and does what follows from that, until nothing does.
  void finish_turn();

  [[nodiscard]] std::optional<Instant> next_deadline() const;
  /// How many connections were ever closed: a change says that there are free descriptors.
  [[nodiscard]] std::uint64_t closed() const { return closed_; }
  [[nodiscard]] bool has_unsent_output();
  /// The store has everything.
  [[nodiscard]] bool is_all_stored() const;

  /// What an admin has asked for since the last call.
  [[nodiscard]] std::optional<AdminShutdown> take_shutdown_request() {
    return std::exchange(shutdown_request_, std::nullopt);
  }
  void close_all();

 private:
  void turn_away(const UniqueFd& socket);
  void read(Session& session);
  void read_into_scratch(Session& session);
  void read_large_frame(Session& session, std::size_t frame_bytes);
  void discard_input(Session& session);
  /// What recv() said instead of giving bytes. True: the session is as it was.
  void reading_failed(Session& session, ssize_t result);

  /// Handles the whole frames of `bytes`; how many bytes they took.
  [[nodiscard]] std::size_t handle_frames(Session& session, std::string_view bytes);
  void handle(Session& session, const Packet& packet);
  void handle(Session& session, const TextLine& line);
  void refuse(Session& session, const error_code& fault, bool as_text);
  void keep(Session& session, std::string_view rest, bool frame_has_ended);
  void watch_half_packet(Session& session, bool is_new);
  void resume(Session& session);

  void settle_effects();
  void deliver(Session& session, std::string_view bytes);
  void promise(Session& session, std::uint64_t batch, std::string_view bytes);
  void append_output(Session& session, std::string_view bytes);
  void flush(Session& session);
  /// How many bytes the socket took; nullopt: the connection is broken and has been closed.
  [[nodiscard]] std::optional<std::size_t> send_some(Session& session, std::string_view bytes);
  void wait_for_room(Session& session, bool has_progressed);
  void output_is_sent(Session& session);
  void mark_dirty(Session& session);

  void give_to_store();
  void give_anew();
  void write_all_anew();
  void stored(std::uint64_t batch);
  [[nodiscard]] std::vector<JobNumber> take_wanted();
  void fetched(std::unique_ptr<StoreWriter::Fetched> news);
  void lost(const std::vector<LostJob>& jobs);
  void store_fails(const StoreFault& fault);
  void give_up_storing();
  [[nodiscard]] std::string refusal_text() const {
    return "The job was not stored: " + store_fault_;
  }

  /// Tells the engine, and ends the connection: at once when the peer is gone or does not read,
  /// else after it has been sent what it is still owed.
  void close(Session& session, CloseReason reason);
  void forget(Session& session);
  void set_interest(Session& session, std::uint32_t events);
  void log_close(const Session& session, CloseReason reason) const;

  static constexpr std::size_t scratch_bytes = 256u << 10;

  Engine& engine_;
  Epoll& epoll_;
  Log& log_;
  std::uint64_t output_bytes_max_;
  std::uint32_t packet_bytes_max_;
  std::uint32_t connections_max_;

  SessionTable sessions_;
  BufferPool pool_;
  DeadlineQueue half_packets_;
  DeadlineQueue stalls_;
  DeadlineQueue lingering_;
  Now now_{};
  Effects effects_;
  std::vector<ConnId> gone_;        ///< closed, and the engine not yet told
  std::vector<Session*> dirty_;     ///< to flush
  std::vector<Session*> flushing_;  ///< being flushed
  std::vector<Session*> resumed_;   ///< read again, first what they have sent already
  std::optional<AdminShutdown> shutdown_request_;

  StoreWriter* store_;
  CommitPace pace_;
  JobChanges spare_changes_;  ///< with the memory of a batch that was written
  Instant given_at_{};
  std::optional<std::uint32_t> copy_from_;  ///< while everything is written anew: what comes next
  milliseconds store_patience_;
  std::uint64_t given_batch_ = 0;   ///< to the store
  std::uint64_t stored_batch_ = 0;  ///< the store has it and all before it
  std::vector<ConnId> promised_;    ///< who has held output, maybe more than once
  std::optional<Instant> store_fails_since_;
  std::string store_fault_;  ///< the last one
  Instant next_store_fault_log_{};
  bool has_given_up_storing_ = false;  ///< until it works again
  std::vector<JobNumber> unread_;      ///< workloads to be asked for again, before all others
  Instant next_fetch_fault_log_{};

  std::uint64_t closed_ = 0;
  std::uint64_t turned_away_ = 0;  ///< since the log said so
  Instant next_turned_away_log_{};
  std::array<char, scratch_bytes> scratch_;  // left as it is: zeroing it would make it resident
};

}  // namespace gman
