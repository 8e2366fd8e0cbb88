// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/load_beside.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/thread.hpp"
#include "server/store/handover.hpp"

namespace gman {
namespace {

/// Handed over as one; few of them exist, so that what is read waits for what is taken.
constexpr std::size_t piece_jobs_max = 1024;
constexpr std::size_t piece_bytes_max = std::size_t{1} << 20;
constexpr int pieces = 4;

struct Aside {
  JobNumber number;
  std::string why;
};

struct Piece {
  JobChanges jobs;  ///< as added
  std::vector<Aside> aside;
  std::optional<StoreFault> fault;
  bool is_last = false;
};

class Reading {
 public:
  explicit Reading(Store& store) : store_(store) {
    give_empty_ones();
    thread_ = start_thread([this] { read(); });
  }
  /// Before the last one was taken, something went wrong with the others.
  ~Reading() {
    if (!is_over_) give_empty_ones();
    while (!is_over_) {
      for (auto& piece : take()) give_back(std::move(piece));
    }
    thread_.join();
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  /// In order, at least one.
  [[nodiscard]] std::vector<std::unique_ptr<Piece>> take() {
    full_.wait();
    auto taken = full_.take();
    is_over_ = taken.back()->is_last;
    return taken;
  }
  void give_back(std::unique_ptr<Piece> piece) { empty_.give(std::move(piece)); }

 private:
  void give_empty_ones() {
    for (int i = 0; i < pieces; ++i) empty_.give(std::make_unique<Piece>());
  }
  void read() {
    Piece* piece = &next();
    const auto pass_on_if_full = [&] {
      if (piece->jobs.added_count() < piece_jobs_max && piece->aside.size() < piece_jobs_max &&
          piece->jobs.text_bytes() < piece_bytes_max) {
        return;
      }
      full_.give(std::move(filling_));
      piece = &next();
    };
    piece->fault = store_.load(
        [&](const JobRecord& record) {
          piece->jobs.add(record);
          pass_on_if_full();
        },
        [&](JobNumber number, const std::string& why) {
          piece->aside.push_back({number, why});
          pass_on_if_full();
        });
    piece->is_last = true;
    full_.give(std::move(filling_));
  }

  Piece& next() {
    if (spare_.empty()) {
      empty_.wait();
      spare_ = empty_.take();
    }
    filling_ = std::move(spare_.back());
    spare_.pop_back();
    filling_->jobs.clear();
    filling_->aside.clear();
    return *filling_;
  }

  Store& store_;
  Handover<Piece> full_, empty_;
  bool is_over_ = false;  ///< the last one has been taken
  // The thread's.
  std::unique_ptr<Piece> filling_;
  std::vector<std::unique_ptr<Piece>> spare_;
  std::thread thread_;
};

}  // namespace

std::optional<StoreFault> load_beside(Store& store, const Store::Take& take,
                                      const Store::SetAside& set_aside) {
  Reading reading(store);
  while (true) {
    for (auto& piece : reading.take()) {
      for (std::size_t i = 0; i < piece->jobs.added_count(); ++i) take(piece->jobs.added(i));
      for (const Aside& job : piece->aside) set_aside(job.number, job.why);
      if (piece->is_last) return std::move(piece->fault);
      reading.give_back(std::move(piece));
    }
  }
}

}  // namespace gman
