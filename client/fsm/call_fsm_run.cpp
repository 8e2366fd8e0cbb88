// SPDX-License-Identifier: BSD-3-Clause
// CallFsm, as far as it is about many foreground jobs.
#include <utility>

#include "client/fsm/call_fsm.hpp"

namespace gman {

// A connection is asking from its beginning to its end here: what is sent and what is heard of
// earlier jobs cross.
void CallFsm::submit_more(Instant now) {
  if (exchange_.is_greeting_due || exchange_.sent < out_.size()) return;
  out_.clear();
  exchange_.sent = 0;
  run_->append_submits(out_);
  if (!out_.empty()) exchange_.progressed_at = now;
}

void CallFsm::heard_of_job(bool is_allowed, PacketType type, Instant now) {
  if (!is_allowed) return unexpected(type, now);
  result_.numerator = static_cast<std::uint32_t>(run_->ended());
  result_.denominator = static_cast<std::uint32_t>(run_->count());
  if (!run_->has_ended()) return submit_more(now);
  is_connection_clean_ = true;
  end_run(now);
}

void CallFsm::lose_server(std::string reason, Instant now) {
  jobs_lost_ += run_->lose({client_errc::connection_lost,
                            server_name() + ": " + reason + ", " + elapsed(now) +
                                " after the start: the fate of this job of function \"" +
                                function_ + "\" is unknown",
                            "submit it again if running it twice does no harm"});
  if (!run_->has_ended()) return try_next_server(std::move(reason), now);
  failures_.push_back({server(), std::move(reason)});
  end_run(now);
}

void CallFsm::end_run(Instant now) {
  result_.server = server_name();
  if (jobs_lost_ == 0) return end(now);
  fail(client_errc::connection_lost,
       failures() + ", " + elapsed(now) + " after the start: the fate of " +
           std::to_string(jobs_lost_) + " of " + std::to_string(jobs_) + " jobs of function \"" +
           function_ + "\" is unknown",
       "submit those again if running them twice does no harm", now);
}

}  // namespace gman
