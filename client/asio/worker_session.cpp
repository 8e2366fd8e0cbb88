// SPDX-License-Identifier: BSD-3-Clause
#include "client/asio/worker_session.hpp"

#include <algorithm>
#include <boost/asio.hpp>
#include <cstring>
#include <utility>

#include "base/assert.hpp"
#include "client/asio/worker_loop.hpp"
#include "client/fsm/text.hpp"

namespace gman {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;

/// Between a grab and its answer, and for a write that makes no progress at all.
constexpr std::chrono::seconds silence_max{30};
/// The same while the worker leaves: nobody wants to wait for a server that hangs.
constexpr std::chrono::seconds silence_max_leaving{2};

constexpr std::size_t read_bytes = 64u << 10;
/// A buffer that grew for one large packet is given back above this size.
constexpr std::size_t idle_buffer_bytes_max = 1u << 20;
/// A job thread that sends faster than the network waits above this.
constexpr std::size_t announced_bytes_max = 8u << 20;

}  // namespace

WorkerSession::WorkerSession(WorkerLoop& loop, std::string server_name, StreamSocket socket,
                             WorkFsm fsm)
    : loop_(loop),
      name_(std::move(server_name)),
      socket_(std::move(socket)),
      fsm_(std::move(fsm)),
      watchdog_(socket_.get_executor()),
      last_progress_(steady_clock::now()) {}

asio::awaitable<std::string> WorkerSession::serve(std::shared_ptr<WorkerSession> self) {
  self->fsm_.connected();
  self->loop_.offer_slots(self);
  self->flush();

  std::string buffer(read_bytes, '\0');
  std::size_t filled = 0;
  while (!self->is_lost()) {
    const std::size_t needed = frame_bytes_needed({buffer.data(), filled});
    if (buffer.size() < needed || buffer.size() == filled) {
      buffer.resize(std::max(needed, filled + read_bytes));
    }
    auto [error, bytes] = co_await self->socket_.async_read_some(
        asio::buffer(buffer.data() + filled, buffer.size() - filled),
        asio::as_tuple(asio::use_awaitable));
    if (self->is_lost()) break;
    if (error) {
      self->close(error == asio::error::eof ? "the server closed the connection" : error.message());
      break;
    }
    filled += bytes;
    self->last_progress_ = steady_clock::now();
    self->was_answered_ = true;
    std::size_t taken = 0;
    auto actions = self->fsm_.receive({buffer.data(), filled}, taken);
    filled -= taken;
    if (taken > 0) std::memmove(buffer.data(), buffer.data() + taken, filled);
    if (filled < read_bytes && buffer.size() > idle_buffer_bytes_max) {
      buffer.resize(read_bytes);
      buffer.shrink_to_fit();
    }
    self->obey(std::move(actions));
    self->loop_.offer_slots(self);
    self->flush();
  }
  co_return self->close_reason_;
}

void WorkerSession::grab() {
  GMAN_ASSERT(wants_grab());
  fsm_.grab();
  last_progress_ = steady_clock::now();
}

void WorkerSession::retire() {
  is_retiring_ = true;
  fsm_.retire();
  if (is_watched_) watchdog_.cancel();  // patience is shorter now
  flush();
}

void WorkerSession::close(std::string reason) {
  if (is_lost()) return;
  close_reason_ = std::move(reason);
  {
    const std::lock_guard lock(room_mutex_);
    lost_.store(true, std::memory_order_release);
  }
  room_changed_.notify_all();
  if (fsm_.is_grabbing()) loop_.free_slot();
  watchdog_.cancel();
  error_code ignored;
  socket_.close(ignored);
}

std::shared_ptr<Attempt> WorkerSession::job_started(const std::string& handle) {
  ++jobs_running_;
  std::shared_ptr<Attempt>& latest = attempts_[handle];
  if (latest) latest->is_lost = true;
  latest = std::make_shared<Attempt>();
  return latest;
}

void WorkerSession::job_ended(const std::string& handle, const Attempt& attempt) {
  --jobs_running_;
  const auto latest = attempts_.find(handle);
  if (latest != attempts_.end() && latest->second.get() == &attempt) attempts_.erase(latest);
}

void WorkerSession::send(const std::function<void(WorkFsm&)>& append) {
  if (!is_lost()) append(fsm_);
}

void WorkerSession::send_announced(std::size_t bytes, const std::function<void(WorkFsm&)>& append) {
  if (is_lost()) return;
  announced_collected_ += bytes;
  append(fsm_);
}

void WorkerSession::forget_announced(std::size_t bytes) {
  {
    const std::lock_guard lock(room_mutex_);
    announced_bytes_ -= bytes;
  }
  room_changed_.notify_all();
}

void WorkerSession::flush() {
  if (is_lost()) return;
  if (!is_writing_) {
    writing_ = fsm_.take_output();
    written_bytes_ = 0;
    announced_writing_ = std::exchange(announced_collected_, 0);
    if (!writing_.empty()) {
      is_writing_ = true;
      last_progress_ = steady_clock::now();
      write_more();
    }
  }
  watch();
  leave_if_done();
}

bool WorkerSession::wait_for_room(std::size_t bytes) {
  std::unique_lock lock(room_mutex_);
  room_changed_.wait(lock, [&] { return is_lost() || announced_bytes_ < announced_bytes_max; });
  announced_bytes_ += bytes;
  return !is_lost();
}

void WorkerSession::obey(std::vector<WorkAction> actions) {
  for (WorkAction& action : actions) {
    if (auto* run = std::get_if<RunJob>(&action)) {
      loop_.run_job(shared_from_this(), std::move(*run));
    } else if (std::holds_alternative<FreeSlot>(action)) {
      loop_.free_slot();
    } else if (const auto* error = std::get_if<ReportError>(&action)) {
      constexpr std::size_t shown_bytes_max = 200;
      loop_.report(WorkerEvent::Kind::server_error, name_,
                   printable(error->code + ": " + error->text, shown_bytes_max));
    } else {
      close("the server broke the protocol: " + std::get<EndConnection>(action).reason.message());
    }
  }
}

void WorkerSession::write_more() {
  socket_.async_write_some(
      asio::buffer(writing_.data() + written_bytes_, writing_.size() - written_bytes_),
      [self = shared_from_this()](error_code error, std::size_t bytes) {
        self->on_written(error, bytes);
      });
}

void WorkerSession::on_written(error_code error, std::size_t bytes) {
  if (is_lost()) return;
  if (error) {
    close(error.message());
    return;
  }
  last_progress_ = steady_clock::now();
  written_bytes_ += bytes;
  if (written_bytes_ < writing_.size()) {
    write_more();
    return;
  }
  is_writing_ = false;
  if (announced_writing_ > 0) {
    {
      const std::lock_guard lock(room_mutex_);
      announced_bytes_ -= std::exchange(announced_writing_, 0);
    }
    room_changed_.notify_all();
  }
  flush();
}

void WorkerSession::leave_if_done() {
  if (fsm_.state() != WorkFsm::State::retired) return;
  if (jobs_running_ == 0 && !is_writing_ && fsm_.output_bytes() == 0) close("the worker left");
}

void WorkerSession::watch() {
  if (is_watched_ || !is_awaiting()) return;
  is_watched_ = true;
  watchdog_.expires_at(patience_ends());
  watchdog_.async_wait([self = shared_from_this()](error_code) {
    self->is_watched_ = false;
    if (self->is_lost() || !self->is_awaiting()) return;
    if (steady_clock::now() >= self->patience_ends()) {
      self->close(self->is_writing_          ? "the server does not read"
                  : self->fsm_.is_grabbing() ? "no answer to a grab"
                                             : "no answer to an option");
    } else {
      self->watch();
    }
  });
}

steady_clock::time_point WorkerSession::patience_ends() const {
  return last_progress_ + (is_retiring_ ? silence_max_leaving : silence_max);
}

}  // namespace gman
