// SPDX-License-Identifier: BSD-3-Clause
// WorkerJob: the Job that a worker function holds. It lives on a job thread and hands what it sends
// to the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include <gman/worker.hpp>

#include "client/asio/worker_session.hpp"

namespace gman {

class WorkerJob final : public Job {
 public:
  WorkerJob(boost::asio::io_context& loop, std::shared_ptr<WorkerSession> session, RunJob job,
            std::shared_ptr<Attempt> attempt)
      : loop_(loop),
        session_(std::move(session)),
        job_(std::move(job)),
        attempt_(std::move(attempt)) {}

  [[nodiscard]] const std::string& handle() const override { return job_.handle; }
  [[nodiscard]] const std::string& function() const override { return job_.function; }
  [[nodiscard]] const std::string& unique() const override { return job_.unique; }
  [[nodiscard]] const std::string& workload() const override { return job_.workload; }
  [[nodiscard]] const std::string& server() const override { return session_->name(); }

  void send_data(std::string_view data) override;
  void send_warning(std::string_view data) override;
  void send_status(std::uint32_t numerator, std::uint32_t denominator) override;
  [[nodiscard]] bool abandoned() const override { return session_->is_lost() || attempt_->is_lost; }

  [[nodiscard]] WorkerSession& session() const { return *session_; }
  [[nodiscard]] const Attempt& attempt() const { return *attempt_; }

  /// How the job ended, in the packets that say so. On the loop's thread.
  void send_result(const WorkResult& result) const;

 private:
  using Append = void (WorkFsm::*)(std::string_view handle, std::string_view data);
  void send_pieces(std::string_view data, Append append);
  /// Once there is room for it. False: nobody waits for it any more.
  bool send_soon(std::size_t bytes, std::function<void(WorkFsm&)> append);

  boost::asio::io_context& loop_;
  const std::shared_ptr<WorkerSession> session_;
  const RunJob job_;
  const std::shared_ptr<Attempt> attempt_;
};

}  // namespace gman
