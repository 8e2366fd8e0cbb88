// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/client/scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

namespace gman::test {
namespace {

constexpr int patience_ms = 10'000;

void check(bool ok, const char* what) {
  if (!ok) throw std::system_error(errno, std::generic_category(), what);
}

UniqueFd listen_tcp(std::uint16_t& port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  check(::bind(fd.get(), raw, bytes) == 0, "bind");
  check(::listen(fd.get(), 512) == 0, "listen");
  check(::getsockname(fd.get(), raw, &bytes) == 0, "getsockname");
  port = ntohs(address.sin_port);
  return fd;
}

UniqueFd listen_unix(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ::unlink(path.c_str());
  check(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
  check(::listen(fd.get(), 512) == 0, "listen");
  return fd;
}

bool wait_readable(int fd) {
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  int count = 0;
  do count = ::poll(&waiting, 1, patience_ms);
  while (count < 0 && errno == EINTR);
  return count == 1;
}

}  // namespace

void well_behaved(Peer& peer) {
  int jobs = 0;
  while (const auto request = peer.receive_job()) {
    if (const auto* job = std::get_if<SubmitJob>(&*request)) {
      const std::string handle = "H:test:" + std::to_string(++jobs);
      peer.send(JobCreated{handle});
      if (job->mode == JobMode::background) continue;
      peer.send(WorkComplete{handle, std::string(job->workload.rbegin(), job->workload.rend())});
    } else if (const auto* echo = std::get_if<EchoReq>(&*request)) {
      peer.send(EchoRes{echo->data});
    } else if (const auto* status = std::get_if<GetStatus>(&*request)) {
      peer.send(StatusRes{status->handle, true, true, 40, 100});
    } else if (const auto* of_unique = std::get_if<GetStatusUnique>(&*request)) {
      peer.send(StatusResUnique{of_unique->unique, true, true, 40, 100, 3});
    }
  }
}

std::string bytes_of(const Response& response) {
  std::string bytes;
  append_response(bytes, response);
  return bytes;
}

std::optional<Request> Peer::receive() {
  in_.erase(0, std::exchange(consumed_, 0));
  for (;;) {
    const auto frame = next_frame(in_);
    if (!frame) return std::nullopt;
    if (*frame) {
      const auto request = parse_request(std::get<Packet>((*frame)->unit));
      if (!request) return std::nullopt;
      consumed_ = (*frame)->bytes;
      return *request;
    }
    const std::size_t had = in_.size();
    in_.resize(had + (256u << 10));
    const ssize_t count =
        wait_readable(fd_) ? ::recv(fd_, in_.data() + had, in_.size() - had, 0) : 0;
    in_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count <= 0) return std::nullopt;
  }
}

std::optional<Request> Peer::receive_job() {
  auto request = receive();
  if (!request) return std::nullopt;
  const auto* option = std::get_if<OptionReq>(&*request);
  if (option == nullptr) return request;
  send(OptionRes{option->name});
  return receive();
}

bool Peer::hears_more() {
  constexpr int moment_ms = 50;
  if (in_.size() > consumed_) return true;
  pollfd more{.fd = fd_, .events = POLLIN, .revents = 0};
  return ::poll(&more, 1, moment_ms) > 0;
}

std::optional<std::string> Peer::receive_line() {
  std::string line;
  for (char byte = 0; wait_readable(fd_) && ::recv(fd_, &byte, 1, 0) == 1; line += byte) {
    if (byte == '\n') return line;
  }
  return std::nullopt;
}

bool Peer::wait_for_close() {
  std::array<char, 65536> ignored;
  while (wait_readable(fd_)) {
    if (::recv(fd_, ignored.data(), ignored.size(), 0) <= 0) return true;
  }
  return false;
}

void Peer::send(const Response& response) {
  send_bytes(bytes_of(response));
}

void Peer::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void Peer::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ended_ = true;
}

ScriptedServer::ScriptedServer(Script script, std::uint16_t port)
    : script_(std::move(script)), port_(port) {
  UniqueFd listener = listen_tcp(port_);
  address_ = "127.0.0.1:" + std::to_string(port_);
  serve(std::move(listener));
}

ScriptedServer::ScriptedServer(Script script, const std::string& unix_path)
    : script_(std::move(script)), address_("unix:" + unix_path) {
  serve(listen_unix(unix_path));
}

void ScriptedServer::serve(UniqueFd listener) {
  listener_ = std::move(listener);
  stop_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  check(static_cast<bool>(stop_), "eventfd");
  thread_ = std::thread([this] { accept_all(); });
}

void ScriptedServer::accept_all() {
  for (;;) {
    pollfd waiting[] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0) continue;  // a signal
    if (waiting[1].revents != 0) return;
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    scripts_.emplace_back([this, fd, number = ++accepted_] {
      Peer peer(fd, number);
      script_(peer);
      const std::lock_guard closing(mutex_);
      std::erase(open_, fd);
      ::close(fd);
      closed_.notify_all();
    });
  }
}

void ScriptedServer::wait_until_idle() {
  std::unique_lock lock(mutex_);
  closed_.wait_for(lock, std::chrono::milliseconds{patience_ms}, [&] { return open_.empty(); });
}

ScriptedServer::~ScriptedServer() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof one);
  thread_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& script : scripts_) script.join();
}

std::string dead_address() {
  std::uint16_t port = 0;
  listen_tcp(port);  // and closed at once
  return "127.0.0.1:" + std::to_string(port);
}

}  // namespace gman::test
