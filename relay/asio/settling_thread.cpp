// SPDX-License-Identifier: BSD-3-Clause
#include "relay/asio/settling_thread.hpp"

#include <optional>
#include <utility>

#include "base/thread.hpp"

namespace gman::relay {
namespace {

// A connection that nobody has used for so long ends. Jobs that come every few seconds keep it.
constexpr milliseconds idle_max{60'000};

}  // namespace

SettlingThread::SettlingThread(std::string url, std::string relay,
                               std::function<void(SettleAnswer)> answered)
    : url_(std::move(url)), relay_(std::move(relay)), answered_(std::move(answered)) {
  thread_ = start_thread([this] { run(); });
}

SettlingThread::~SettlingThread() {
  box_.close();
  thread_.join();
}

void SettlingThread::run() {
  while (true) {
    const auto woken = box_.wait(table_ ? std::optional(idle_max) : std::nullopt);
    if (box_.is_closed()) return;
    if (woken.request) {
      answered_(answer(*woken.request));
    } else {
      table_.reset();
    }
  }
}

// The database may have ended the connection, which shows only now, or have chosen this one of two
// transactions that wait for each other: neither is a failure that anybody need hear of. Each of
// these requests may be done twice (relay/core/outbox.hpp).
SettleAnswer SettlingThread::answer(const Settlement& settlement) {
  if (table_ && table_uuid_ == settlement.database_uuid) {
    SettleAnswer answer = table_->settle(settlement.request);
    if (std::holds_alternative<Done>(answer)) return answer;
  }
  return answer_anew(settlement);
}

SettleAnswer SettlingThread::answer_anew(const Settlement& settlement) {
  table_.reset();
  auto opened = open_outbox(url_, relay_);
  if (!opened) return OutboxFailure{opened.error().message};
  auto uuid = (*opened)->database_uuid();
  if (!uuid) return OutboxFailure{uuid.error().message};
  if (*uuid != settlement.database_uuid) return OtherDatabase{};
  SettleAnswer answer = (*opened)->settle(settlement.request);
  if (std::holds_alternative<Done>(answer)) {
    table_ = *std::move(opened);
    table_uuid_ = *std::move(uuid);
  }
  return answer;
}

}  // namespace gman::relay
