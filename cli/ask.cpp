// SPDX-License-Identifier: BSD-3-Clause
#include "cli/ask.hpp"

#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <chrono>
#include <utility>
#include <variant>

#include "client/asio/connect.hpp"
#include "client/fsm/admin_answer.hpp"

namespace gman::cli {
namespace {

namespace asio = boost::asio;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds connect_timeout{2000};
constexpr std::chrono::seconds answer_timeout{10};

asio::awaitable<void> converse(StreamSocket& socket, const std::string& line, Answer& answer) {
  const std::string sent = line + "\n";
  auto [write_error, written] = co_await asio::async_write(socket, asio::buffer(sent), as_result);
  if (write_error) {
    answer.failure = write_error.message();
    co_return;
  }
  AdminAnswer whole(line);
  std::array<char, 16 << 10> chunk;
  for (;;) {
    auto [error, bytes] = co_await socket.async_read_some(asio::buffer(chunk), as_result);
    if (error == asio::error::eof) {
      answer.failure = "the server closed the connection without an answer";
      co_return;
    }
    if (error) {
      answer.failure = error.message();
      co_return;
    }
    answer.text.append(chunk.data(), bytes);
    if (whole.take({chunk.data(), bytes})) {
      answer.is_refusal = whole.is_error();
      co_return;
    }
  }
}

asio::awaitable<void> ask_one(ServerAddress server, std::string line, Answer& answer) {
  using namespace asio::experimental::awaitable_operators;  // NOLINT: operators only
  auto connected = co_await connect_to(server, connect_timeout);
  if (const auto* failure = std::get_if<ConnectFailure>(&connected)) {
    answer.failure = failure->reason;
    co_return;
  }
  asio::steady_timer timer(co_await asio::this_coro::executor, answer_timeout);
  const auto first = co_await (converse(std::get<StreamSocket>(connected), line, answer) ||
                               timer.async_wait(as_result));
  if (first.index() == 1) {
    answer.failure = "no answer within " + std::to_string(answer_timeout.count()) + " s";
  }
}

}  // namespace

std::vector<Answer> ask(const std::vector<ServerAddress>& servers, std::string line) {
  asio::io_context io{1};
  std::vector<Answer> answers(servers.size());
  for (std::size_t i = 0; i < servers.size(); ++i) {
    answers[i].server = servers[i].name;
    asio::co_spawn(io, ask_one(servers[i], line, answers[i]), [](std::exception_ptr failed) {
      if (failed) std::rethrow_exception(failed);
    });
  }
  io.run();
  return answers;
}

Exit report_failures(const std::vector<Answer>& answers, std::string_view command) {
  Exit exit = Exit::done;
  for (const Answer& answer : answers) {
    if (!answer.failure) continue;
    exit = fail(Exit::unreachable, command, answer.server + ": " + *answer.failure,
                "is gmand running there?");
  }
  return exit;
}

}  // namespace gman::cli
