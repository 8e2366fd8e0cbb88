// SPDX-License-Identifier: BSD-3-Clause
#include "client/blocking/epoll.hpp"

#include <cerrno>
#include <system_error>

namespace gman {
namespace {

std::uint64_t packed(EpollTag tag) {
  return static_cast<std::uint64_t>(tag.owner) << 32 | tag.number;
}

EpollTag unpacked(std::uint64_t data) {
  return {static_cast<EpollTag::Owner>(data >> 32), static_cast<std::uint32_t>(data)};
}

}  // namespace

Epoll::Epoll() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!fd_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

void Epoll::watch(int fd, EpollTag tag, bool readable, bool writable) {
  epoll_event event{};
  event.events = (readable ? EPOLLIN | EPOLLRDHUP : 0U) | (writable ? EPOLLOUT : 0U);
  event.data.u64 = packed(tag);
  if (::epoll_ctl(fd_.get(), EPOLL_CTL_MOD, fd, &event) == 0) return;
  if (errno == ENOENT && ::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return;
  throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

void Epoll::forget(int fd) {
  ::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

std::span<const EpollEvent> Epoll::poll() {
  std::array<epoll_event, events_max> raw;
  const int count = ::epoll_wait(fd_.get(), raw.data(), static_cast<int>(raw.size()), 0);
  if (count < 0) return {};  // EINTR: nothing yet
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const std::uint32_t bits = raw[i].events;
    events_[i] = {unpacked(raw[i].data.u64), (bits & ~std::uint32_t{EPOLLOUT}) != 0,
                  (bits & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0};
  }
  return {events_.data(), static_cast<std::size_t>(count)};
}

}  // namespace gman
