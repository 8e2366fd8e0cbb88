// SPDX-License-Identifier: BSD-3-Clause
#include "relay/asio/driver.hpp"

#include <array>
#include <boost/asio.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <random>
#include <utility>

namespace gman::relay {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;

constexpr milliseconds connect_timeout{5'000};
constexpr std::size_t read_bytes = 64u << 10;

// A random one (version 4), under which this process leases rows.
std::string new_uuid() {
  std::random_device random;
  std::string text;
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr std::string_view form = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
  for (const char c : form) {
    if (c == 'x') {
      text += digits[random() % 16];
    } else if (c == 'y') {
      text += digits[8 + random() % 4];
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

Driver::Driver(const Config& config, Log& log)
    : log_(log),
      relay_(config.settings, config.from.size(), names_of(config.to), std::random_device{}()) {
  for (const ServerAddress& address : config.to) servers_.push_back({address, nullptr, {}});
  const std::string uuid = new_uuid();
  // From here on it ends as it is told to, and whoever has read that it is started may rely on it.
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) signals_.add(signal);
  log_.info("started", {{"version", GMAN_VERSION}, {"relay", uuid}});
  for (std::size_t i = 0; i < config.from.size(); ++i) {
    OutboxThread::Listener listener{
        .answered =
            [this, i](LeaseAnswer answer) {
              asio::post(io_, [this, i, answer = std::move(answer)]() mutable {
                relay_.answered(i, std::move(answer), steady_clock::now());
                step();
              });
            },
        .noticed =
            [this, i](LeaseAnswer answer) {
              asio::post(io_, [this, i, answer = std::move(answer)]() mutable {
                relay_.noticed(i, std::move(answer), steady_clock::now());
                step();
              });
            }};
    auto settled = [this, i](SettleAnswer answer) {
      asio::post(io_, [this, i, answer = std::move(answer)]() mutable {
        relay_.settled(i, std::move(answer), steady_clock::now());
        step();
      });
    };
    const std::string& url = config.from[i];
    outboxes_.push_back(
        {.name = without_password(url),
         .last_reason = {},
         .last_settling_reason = {},
         .thread = std::make_unique<OutboxThread>(url, uuid, std::move(listener)),
         .settling = std::make_unique<SettlingThread>(url, uuid, std::move(settled))});
  }
}

int Driver::run() {
  wait_for_signal();
  const auto loop_stays = asio::make_work_guard(io_);
  relay_.start(steady_clock::now());
  step();
  io_.run();
  log_counters();
  if (!relay_.failure().empty()) log_.error("not all was shipped", {{"reason", relay_.failure()}});
  log_.info("stopped");
  return relay_.failure().empty() && !is_aborted_ ? 0 : 1;
}

// What an event has led to. Effects may lead to further ones.
void Driver::step() {
  for (auto effects = relay_.take_effects(); !effects.empty(); effects = relay_.take_effects()) {
    for (Effect& effect : effects) {
      std::visit([this](auto& what) { obey(std::move(what)); }, effect);
    }
  }
  for (std::size_t i = 0; i < servers_.size(); ++i) write(i);
  if (relay_.is_over()) return io_.stop();
  arm_timer();
}

void Driver::obey(Connect effect) {
  asio::co_spawn(io_, serve(effect.server), [](const std::exception_ptr& failed) {
    if (failed) std::rethrow_exception(failed);
  });
}

void Driver::obey(Disconnect effect) {
  const auto session = std::exchange(servers_[effect.server].session, nullptr);
  if (!session) return;
  session->is_closed = true;
  error_code ignored;
  session->socket.close(ignored);
}

void Driver::obey(Ask effect) {
  outboxes_[effect.outbox].thread->ask(std::move(effect.request));
}

void Driver::obey(Settle effect) {
  outboxes_[effect.outbox].settling->ask(
      {std::move(effect.request), std::move(effect.database_uuid)});
}

// What fails again for the same reason is said once.
void Driver::obey(const Event& event) {
  const auto is_news = [&event](std::string& last) {
    return std::exchange(last, event.detail) != event.detail;
  };
  switch (event.kind) {
    case Event::Kind::outbox_opened:
      outboxes_[event.index].last_reason.clear();
      outboxes_[event.index].last_settling_reason.clear();
      log_.info("outbox opened",
                {{"database", outboxes_[event.index].name}, {"uuid", event.detail}});
      return;
    case Event::Kind::outbox_replaced:
      log_.warn("the outbox is another database's than before",
                {{"database", outboxes_[event.index].name}, {"rows_left_behind", event.detail}});
      return;
    case Event::Kind::outbox_failed:
    case Event::Kind::settling_failed: {
      Outbox& outbox = outboxes_[event.index];
      const bool is_settling = event.kind == Event::Kind::settling_failed;
      std::string& last = is_settling ? outbox.last_settling_reason : outbox.last_reason;
      const std::string& other = is_settling ? outbox.last_reason : outbox.last_settling_reason;
      if (!is_news(last) || event.detail == other) return;
      log_.warn("outbox fails, it is being tried again",
                {{"database", outbox.name}, {"reason", event.detail}});
      return;
    }
    case Event::Kind::settles_again:
      outboxes_[event.index].last_settling_reason.clear();
      log_.info("rows are settled again", {{"database", outboxes_[event.index].name}});
      return;
    case Event::Kind::server_connected:
      servers_[event.index].last_reason.clear();
      log_.info("connected",
                {{"server", servers_[event.index].address.name}, {"uniques", event.detail}});
      return;
    case Event::Kind::server_lost:
      if (!is_news(servers_[event.index].last_reason)) return;
      log_.warn("not connected, it is being tried again",
                {{"server", servers_[event.index].address.name}, {"reason", event.detail}});
      return;
    case Event::Kind::job_died:
      log_.error("job given up",
                 {{"database", outboxes_[event.index].name}, {"job", event.detail}});
      return;
    case Event::Kind::stopping:
      log_.info("stopping, leases no more", {{"under_way", event.detail}});
      return;
  }
}

asio::awaitable<void> Driver::serve(std::size_t server) {
  auto connected = co_await connect_to(servers_[server].address, connect_timeout);
  if (const auto* failure = std::get_if<ConnectFailure>(&connected)) {
    relay_.disconnected(server, failure->reason, steady_clock::now());
    step();
    co_return;
  }
  const auto session = std::make_shared<Session>(std::move(std::get<StreamSocket>(connected)));
  servers_[server].session = session;
  relay_.connected(server, steady_clock::now());
  step();
  std::vector<char> buffer(read_bytes);
  while (!session->is_closed) {
    const auto [error, bytes] = co_await session->socket.async_read_some(
        asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
    if (session->is_closed) break;
    const Instant now = steady_clock::now();
    if (error) {
      obey(Disconnect{server});
      relay_.disconnected(
          server, error == asio::error::eof ? "the server closed the connection" : error.message(),
          now);
    } else {
      relay_.received(server, {buffer.data(), bytes}, now);
    }
    step();
  }
}

void Driver::write(std::size_t server) {
  const auto session = servers_[server].session;
  if (!session || session->is_writing) return;
  session->writing = relay_.take_output(server);
  if (!session->writing.empty()) write_more(server, session, 0);
}

void Driver::write_more(std::size_t server, const std::shared_ptr<Session>& session,
                        std::size_t from) {
  session->is_writing = true;
  session->socket.async_write_some(
      asio::buffer(session->writing.data() + from, session->writing.size() - from),
      [this, server, session, from](error_code error, std::size_t bytes) {
        // A reader that cannot read either will say what is wrong.
        if (error || session->is_closed) return;
        if (from + bytes < session->writing.size()) {
          return write_more(server, session, from + bytes);
        }
        session->is_writing = false;
        write(server);
      });
}

void Driver::wait_for_signal() {
  signals_.async_wait([this](error_code error, int signal) {
    if (error) return;
    if (signal == SIGUSR1) {
      log_counters();
    } else if (std::exchange(is_told_to_stop_, true)) {
      is_aborted_ = true;
      return io_.stop();
    } else {
      relay_.stop(steady_clock::now());
      step();
    }
    wait_for_signal();
  });
}

// The timer is left alone where it is early enough: what it finds undue, it waits for again.
void Driver::arm_timer() {
  const auto deadline = relay_.next_deadline();
  if (!deadline || (timer_at_ && *timer_at_ <= *deadline)) return;
  timer_at_ = deadline;
  timer_.expires_at(*deadline);
  timer_.async_wait([this](error_code error) {
    if (error) return;
    timer_at_.reset();
    relay_.tick(steady_clock::now());
    step();
  });
}

void Driver::log_counters() {
  for (std::size_t i = 0; i < outboxes_.size(); ++i) {
    const Counters& counters = relay_.counters(i);
    log_.info("counters", {{"database", outboxes_[i].name},
                           {"leased", counters.leased},
                           {"delivered", counters.delivered},
                           {"returned", counters.returned},
                           {"died", counters.died},
                           {"under_way", std::uint64_t{relay_.rows_under_way(i)}}});
  }
}

}  // namespace gman::relay
