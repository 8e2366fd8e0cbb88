// SPDX-License-Identifier: BSD-3-Clause
// Connecting to one job server of a list, over TCP or a Unix socket, within a bounded time: but a
// look-up ends no earlier than the system's resolver gives it up, which cannot be interrupted.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <chrono>
#include <string>
#include <variant>

#include "client/fsm/server_list.hpp"

namespace gman {

using StreamSocket = boost::asio::generic::stream_protocol::socket;

/// Why it failed, as a reason to put behind the server's name.
struct ConnectFailure {
  std::string reason;
};

/// A name may stand for several addresses; they are tried in turn, all within `timeout`, its
/// look-up aside. Names are looked up on a thread of Asio's, never on the loop.
[[nodiscard]] boost::asio::awaitable<std::variant<StreamSocket, ConnectFailure>> connect_to(
    ServerAddress server, std::chrono::milliseconds timeout);

}  // namespace gman
