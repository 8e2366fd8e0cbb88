// SPDX-License-Identifier: BSD-3-Clause
// Effects: what the engine wants done, as values in the order in which they must happen.
//
// Packets are encoded at once into one buffer, so an effect never points at a job that the same
// turn may free, and the shell copies each connection's bytes straight into its output. One Effects
// is used for a whole turn of the loop and cleared, keeping its memory.
//
// What is to be stored is gathered over as many turns as the shell likes, into one batch; a Send
// that waits for it, and everything that follows to the same connection, is held until it is
// durable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/assert.hpp"
#include "base/id.hpp"
#include "protocol/response.hpp"
#include "server/engine/job_record.hpp"

namespace gman {

/// A connection, as the shell numbers it. The low 32 bits are a slot (small, reused), the high 32
/// the slot's generation, so that an id is never used twice.
using ConnId = Id<struct ConnTag, std::uint64_t>;

/// Why a connection ended. Every close has exactly one.
enum class CloseReason : std::uint8_t {
  peer_closed,     ///< the peer ended it
  peer_reset,      ///< the network or the peer's machine did
  protocol_error,  ///< it broke the framing; an ERROR packet said how
  half_packet,     ///< a packet was begun and not finished in time
  slow_consumer,   ///< it did not read what it asked for
  too_many_words,  ///< an admin line that gearmand closes on as well
  engine_limit,    ///< a bound of the engine that has no answer of its own
  shutting_down,
};

[[nodiscard]] std::string_view to_string(CloseReason reason);

class Effects {
 public:
  struct Send {
    ConnId to;
    std::size_t offset;  ///< into the turn's bytes
    std::size_t bytes;
    std::uint64_t batch;  ///< when the store has it; 0: at once
  };
  struct Close {
    ConnId conn;
    CloseReason reason;
  };
  using Effect = std::variant<Send, Close>;

  /// A packet in the turn's bytes, to be sent to any number of connections at the cost of one.
  struct Encoded {
    std::size_t offset;
    std::size_t bytes;
  };

  void send(ConnId to, const Response& response);
  [[nodiscard]] Encoded encode(const Response& response);
  void send(ConnId to, Encoded packet) { send(to, packet, 0); }
  /// When the store has that batch.
  void send_when_stored(ConnId to, const Response& response, std::uint64_t batch) {
    send(to, encode(response), batch);
  }
  void close(ConnId conn, CloseReason reason) { list_.emplace_back(Close{conn, reason}); }

  [[nodiscard]] std::span<const Effect> list() const { return list_; }
  /// The packets of one Send. Adjacent ones to the same connection are merged into one; those of
  /// several connections may share the same bytes.
  [[nodiscard]] std::string_view bytes_of(const Send& send) const {
    return std::string_view(bytes_).substr(send.offset, send.bytes);
  }
  [[nodiscard]] bool empty() const { return list_.empty(); }
  /// The changes stay, and so does what is wanted.
  void clear();

  /// A job whose workload is to be read from the store.
  void want(JobNumber number) { wanted_.push_back(number); }
  /// Those, in the order in which they are needed. They stay until they are taken.
  [[nodiscard]] const std::vector<JobNumber>& wanted() const { return wanted_; }
  [[nodiscard]] std::vector<JobNumber> take_wanted() { return std::exchange(wanted_, {}); }

  /// What is to be stored: batches are numbered from 1.
  [[nodiscard]] JobChanges& changes() { return changes_; }
  [[nodiscard]] const JobChanges& changes() const { return changes_; }
  [[nodiscard]] std::uint64_t batch() const { return batch_; }
  /// Swaps the batch with an empty one, which goes on with its memory as the next.
  void take_batch(JobChanges& empty) {
    take_piece(empty);
    ++batch_;
    has_pieces_ = false;
  }
  /// What there is of the batch, which goes on.
  void take_piece(JobChanges& empty) {
    GMAN_ASSERT(empty.empty());
    has_pieces_ = has_pieces_ || !changes_.empty();
    std::swap(changes_, empty);
  }
  /// Nothing is in it, neither here nor in what was taken of it.
  [[nodiscard]] bool is_batch_empty() const { return changes_.empty() && !has_pieces_; }

 private:
  void send(ConnId to, Encoded packet, std::uint64_t batch);

  std::vector<Effect> list_;
  std::string bytes_;
  std::vector<JobNumber> wanted_;
  JobChanges changes_;
  std::uint64_t batch_ = 1;
  bool has_pieces_ = false;  ///< some of the batch has been taken
};

}  // namespace gman
