// SPDX-License-Identifier: BSD-3-Clause
#include "client/asio/worker_loop.hpp"

#include <algorithm>
#include <boost/asio.hpp>
#include <exception>
#include <limits>
#include <utility>

#include "base/assert.hpp"

namespace gman {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

/// Resolving, all addresses of the name, and connecting, together.
constexpr milliseconds connect_timeout{5000};

}  // namespace

WorkerLoop::WorkerLoop(WorkerSettings settings, std::vector<ServerAddress> servers)
    : settings_(std::move(settings)),
      slots_free_(settings_.jobs_max),
      jobs_left_(settings_.jobs_total > 0 ? settings_.jobs_total
                                          : std::numeric_limits<std::uint64_t>::max()) {
  for (ServerAddress& address : servers) servers_.emplace_back(std::move(address));
}

void WorkerLoop::add_function(WorkerAbility ability, WorkerFunction run) {
  functions_[ability.function] = std::move(run);
  std::erase_if(abilities_, [&](const auto& known) { return known.function == ability.function; });
  abilities_.push_back(std::move(ability));
}

void WorkerLoop::run(bool until_signal) {
  if (phase_ != Phase::idle) return;  // stop() came first, or run() was called twice
  phase_ = Phase::serving;
  threads_.emplace(settings_.jobs_max);
  if (until_signal) {
    signals_.emplace(io_, SIGINT, SIGTERM);
    wait_for_signal();
  }
  servers_served_ = servers_.size();
  for (Server& server : servers_) {
    asio::co_spawn(io_, serve(server),
                   asio::bind_cancellation_slot(
                       server.stop_connecting.slot(),
                       [this](std::exception_ptr failed) { server_was_left(failed); }));
  }
  // Ends when every server was left and every job has ended: a running job keeps the loop alive.
  io_.run();
  threads_->join();
  signals_.reset();
}

void WorkerLoop::server_was_left(std::exception_ptr failed) {
  if (failed) std::rethrow_exception(failed);
  --servers_served_;
  end_if_done();
}

void WorkerLoop::end_if_done() {
  const bool is_idle = slots_free_ == settings_.jobs_max;
  if (servers_served_ == 0 && is_idle && signals_) signals_->cancel();
}

void WorkerLoop::stop() {
  asio::post(io_, [this] { leave_or_abort(); });
}

void WorkerLoop::leave_or_abort() {
  if (phase_ == Phase::aborting) return;
  phase_ = is_leaving() ? Phase::aborting : Phase::leaving;
  line_.clear();
  report(
      WorkerEvent::Kind::stopping, "",
      phase_ == Phase::leaving ? "running jobs are finished first" : "running jobs are abandoned");
  for (Server& server : servers_) {
    if (!server.session) {
      server.stop_connecting.emit(asio::cancellation_type::terminal);
    } else if (phase_ == Phase::leaving) {
      server.session->retire();
    } else {
      server.session->close("the worker was told to stop at once");
    }
  }
}

void WorkerLoop::offer_slots(const std::shared_ptr<WorkerSession>& session) {
  if (!is_leaving() && session->wants_grab() && std::ranges::find(line_, session) == line_.end()) {
    line_.push_back(session);
  }
  deal_slots();
}

void WorkerLoop::deal_slots() {
  while (slots_free_ > 0 && jobs_left_ > settings_.jobs_max - slots_free_ && !line_.empty()) {
    const auto session = std::move(line_.front());
    line_.pop_front();
    if (!session->wants_grab()) continue;  // it was lost while it waited
    --slots_free_;
    session->grab();
    session->flush();
  }
}

void WorkerLoop::run_job(std::shared_ptr<WorkerSession> session, RunJob job) {
  auto attempt = session->job_started(job.handle);
  report(WorkerEvent::Kind::job_started, session->name(), job.handle);
  auto running =
      std::make_shared<WorkerJob>(io_, std::move(session), std::move(job), std::move(attempt));
  asio::post(*threads_, [this, running = std::move(running),
                         loop_stays = asio::make_work_guard(io_)]() mutable {
    auto result = run_function(*running);
    asio::post(io_, [this, running = std::move(running), result = std::move(result)] {
      job_ended(*running, result);
    });
  });
}

WorkResult WorkerLoop::run_function(WorkerJob& job) const {
  const auto function = functions_.find(job.function());
  GMAN_ASSERT(function != functions_.end());  // WorkFsm refuses what was not registered
  try {
    return function->second(job);
  } catch (const std::exception& thrown) {
    return WorkResult::exception(thrown.what());
  } catch (...) {
    return WorkResult::exception("the worker's function threw what is no std::exception");
  }
}

void WorkerLoop::job_ended(WorkerJob& job, const WorkResult& result) {
  WorkerSession& session = job.session();
  job.send_result(result);
  session.job_ended(job.handle(), job.attempt());
  free_slot();
  --jobs_left_;
  report(WorkerEvent::Kind::job_ended, session.name(), job.handle());
  if (jobs_left_ == 0 && phase_ == Phase::serving) leave_or_abort();
  // The result and this session's next grab leave in one write.
  offer_slots(session.shared_from_this());
  session.flush();
  end_if_done();
}

asio::awaitable<void> WorkerLoop::serve(Server& server) {
  co_await asio::this_coro::throw_if_cancelled(false);
  asio::steady_timer pause(io_);
  milliseconds wait = settings_.reconnect_first;
  while (!is_leaving()) {
    auto connected = co_await connect_to(server.address, connect_timeout);
    if (is_leaving()) co_return;
    if (auto* socket = std::get_if<StreamSocket>(&connected)) {
      server.session = std::make_shared<WorkerSession>(
          *this, server.address.name, std::move(*socket), WorkFsm(settings_.client_id, abilities_));
      report(WorkerEvent::Kind::connected, server.address.name, "");
      std::string reason = co_await WorkerSession::serve(server.session);
      if (server.session->was_answered()) wait = settings_.reconnect_first;
      std::erase(line_, server.session);
      server.session.reset();
      report(WorkerEvent::Kind::disconnected, server.address.name, std::move(reason));
      deal_slots();  // its grab may have held one
    } else {
      report(WorkerEvent::Kind::connect_failed, server.address.name,
             std::get<ConnectFailure>(connected).reason);
    }
    if (is_leaving()) co_return;
    pause.expires_after(with_jitter(wait));
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    wait = std::min(wait * 2, settings_.reconnect_max);
  }
}

void WorkerLoop::wait_for_signal() {
  signals_->async_wait([this](error_code error, int) {
    if (error) return;
    leave_or_abort();
    if (phase_ == Phase::aborting) {
      signals_->clear();  // a third signal has its default effect
    } else {
      wait_for_signal();
    }
  });
}

milliseconds WorkerLoop::with_jitter(milliseconds wait) {
  // Half of the wait is certain, half is chance: workers that lost a server together return apart.
  std::uniform_int_distribution<milliseconds::rep> chance(0, wait.count() / 2);
  return wait - milliseconds(chance(random_));
}

void WorkerLoop::report(WorkerEvent::Kind kind, const std::string& server, std::string detail) {
  if (listener_) listener_({.kind = kind, .server = server, .detail = std::move(detail)});
}

}  // namespace gman
