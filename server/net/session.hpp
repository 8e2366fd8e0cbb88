// SPDX-License-Identifier: BSD-3-Clause
// Session: one connection as the loop sees it. SessionTable: all of them, by id.
//
// A session is open (the engine knows it), then maybe lingering (the engine has forgotten it; what
// it was still told is being delivered), then free. Rules about jobs are the engine's.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "server/engine/effects.hpp"
#include "server/net/byte_buffer.hpp"
#include "server/net/deadline_queue.hpp"
#include "server/net/held_output.hpp"
#include "server/net/unique_fd.hpp"

namespace gman {

enum class PeerKind : std::uint8_t { tcp, unix_socket };

struct Session {
  enum class Phase : std::uint8_t { free, open, lingering };

  explicit Session(std::uint32_t slot_number) : slot(slot_number) {}

  [[nodiscard]] bool owes_output() const { return !out.empty() || !held.empty(); }
  [[nodiscard]] std::size_t unsent_bytes() const { return out.size() + held.size(); }
  [[nodiscard]] ConnId id() const { return {std::uint64_t{generation} << 32 | slot}; }

  UniqueFd socket;
  ByteBuffer in;    ///< what came and is not yet a whole packet; no memory when empty
  ByteBuffer out;   ///< what the socket did not take yet; no memory when empty
  HeldOutput held;  ///< what goes out behind it, once the store has what it promises
  Deadline reading{*this};
  Deadline writing{*this};
  /// How much of a half packet was there when its deadline was started (again).
  std::size_t in_bytes_at_start = 0;
  std::uint64_t told_of_batch = 0;  ///< the last one that it waited for, until it submits again
  const std::uint32_t slot;
  std::uint32_t generation = 0;
  std::uint32_t interest = 0;  ///< the epoll events it is registered for
  Phase phase = Phase::free;
  PeerKind kind = PeerKind::tcp;
  bool is_dirty = false;   ///< listed for a flush at the end of this turn
  bool has_ended = false;  ///< lingering, and the peer has closed its side
};

class SessionTable {
 public:
  /// An open session in a free slot, under an id that was never used before.
  [[nodiscard]] Session& open(UniqueFd socket, PeerKind kind) {
    if (free_slots_.empty()) {
      free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
      slots_.emplace_back(free_slots_.back());
    }
    Session& session = slots_[free_slots_.back()];
    free_slots_.pop_back();
    ++session.generation;
    session.socket = std::move(socket);
    session.kind = kind;
    session.phase = Session::Phase::open;
    session.interest = 0;
    session.has_ended = false;
    session.told_of_batch = 0;
    ++size_;
    return session;
  }

  /// Closes the socket. The caller has taken the buffers. The slot stays unused until recycle().
  void free(Session& session) {
    GMAN_ASSERT(session.phase != Session::Phase::free);
    session.socket.reset();
    session.reading.stop();
    session.writing.stop();
    session.phase = Session::Phase::free;
    --size_;
    freed_slots_.push_back(session.slot);
  }

  /// The slots freed so far may be used again: nobody speaks of their sessions any more.
  void recycle() {
    free_slots_.insert(free_slots_.end(), freed_slots_.begin(), freed_slots_.end());
    freed_slots_.clear();
  }

  /// nullptr: that connection is no more.
  [[nodiscard]] Session* find(ConnId conn) {
    const auto slot = static_cast<std::uint32_t>(conn.value);
    if (slot >= slots_.size()) return nullptr;
    Session& session = slots_[slot];
    if (session.phase == Session::Phase::free || session.id() != conn) return nullptr;
    return &session;
  }

  /// Those that have a descriptor.
  [[nodiscard]] std::size_t size() const { return size_; }

  template <class Visit>
  void for_each(Visit visit) {
    for (Session& session : slots_) {
      if (session.phase != Session::Phase::free) visit(session);
    }
  }

 private:
  std::deque<Session> slots_;  // a deque, since sessions must not move
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::uint32_t> freed_slots_;
  std::size_t size_ = 0;
};

}  // namespace gman
