// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/gate.hpp"

#include <cstring>

namespace gman {
namespace {

constexpr milliseconds retry_after{1'000};
// A server at its limit meets it again and again; it says so this often.
constexpr milliseconds log_again_after{60'000};

bool is_exhausted(int fault) {
  return fault == EMFILE || fault == ENFILE || fault == ENOBUFS || fault == ENOMEM;
}

}  // namespace

Gate::Gate(std::vector<Listener> listeners, const ServerConfig& config, Epoll& epoll, Log& log)
    : listeners_(std::move(listeners)), epoll_(epoll), log_(log) {
  for (std::size_t number = 0; number < listeners_.size(); ++number) {
    listeners_[number].listen(config.backlog);
    if (!epoll_.add(listeners_[number].fd(), EPOLLIN, number)) {
      throw ListenError("cannot listen on " + listeners_[number].address() +
                        ": the system watches no more descriptors");
    }
  }
}

void Gate::announce() const {
  for (const Listener& listener : listeners_) {
    log_.info("listening", {{"address", listener.address()}});
  }
}

std::string Gate::addresses() const {
  std::string text;
  for (const Listener& listener : listeners_) {
    text += (text.empty() ? "" : " ") + listener.address();
  }
  return text;
}

void Gate::change(const ServerConfig& config) {
  for (const Listener& listener : listeners_) listener.change(config);
}

// Other faults are of the one connection that went away before it was taken.
void Gate::accept_failed(int fault, Now now) {
  if (!is_exhausted(fault)) return;
  retry_at_ = now.steady + retry_after;
  watch(0);
  if (now.steady < next_log_) return;
  next_log_ = now.steady + log_again_after;
  log_.warn("new connections wait", {{"cause", std::strerror(fault)}});
}

void Gate::retry() {
  if (!retry_at_) return;
  retry_at_.reset();
  watch(EPOLLIN);
}

void Gate::close() {
  retry_at_.reset();
  listeners_.clear();
}

void Gate::watch(std::uint32_t events) {
  for (std::size_t number = 0; number < listeners_.size(); ++number) {
    epoll_.change(listeners_[number].fd(), events, number);
  }
}

}  // namespace gman
