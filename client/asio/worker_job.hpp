// SPDX-License-Identifier: BSD-3-Clause
// WorkerJob: the Job that a worker function holds. It lives on a job thread and hands what it sends
// to the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include <gman/worker.hpp>

#include "client/asio/worker_session.hpp"

namespace gman {

class WorkerJob final : public Job {
 public:
  WorkerJob(boost::asio::io_context& loop, std::shared_ptr<WorkerSession> session, RunJob job)
      : loop_(loop), session_(std::move(session)), job_(std::move(job)) {}

  [[nodiscard]] const std::string& handle() const override { return job_.handle; }
  [[nodiscard]] const std::string& function() const override { return job_.function; }
  [[nodiscard]] const std::string& unique() const override { return job_.unique; }
  [[nodiscard]] const std::string& workload() const override { return job_.workload; }
  [[nodiscard]] const std::string& server() const override { return session_->name(); }

  void send_data(std::string_view data) override;
  void send_warning(std::string_view data) override;
  void send_status(std::uint32_t numerator, std::uint32_t denominator) override;
  [[nodiscard]] bool abandoned() const override { return session_->is_lost(); }

  [[nodiscard]] WorkerSession& session() const { return *session_; }

  /// How the job ended, in the packets that say so. On the loop's thread.
  void send_result(const WorkResult& result) const;

 private:
  using Append = void (WorkFsm::*)(std::string_view handle, std::string_view data);
  void send_pieces(std::string_view data, Append append);

  boost::asio::io_context& loop_;
  const std::shared_ptr<WorkerSession> session_;
  const RunJob job_;
};

}  // namespace gman
