// SPDX-License-Identifier: BSD-3-Clause
#include "tests/integration/worker/scripted_server.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <system_error>

#include "protocol/framing.hpp"

namespace gman::test {
namespace {

constexpr int patience_ms = 10'000;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void wait_readable(int fd, const char* what) {
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  if (::poll(&waiting, 1, patience_ms) != 1) throw std::runtime_error(what);
}

}  // namespace

Accepted::~Accepted() {
  close();
}

void Accepted::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Accepted::send(PacketType type, std::initializer_list<std::string_view> args) {
  std::string bytes;
  append_packet(bytes, Magic::res, type, args);
  send_bytes(bytes);
}

void Accepted::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) fail("send");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string Accepted::receive() {
  for (;;) {
    const auto frame = next_frame(buffer_);
    if (!frame) throw std::runtime_error("the worker broke the protocol");
    if (*frame) {
      const auto& packet = std::get<Packet>((*frame)->unit);
      std::string text(spec_of(packet.type).name);
      if (!packet.body.empty()) text += ' ' + std::string(packet.body);
      std::ranges::replace(text, '\0', ' ');
      buffer_.erase(0, (*frame)->bytes);
      return text;
    }
    if (!fill()) return "closed";
  }
}

std::string Accepted::receive_some() {
  if (buffer_.empty()) fill();
  return std::exchange(buffer_, {});
}

bool Accepted::fill() {
  wait_readable(fd_, "nothing came from the worker");
  std::array<char, 64 << 10> chunk{};
  const auto bytes = ::recv(fd_, chunk.data(), chunk.size(), 0);
  if (bytes <= 0) return false;
  buffer_.append(chunk.data(), static_cast<std::size_t>(bytes));
  return true;
}

ScriptedServer::ScriptedServer() {
  std::string name = "/tmp/gman-w-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) fail("mkdtemp");
  directory_ = name;
  path_ = directory_ / "s";
  listen();
}

ScriptedServer::~ScriptedServer() {
  stop_listening();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void ScriptedServer::listen() {
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.string().copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  if (::listen(fd_, 16) != 0) fail("listen");
}

void ScriptedServer::stop_listening() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  std::filesystem::remove(path_);
}

Accepted ScriptedServer::accept() {
  wait_readable(fd_, "no worker connected");
  const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) fail("accept");
  return Accepted(fd);
}

}  // namespace gman::test
