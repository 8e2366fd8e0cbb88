// SPDX-License-Identifier: BSD-3-Clause
#include "client/asio/connect.hpp"

#include <netinet/tcp.h>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace gman {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Endpoint = asio::generic::stream_protocol::endpoint;
using Attempt = std::variant<StreamSocket, ConnectFailure>;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

// A peer that vanished without a word is noticed within about a minute, also by a sleeping worker.
constexpr int keepalive_idle_seconds = 30;
constexpr int keepalive_interval_seconds = 10;
constexpr int keepalive_probes_max = 3;

template <int name>
using TcpOption = asio::detail::socket_option::integer<IPPROTO_TCP, name>;

void prepare_tcp(StreamSocket& socket) {
  // What cannot be set costs speed, not correctness.
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  socket.set_option(TcpOption<TCP_KEEPIDLE>(keepalive_idle_seconds), ignored);
  socket.set_option(TcpOption<TCP_KEEPINTVL>(keepalive_interval_seconds), ignored);
  socket.set_option(TcpOption<TCP_KEEPCNT>(keepalive_probes_max), ignored);
}

asio::awaitable<Result<std::vector<Endpoint>>> endpoints_of(TcpAddress address) {
  error_code not_numeric;
  const auto numeric = asio::ip::make_address(address.host, not_numeric);
  if (!not_numeric) co_return std::vector<Endpoint>{tcp::endpoint(numeric, address.port)};

  tcp::resolver resolver(co_await asio::this_coro::executor);
  auto [error, found] =
      co_await resolver.async_resolve(address.host, std::to_string(address.port), as_result);
  if (error) co_return error;
  std::vector<Endpoint> endpoints;
  for (const auto& entry : found) endpoints.emplace_back(entry.endpoint());
  co_return endpoints;
}

asio::awaitable<Attempt> connect_any(std::vector<Endpoint> endpoints, bool is_tcp) {
  error_code last = asio::error::host_not_found;
  for (const Endpoint& endpoint : endpoints) {
    StreamSocket socket(co_await asio::this_coro::executor);
    auto [error] = co_await socket.async_connect(endpoint, as_result);
    if (!error) {
      if (is_tcp) prepare_tcp(socket);
      co_return std::move(socket);
    }
    last = error;
  }
  co_return ConnectFailure{last.message()};
}

asio::awaitable<Attempt> attempt(ServerAddress server) {
  if (const auto* local = std::get_if<UnixAddress>(&server.where)) {
    std::vector<Endpoint> endpoints{asio::local::stream_protocol::endpoint(local->path)};
    co_return co_await connect_any(std::move(endpoints), false);
  }
  auto endpoints = co_await endpoints_of(std::get<TcpAddress>(server.where));
  if (!endpoints) {
    co_return ConnectFailure{"the name cannot be resolved: " + endpoints.error().message()};
  }
  co_return co_await connect_any(std::move(*endpoints), true);
}

}  // namespace

asio::awaitable<Attempt> connect_to(ServerAddress server, std::chrono::milliseconds timeout) {
  using namespace asio::experimental::awaitable_operators;  // NOLINT: operators only
  asio::steady_timer timer(co_await asio::this_coro::executor, timeout);
  // The operator flattens the attempt's variant: socket, failure, or the timer's result.
  auto first = co_await (attempt(std::move(server)) || timer.async_wait(as_result));
  if (auto* socket = std::get_if<StreamSocket>(&first)) co_return std::move(*socket);
  if (auto* failure = std::get_if<ConnectFailure>(&first)) co_return std::move(*failure);
  co_return ConnectFailure{"no connection within " + std::to_string(timeout.count()) + " ms"};
}

}  // namespace gman
