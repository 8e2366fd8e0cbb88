// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/foreground_jobs.hpp"

#include <functional>
#include <utility>

#include "base/assert.hpp"
#include "client/fsm/text.hpp"

namespace gman {
namespace {

/// Submits are made up to about so many bytes ahead of what the kernel has taken.
constexpr std::size_t ahead_bytes = 256u << 10;

// What makes two jobs of a function one. Empty: nothing does.
struct Key {
  std::string_view unique, workload;
  friend bool operator==(const Key&, const Key&) = default;
};

Key key_of(const JobOfMany& job) {
  const bool is_by_workload = job.unique == "-";
  if (is_by_workload && job.workload.empty()) return {};
  return {job.unique, is_by_workload ? job.workload : std::string_view{}};
}

struct HashKey {
  std::size_t operator()(const Key& key) const {
    const std::hash<std::string_view> hash;
    return hash(key.unique) * 31 + hash(key.workload);
  }
};

std::shared_ptr<const Error> shared(Error error) {
  return std::make_shared<const Error>(std::move(error));
}

}  // namespace

ForegroundJobs::ForegroundJobs(const RunManyCall& call, const CallLimits& limits)
    : function_(call.function),
      priority_(call.priority),
      in_flight_max_(limits.jobs_in_flight),
      bytes_max_(limits.result_bytes_max),
      outcomes_(call.jobs.size()) {
  std::unordered_map<Key, std::size_t, HashKey> known;
  std::size_t text_bytes = 0;
  jobs_.reserve(call.jobs.size());
  for (std::uint32_t i = 0; i < call.jobs.size(); ++i) {
    const JobOfMany& job = call.jobs[i];
    if (const Key key = key_of(job); !key.unique.empty()) {
      const auto [same, is_new] = known.try_emplace(key, jobs_.size());
      if (!is_new) {
        Job& first = jobs_[same->second];
        outcomes_[i].same_as = first.index;
        ++first.share;
        continue;
      }
    }
    jobs_.push_back({.text = job, .index = i});
    text_bytes += job.unique.size() + job.workload.size();
  }
  texts_.reserve(text_bytes);  // so that no view moves
  const auto copied = [this](std::string_view text) {
    const std::size_t begin = texts_.size();
    texts_ += text;
    return std::string_view(texts_).substr(begin);
  };
  for (Job& job : jobs_) job.text = {copied(job.text.unique), copied(job.text.workload)};
}

// ---- Sending

void ForegroundJobs::append_submits(std::string& out) {
  GMAN_ASSERT(handed_over_ == appended_);
  ends_.clear();
  while (appended_ < jobs_.size() && out.size() < ahead_bytes &&
         running_ + appended_ - answered_ < in_flight_max_) {
    const JobOfMany& job = jobs_[appended_].text;
    append_request(out, SubmitJob{.function = function_,
                                  .unique = job.unique,
                                  .workload = job.workload,
                                  .priority = priority_});
    ends_.push_back(out.size());
    ++appended_;
  }
}

void ForegroundJobs::handed_over(std::size_t bytes) {
  const std::size_t first = appended_ - ends_.size();
  while (handed_over_ < appended_ && ends_[handed_over_ - first] <= bytes) {
    outcome_of(jobs_[handed_over_++]).is_sent = true;
  }
}

// ---- What the server says

bool ForegroundJobs::created(std::string_view handle) {
  if (answered_ == handed_over_) return false;
  JobOutcome& outcome = outcome_of(jobs_[answered_]);
  outcome.handle = handle;
  if (!by_handle_.try_emplace(outcome.handle, answered_).second) return false;
  ++answered_;
  ++running_;
  return true;
}

bool ForegroundJobs::refused(const std::string& server, const std::string& words) {
  if (answered_ == handed_over_) return false;
  Job& job = jobs_[answered_];
  auto error =
      shared({client_errc::server_error, server + " refused " + subject(job) + ": " + words, {}});
  outcome_of(job).refusal = words;
  outcome_of(job).is_sent = false;
  ++answered_;
  ++running_;  // for as long as it takes to end it
  end(job, std::move(error));
  return true;
}

bool ForegroundJobs::data(std::string_view handle, std::string_view bytes) {
  return append(handle, &JobOutcome::data, bytes, "");
}

bool ForegroundJobs::warning(std::string_view handle, std::string_view bytes) {
  return append(handle, &JobOutcome::warning, bytes, "\n");
}

bool ForegroundJobs::complete(std::string_view handle, std::string_view bytes) {
  if (!append(handle, &JobOutcome::data, bytes, "")) return false;
  Job& job = *running(handle);
  if (!job.is_too_long) {
    end(job, nullptr);
    return true;
  }
  end(job, shared({client_errc::protocol_error,
                   "the result of " + subject(job) + " does not fit into the limit of " +
                       std::to_string(bytes_max_) + " bytes for all results of a call",
                   "let the worker store the result and return where it is"}));
  return true;
}

bool ForegroundJobs::fail(std::string_view handle) {
  Job* job = running(handle);
  if (job == nullptr) {
    // Perl's job server passes both on when a worker sends WORK_FAIL behind a WORK_EXCEPTION.
    const auto known = by_handle_.find(handle);
    if (known == by_handle_.end()) return false;
    const auto& error = outcome_of(jobs_[known->second]).error;
    return error != nullptr && error->code == client_errc::job_exception;
  }
  std::string message = subject(*job) + " failed";
  const std::string& warning = outcome_of(*job).warning;
  if (!warning.empty()) {
    const std::string_view lines{warning.data(), warning.size() - 1};
    message += ", with the warning: " + printable(lines, quoted_text_bytes_max);
  }
  end(*job, shared({client_errc::job_failed, std::move(message), "the worker's log may say why"}));
  return true;
}

bool ForegroundJobs::exception(std::string_view handle, std::string_view bytes) {
  Job* job = running(handle);
  if (job == nullptr) return false;
  const std::string_view kept = bytes.substr(0, bytes_max_ - bytes_);
  outcome_of(*job).exception = kept;
  bytes_ += kept.size();
  end(*job, shared({client_errc::job_exception,
                    subject(*job) +
                        " ended with an exception: " + printable(bytes, quoted_text_bytes_max),
                    {}}));
  return true;
}

bool ForegroundJobs::is_running(std::string_view handle) const {
  const auto known = by_handle_.find(handle);
  return known != by_handle_.end() && !jobs_[known->second].has_ended;
}

ForegroundJobs::Job* ForegroundJobs::running(std::string_view handle) {
  const auto known = by_handle_.find(handle);
  if (known == by_handle_.end() || jobs_[known->second].has_ended) return nullptr;
  return &jobs_[known->second];
}

// One result that does not fit leaves room for those of the others.
bool ForegroundJobs::append(std::string_view handle, std::string JobOutcome::*part,
                            std::string_view bytes, std::string_view end) {
  Job* job = running(handle);
  if (job == nullptr) return false;
  if (bytes.size() + end.size() > bytes_max_ - bytes_) drop_result(*job);
  if (job->is_too_long) return true;
  (outcome_of(*job).*part).append(bytes).append(end);
  bytes_ += bytes.size() + end.size();
  return true;
}

void ForegroundJobs::drop_result(Job& job) {
  JobOutcome& outcome = outcome_of(job);
  bytes_ -= outcome.data.size() + outcome.warning.size();
  outcome.data = {};
  outcome.warning = {};
  job.is_too_long = true;
}

// ---- Beginning and end

void ForegroundJobs::begin_connection() {
  GMAN_ASSERT(!is_in_flight());
  appended_ = answered_ = handed_over_;
  ends_.clear();
  by_handle_.clear();
}

void ForegroundJobs::end(Job& job, std::shared_ptr<const Error> error) {
  outcome_of(job).error = std::move(error);
  job.has_ended = true;
  --running_;
  ended_ += job.share;
}

std::size_t ForegroundJobs::lose(const Error& error) {
  const auto words = shared(error);
  const std::size_t ended_before = ended_;
  running_ += handed_over_ - answered_;
  for (std::size_t i = 0; i < handed_over_; ++i) {
    if (!jobs_[i].has_ended) end(jobs_[i], words);
  }
  answered_ = handed_over_;
  begin_connection();
  return ended_ - ended_before;
}

void ForegroundJobs::end_rest(const Error& error) {
  const auto words = [&](const char* this_one) {
    return shared({error.code, error.message + this_one, error.hint});
  };
  lose(*words("; this job was sent"));
  const auto unsent = words("; this job was not sent");
  running_ += jobs_.size() - handed_over_;
  for (std::size_t i = handed_over_; i < jobs_.size(); ++i) end(jobs_[i], unsent);
  appended_ = handed_over_ = answered_ = jobs_.size();
}

std::vector<JobOutcome> ForegroundJobs::take_outcomes() {
  GMAN_ASSERT(has_ended());
  by_handle_.clear();
  return std::move(outcomes_);
}

std::string ForegroundJobs::subject(const Job& job) {
  const std::string& handle = outcome_of(job).handle;
  const std::string function =
      " of function \"" + printable(function_, quoted_name_bytes_max) + "\"";
  return handle.empty() ? "the job" + function
                        : "job " + printable(handle, handle_bytes_max) + function;
}

}  // namespace gman
