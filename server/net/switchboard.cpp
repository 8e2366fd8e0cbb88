// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/switchboard.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "protocol/errors.hpp"
#include "protocol/limits.hpp"
#include "server/net/admin_answers.hpp"
#include "server/net/listener.hpp"

namespace gman {
namespace {

// A frame up to this size is completed in the shared scratch buffer, a larger one in its own.
constexpr std::size_t scratch_frame_bytes_max = 64u << 10;
// Of one large frame, per turn: others want their turn too.
constexpr std::size_t large_read_bytes_max = 1u << 20;
// What a slow sender of a large packet must have sent within ServerConfig::half_packet.
constexpr std::size_t half_packet_progress_bytes = 1u << 20;

// A connection with more unsent output than this is not read until half of it is gone.
constexpr std::size_t output_pause_bytes = 16u << 20;
// From here on, output is sent from where it is rather than copied first.
constexpr std::size_t direct_send_bytes = 64u << 10;
// An output of this size does not wait for the end of the turn.
constexpr std::size_t early_flush_bytes = 1u << 20;
// Effects of this size are delivered before the next request is handled.
constexpr std::size_t effects_bytes_max = 1u << 20;
// So many new jobs are given to the store before the turn ends, so that it works on them while the
// others are read.
constexpr std::size_t piece_jobs_min = 32;

// How long a connection that has been sent why it ends may take to read that and to close. Closing
// first would make the kernel throw away what we have sent, if there is input left unread.
constexpr milliseconds linger{5'000};

// A server at its limit of connections meets it again and again; it says so this often.
constexpr milliseconds log_again_after{60'000};

protocol_errc fault_of(const error_code& fault) {
  return static_cast<protocol_errc>(fault.value());
}

bool is_peer_gone(CloseReason reason) {
  switch (reason) {
    case CloseReason::peer_reset:
    case CloseReason::slow_consumer:
    case CloseReason::half_packet: return true;
    case CloseReason::peer_closed:
    case CloseReason::protocol_error:
    case CloseReason::too_many_words:
    case CloseReason::engine_limit:
    case CloseReason::shutting_down: return false;
  }
  return true;
}

bool is_normal(CloseReason reason) {
  return reason == CloseReason::peer_closed || reason == CloseReason::peer_reset ||
         reason == CloseReason::shutting_down;
}

std::size_t bytes_in(const Effects& effects) {
  if (effects.empty()) return 0;
  const auto* last = std::get_if<Effects::Send>(&effects.list().back());
  return last == nullptr ? effects_bytes_max : last->offset + last->bytes;
}

void take_earlier(std::optional<Instant>& earliest, std::optional<Instant> other) {
  if (other && (!earliest || *other < *earliest)) earliest = other;
}

}  // namespace

Switchboard::Switchboard(const ServerConfig& config, Engine& engine, Epoll& epoll,
                         StoreWriter* store, Log& log)
    : engine_(engine),
      epoll_(epoll),
      log_(log),
      output_bytes_max_(config.output_bytes_max),
      packet_bytes_max_(config.packet_bytes_max),
      connections_max_(config.connections_max),
      half_packets_(config.half_packet),
      stalls_(config.output_stall),
      lingering_(linger),
      store_(store),
      store_patience_(config.store_patience) {}

void Switchboard::change(const ServerConfig& config) {
  output_bytes_max_ = config.output_bytes_max;
  packet_bytes_max_ = config.packet_bytes_max;
  connections_max_ = config.connections_max;
  half_packets_.set_length(config.half_packet);
  stalls_.set_length(config.output_stall);
  store_patience_ = config.store_patience;
}

// A connection's life.

void Switchboard::add(UniqueFd socket, PeerKind kind) {
  const std::size_t reserve = kind == PeerKind::unix_socket ? unix_connections_reserve : 0;
  if (connections_max_ != 0 && sessions_.size() >= connections_max_ + reserve) {
    return turn_away(socket);
  }
  Session& session = sessions_.open(std::move(socket), kind);
  if (!epoll_.add(session.socket.get(), EPOLLIN, session.id().value)) {
    log_.error("connection refused: the system watches no more descriptors");
    sessions_.free(session);
    return;
  }
  session.interest = EPOLLIN;
  engine_.connected(session.id());
  log_.debug("connection accepted", {{"conn", session.id().value}, {"fd", session.socket.get()}});
}

// An empty socket buffer takes a few bytes at once, so telling why waits for nobody.
void Switchboard::turn_away(const UniqueFd& socket) {
  std::string answer;
  append_packet(answer, Magic::res, PacketType::error,
                {error_text::too_many_connections_code, error_text::too_many_connections});
  [[maybe_unused]] const auto sent =
      ::send(socket.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ++turned_away_;
  if (now_.steady < next_turned_away_log_) return;
  next_turned_away_log_ = now_.steady + log_again_after;
  log_.warn("connections refused", {{"reason", "connections-max"},
                                    {"limit", connections_max_},
                                    {"count", std::exchange(turned_away_, 0)},
                                    {"peer", peer_address(socket.get())}});
}

void Switchboard::close(Session& session, CloseReason reason) {
  if (session.phase != Session::Phase::open) return;
  log_close(session, reason);
  gone_.push_back(session.id());
  session.phase = Session::Phase::lingering;
  pool_.give_back(std::move(session.in));
  if (is_peer_gone(reason)) return forget(session);
  session.has_ended = reason == CloseReason::peer_closed;
  session.reading.stop();
  set_interest(session,
               session.has_ended ? session.interest & ~EPOLLIN : session.interest | EPOLLIN);
  mark_dirty(session);
}

void Switchboard::forget(Session& session) {
  session.held = {};
  if (store_ != nullptr && !store_->is_idle() && prompt_.concern(session.id())) {
    epoll_.remove(session.socket.get());
    ::shutdown(session.socket.get(), SHUT_RDWR);
    ended_sockets_.push_back(std::move(session.socket));
  }
  pool_.give_back(std::move(session.in));
  pool_.give_back(std::move(session.out));
  sessions_.free(session);
  ++closed_;
}

void Switchboard::log_close(const Session& session, CloseReason reason) const {
  if (is_normal(reason)) {
    log_.debug("connection closed", {{"conn", session.id().value}, {"reason", to_string(reason)}});
  } else {
    log_.warn("connection closed", {{"conn", session.id().value},
                                    {"peer", peer_address(session.socket.get())},
                                    {"reason", to_string(reason)}});
  }
}

void Switchboard::close_all() {
  sessions_.for_each([this](Session& session) {
    flush(session);
    close(session, CloseReason::shutting_down);
  });
}

bool Switchboard::has_unsent_output() {
  bool found = false;
  sessions_.for_each([&found](const Session& session) { found |= session.owes_output(); });
  return found;
}

void Switchboard::set_interest(Session& session, std::uint32_t events) {
  if (session.interest == events) return;
  session.interest = events;
  epoll_.change(session.socket.get(), events, session.id().value);
}

// Input.

void Switchboard::ready(ConnId conn, std::uint32_t events) {
  Session* session = sessions_.find(conn);
  if (session == nullptr) return;  // closed earlier in this turn
  if ((events & EPOLLOUT) != 0) mark_dirty(*session);
  const bool is_broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if ((session->interest & EPOLLIN) != 0) {
    if ((events & EPOLLIN) != 0 || is_broken) read(*session);
  } else if (is_broken) {
    // Neither reads nor writes remain possible, and epoll would go on saying so.
    if (session->phase == Session::Phase::open) return close(*session, CloseReason::peer_reset);
    forget(*session);
  }
}

void Switchboard::read(Session& session) {
  if (session.phase == Session::Phase::lingering) return discard_input(session);
  const std::size_t needed = frame_bytes_needed(session.in.view());
  if (needed > scratch_frame_bytes_max) {
    read_large_frame(session, needed);
  } else {
    read_into_scratch(session);
  }
}

void Switchboard::read_into_scratch(Session& session) {
  const std::size_t kept = session.in.size();
  GMAN_ASSERT(kept < scratch_.size());
  const ssize_t got =
      ::recv(session.socket.get(), scratch_.data() + kept, scratch_.size() - kept, 0);
  if (got <= 0) return reading_failed(session, got);
  if (kept != 0) std::memcpy(scratch_.data(), session.in.view().data(), kept);
  look_at_store();

  const std::string_view bytes(scratch_.data(), kept + static_cast<std::size_t>(got));
  const std::size_t used = handle_frames(session, bytes);
  if (session.phase == Session::Phase::open) keep(session, bytes.substr(used), used != 0);
}

// Its buffer grows with what has come, to at most double, so that announcing much costs the
// announcer as much as us.
void Switchboard::read_large_frame(Session& session, std::size_t frame_bytes) {
  const std::size_t missing = frame_bytes - session.in.size();
  const std::size_t room =
      std::min({missing, large_read_bytes_max, std::max(session.in.size(), scratch_bytes)});
  char* const at = session.in.prepare(room);
  const ssize_t got = ::recv(session.socket.get(), at, room, 0);
  if (got <= 0) return reading_failed(session, got);
  session.in.commit(static_cast<std::size_t>(got));
  if (session.in.size() < frame_bytes) return;
  look_at_store();

  ByteBuffer frame = std::exchange(session.in, {});
  const std::size_t used = handle_frames(session, frame.view());
  if (session.phase == Session::Phase::open) keep(session, frame.view().substr(used), true);
}

void Switchboard::discard_input(Session& session) {
  const ssize_t got = ::recv(session.socket.get(), scratch_.data(), scratch_.size(), 0);
  if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return;
  if (got < 0 || !session.owes_output()) return forget(session);
  session.has_ended = true;
  set_interest(session, session.interest & ~EPOLLIN);
}

void Switchboard::reading_failed(Session& session, ssize_t result) {
  if (result < 0 && (errno == EAGAIN || errno == EINTR)) return;
  close(session, result == 0 ? CloseReason::peer_closed : CloseReason::peer_reset);
}

std::size_t Switchboard::handle_frames(Session& session, std::string_view bytes) {
  std::size_t used = 0;
  while (session.phase == Session::Phase::open) {
    if (session.unsent_bytes() > output_pause_bytes) {
      if (!session.out.empty()) flush(session);
      if (session.phase != Session::Phase::open) break;
      if (session.unsent_bytes() > output_pause_bytes) {
        set_interest(session, session.interest & ~EPOLLIN);
        break;
      }
    }
    const auto frame = next_frame(bytes.substr(used), packet_bytes_max_);
    if (!frame) {
      refuse(session, frame.error(), fault_of(frame.error()) == protocol_errc::text_line_too_long);
      break;
    }
    if (!*frame) break;
    std::visit([&](const auto& unit) { handle(session, unit); }, (*frame)->unit);
    used += (*frame)->bytes;
    if (bytes_in(effects_) >= effects_bytes_max) settle_effects();
    if (effects_.changes().added_count() >= piece_jobs_min) prepare_batch();
  }
  return used;
}

void Switchboard::handle(Session& session, const Packet& packet) {
  const auto request = parse_request(packet);
  if (!request) return refuse(session, request.error(), false);
  engine_.handle(session.id(), *request, now_, effects_);
}

void Switchboard::handle(Session& session, const TextLine& line) {
  const auto command = parse_admin(line.text);
  if (!command) return refuse(session, command.error(), true);
  settle_effects();  // what was asked before is answered before
  if (session.phase != Session::Phase::open) return;
  const std::string answer =
      admin_answer(*command, AdminContext{.engine = engine_,
                                          .effects = effects_,
                                          .now = now_,
                                          .sessions = sessions_,
                                          .verbosity = log_.least(),
                                          .line = line.text,
                                          .may_shut_down = session.kind == PeerKind::unix_socket,
                                          .shutdown_request = shutdown_request_});
  deliver(session, answer);
}

// Packets are refused by an ERROR packet, admin lines by a line.
void Switchboard::refuse(Session& session, const error_code& fault, bool as_text) {
  const protocol_errc code = fault_of(fault);
  Refusal refusal = refusal_of(code);
  std::string text;
  if (code == protocol_errc::body_too_large) {
    text =
        "Packet body announced above the limit of " + std::to_string(packet_bytes_max_) + " bytes";
    refusal.text = text;
  }
  if (as_text) {
    settle_effects();
    if (session.phase != Session::Phase::open) return;
    deliver(session, admin_error(refusal.code, refusal.text));
  } else {
    effects_.send(session.id(), ErrorRes{refusal.code, refusal.text});
  }
  if (!refusal.closes) return;
  settle_effects();
  if (session.phase != Session::Phase::open) return;
  close(session, code == protocol_errc::too_many_words ? CloseReason::too_many_words
                                                       : CloseReason::protocol_error);
}

void Switchboard::keep(Session& session, std::string_view rest, bool frame_has_ended) {
  if (rest.empty()) {
    pool_.give_back(std::move(session.in));
    session.reading.stop();
    return;
  }
  if (session.in.capacity() == 0) session.in = pool_.take();
  session.in.clear();
  session.in.append(rest);
  watch_half_packet(session, frame_has_ended);
}

// What waits for its own output to drain is not the peer's delay.
void Switchboard::watch_half_packet(Session& session, bool is_new) {
  if ((session.interest & EPOLLIN) == 0) return session.reading.stop();
  if (session.reading.is_running() && !is_new) return;
  half_packets_.start(session.reading, now_.steady);
  session.in_bytes_at_start = session.in.size();
}

void Switchboard::resume(Session& session) {
  // Taken out, since closing the session would free what is being read.
  ByteBuffer bytes = std::exchange(session.in, {});
  const std::size_t used = handle_frames(session, bytes.view());
  bytes.consume(used);
  if (session.phase != Session::Phase::open || bytes.empty()) {
    return pool_.give_back(std::move(bytes));
  }
  session.in = std::move(bytes);
  watch_half_packet(session, true);
}

// Output.

void Switchboard::settle_effects() {
  for (const Effects::Effect& effect : effects_.list()) {
    if (const auto* send = std::get_if<Effects::Send>(&effect)) {
      Session* session = sessions_.find(send->to);
      if (session == nullptr) continue;
      if (send->batch > stored_batch_) {
        promise(*session, send->batch, effects_.bytes_of(*send));
      } else {
        deliver(*session, effects_.bytes_of(*send));
      }
    } else if (const auto* ending = std::get_if<Effects::Close>(&effect)) {
      if (Session* session = sessions_.find(ending->conn)) close(*session, ending->reason);
    }
  }
  effects_.clear();
}

void Switchboard::deliver(Session& session, std::string_view bytes) {
  if (session.phase != Session::Phase::open) return;
  if (session.held.empty()) return append_output(session, bytes);
  session.held.follow(bytes);
  if (session.unsent_bytes() > output_bytes_max_) close(session, CloseReason::slow_consumer);
}

void Switchboard::append_output(Session& session, std::string_view bytes) {
  if (session.phase == Session::Phase::free) return;
  if (session.out.empty() && bytes.size() >= direct_send_bytes) {
    const auto sent = send_some(session, bytes);
    if (!sent) return;
    bytes.remove_prefix(*sent);
    if (bytes.empty()) return;
    session.out.append(bytes);
    wait_for_room(session, true);
    return;
  }
  if (session.out.capacity() == 0) session.out = pool_.take();
  session.out.append(bytes);
  const bool is_blocked = (session.interest & EPOLLOUT) != 0;
  if (is_blocked) {
    wait_for_room(session, false);
  } else if (session.out.size() >= early_flush_bytes) {
    flush(session);
  } else {
    mark_dirty(session);
  }
}

std::optional<std::size_t> Switchboard::send_some(Session& session, std::string_view bytes) {
  while (true) {
    const ssize_t sent =
        ::send(session.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return 0;
    if (session.phase == Session::Phase::open) {
      close(session, CloseReason::peer_reset);
    } else {
      forget(session);
    }
    return std::nullopt;
  }
}

void Switchboard::flush(Session& session) {
  if (!session.out.empty()) {
    const auto sent = send_some(session, session.out.view());
    if (!sent) return;
    session.out.consume(*sent);
    if (!session.out.empty()) return wait_for_room(session, *sent != 0);
  }
  output_is_sent(session);
}

void Switchboard::wait_for_room(Session& session, bool has_progressed) {
  if (session.phase == Session::Phase::open && session.out.size() > output_bytes_max_) {
    return close(session, CloseReason::slow_consumer);
  }
  if (has_progressed || !session.writing.is_running()) {
    stalls_.start(session.writing, now_.steady);
  }
  std::uint32_t events = session.interest | EPOLLOUT;
  const bool is_paused = (events & EPOLLIN) == 0;
  if (is_paused && session.phase == Session::Phase::open &&
      session.out.size() <= output_pause_bytes / 2) {
    events |= EPOLLIN;
    resumed_.push_back(&session);
  }
  set_interest(session, events);
}

void Switchboard::output_is_sent(Session& session) {
  pool_.give_back(std::move(session.out));
  session.writing.stop();
  if (session.phase == Session::Phase::open) {
    if (session.held.size() > output_pause_bytes / 2) {
      return set_interest(session, session.interest & ~EPOLLOUT);
    }
    if ((session.interest & EPOLLIN) == 0) resumed_.push_back(&session);
    set_interest(session, EPOLLIN);
  } else if (!session.held.empty()) {
    set_interest(session, session.interest & ~EPOLLOUT);
  } else if (session.has_ended) {
    forget(session);
  } else {
    ::shutdown(session.socket.get(), SHUT_WR);
    lingering_.start(session.reading, now_.steady);
    set_interest(session, EPOLLIN);
  }
}

void Switchboard::mark_dirty(Session& session) {
  if (std::exchange(session.is_dirty, true)) return;
  dirty_.push_back(&session);
}

// The turn's end, and the time.

void Switchboard::finish_turn() {
  while (true) {
    settle_effects();
    if (!gone_.empty()) {
      for (const ConnId conn : std::exchange(gone_, {})) {
        engine_.disconnected(conn, now_, effects_);
      }
      continue;
    }
    if (!dirty_.empty()) {
      std::swap(dirty_, flushing_);
      for (Session* session : flushing_) {
        session->is_dirty = false;
        if (session->phase != Session::Phase::free) flush(*session);
      }
      flushing_.clear();
      continue;
    }
    if (!resumed_.empty()) {
      for (Session* session : std::exchange(resumed_, {})) {
        if (session->phase == Session::Phase::open) resume(*session);
      }
      continue;
    }
    if (effects_.empty()) break;
  }
  give_to_store();
  sessions_.recycle();
}

void Switchboard::expire() {
  while (Session* session = half_packets_.pop_expired(now_.steady)) {
    if (session->in.size() - session->in_bytes_at_start >= half_packet_progress_bytes) {
      watch_half_packet(*session, true);
    } else {
      close(*session, CloseReason::half_packet);
    }
  }
  while (Session* session = stalls_.pop_expired(now_.steady)) {
    if (session->phase == Session::Phase::open) {
      close(*session, CloseReason::slow_consumer);
    } else {
      forget(*session);
    }
  }
  while (Session* session = lingering_.pop_expired(now_.steady)) forget(*session);
  if (store_fails_since_ && !has_given_up_storing_ &&
      *store_fails_since_ + store_patience_ <= now_.steady) {
    give_up_storing();
  }
  if (disown_from_) disown_some();
  engine_.tick(now_, effects_);
}

std::optional<Instant> Switchboard::next_deadline() const {
  std::optional<Instant> earliest = engine_.next_deadline();
  for (const DeadlineQueue* queue : {&half_packets_, &stalls_, &lingering_}) {
    take_earlier(earliest, queue->next());
  }
  if (batch_waits_) take_earlier(earliest, pace_.deadline());
  take_earlier(earliest, next_look());
  if (disown_from_) take_earlier(earliest, now_.steady);
  if (store_fails_since_ && !has_given_up_storing_) {
    take_earlier(earliest, *store_fails_since_ + store_patience_);
  }
  return earliest;
}

}  // namespace gman
