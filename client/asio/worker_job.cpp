// SPDX-License-Identifier: BSD-3-Clause
#include "client/asio/worker_job.hpp"

#include <boost/asio.hpp>
#include <utility>

#include "protocol/limits.hpp"

namespace gman {
namespace {

/// Longer data leaves in several packets, so that sending never needs a second copy of all of it.
constexpr std::size_t piece_bytes_max = 1u << 20;

}  // namespace

void WorkerJob::send_data(std::string_view data) {
  send_pieces(data, &WorkFsm::data);
}

void WorkerJob::send_warning(std::string_view data) {
  send_pieces(data, &WorkFsm::warning);
}

void WorkerJob::send_status(std::uint32_t numerator, std::uint32_t denominator) {
  // About what the packet takes: enough to slow down a function that reports in a tight loop.
  const std::size_t bytes = header_bytes + handle_bytes_max;
  send_soon(bytes, [=, handle = job_.handle](WorkFsm& fsm) {
    fsm.status(handle, numerator, denominator);
  });
}

void WorkerJob::send_result(const WorkResult& result) const {
  if (attempt_->is_lost) return;
  session_->send([&](WorkFsm& fsm) {
    if (result.data.size() > workload_bytes_max) {
      fsm.exception(job_.handle, "the result of " + std::to_string(result.data.size()) +
                                     " bytes is above the limit of " +
                                     std::to_string(workload_bytes_max) + " bytes");
      return;
    }
    switch (result.outcome) {
      case WorkResult::Outcome::complete: fsm.complete(job_.handle, result.data); break;
      case WorkResult::Outcome::fail: fsm.fail(job_.handle); break;
      case WorkResult::Outcome::exception: fsm.exception(job_.handle, result.data); break;
    }
  });
}

void WorkerJob::send_pieces(std::string_view data, Append append) {
  do {
    std::string piece(data.substr(0, piece_bytes_max));
    data.remove_prefix(piece.size());
    const std::size_t bytes = piece.size();
    const bool is_heard = send_soon(bytes, [append, handle = job_.handle, piece = std::move(piece)](
                                               WorkFsm& fsm) { (fsm.*append)(handle, piece); });
    if (!is_heard) return;
  } while (!data.empty());
}

bool WorkerJob::send_soon(std::size_t bytes, std::function<void(WorkFsm&)> append) {
  if (attempt_->is_lost || !session_->wait_for_room(bytes)) return false;
  boost::asio::post(loop_,
                    [bytes, session = session_, attempt = attempt_, append = std::move(append)] {
                      if (attempt->is_lost) return session->forget_announced(bytes);
                      session->send_announced(bytes, append);
                      session->flush();
                    });
  return true;
}

}  // namespace gman
