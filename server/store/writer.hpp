// SPDX-License-Identifier: BSD-3-Clause
// StoreWriter: the thread that has the store while the server runs, so that the loop never waits
// for a disk.
//
// The loop gives it one batch at a time and goes on gathering the next one; it tries until the
// batch is durable, and says so by a descriptor that becomes readable. Where the store itself
// cannot be trusted any more, the loop gives it everything anew. Where it is full, the batch comes
// back, to be tried again together with what has changed meanwhile: that may make room. The two
// threads share atomic pointers and nothing else: what is behind them belongs to whoever holds
// them.
//
// It also reads what the loop wants of the store, between one batch and the next.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "server/store/handover.hpp"
#include "server/store/store.hpp"

namespace gman {

/// A job that the store cannot give back.
struct LostJob {
  JobNumber number;
  std::string why;
};

class StoreWriter {
 public:
  /// Starts the thread. `store` has begun and is loaded.
  explicit StoreWriter(std::unique_ptr<Store> store);
  /// Ends it. What the store does not have by then is lost: see is_idle().
  ~StoreWriter();
  StoreWriter(const StoreWriter&) = delete;
  StoreWriter& operator=(const StoreWriter&) = delete;

  // All of this is for the loop's thread.

  [[nodiscard]] const std::string& name() const { return name_; }
  /// It can be given more.
  [[nodiscard]] bool is_idle() const { return spare_ != nullptr; }
  /// After Full: what it was given last is to be given again.
  // Requires: it is idle.
  [[nodiscard]] bool has_unwritten() const { return spare_->is_unwritten; }
  /// Behind what is unwritten. Gives back an empty one, with the memory of one that was written.
  // Requires: it is idle. Batches are numbered upwards.
  void write(std::uint64_t batch, JobChanges& changes) { write(batch, changes, {}); }
  /// Jobs that are wanted are read behind it, a few at a time. Each comes back once.
  void write(std::uint64_t batch, JobChanges& changes, std::vector<JobNumber> wanted);
  /// After Lost: the same with a part of everything that is to be stored, in as many parts as it
  /// takes. The last one stands for all batches up to its number.
  enum class Part : std::uint8_t { first, middle, last, only };
  void write_anew(Part part, std::uint64_t batch, JobChanges& changes);

  /// Readable when there is news.
  [[nodiscard]] int fd() const { return news_fd_; }
  struct Stored {
    std::uint64_t batch;
    std::vector<LostJob> lost;  ///< set aside while everything was written anew
  };
  /// A part of everything is written, and it is not the last.
  struct WrittenAnew {};
  /// It is being tried again.
  struct Failing {
    StoreFault fault;
  };
  /// The store does not trust what it has written: it has to be given everything anew, and waits a
  /// moment before it begins.
  struct Lost {
    StoreFault fault;
  };
  /// There is no room for all of the last batch, which is kept for the next one.
  struct Full {
    StoreFault fault;
  };
  /// What was wanted.
  struct Fetched {
    JobChanges jobs;                  ///< as added
    std::vector<LostJob> lost;        ///< not there, or not what was stored
    std::vector<JobNumber> unread;    ///< to be asked for again
    std::optional<StoreFault> fault;  ///< because of that
  };
  using News = std::variant<Stored, WrittenAnew, Failing, Lost, Full, std::unique_ptr<Fetched>>;
  /// nullopt: no more for now.
  [[nodiscard]] std::optional<News> take_news();
  /// The next ones use its memory.
  void give_back(std::unique_ptr<Fetched> fetched) { used_.give(std::move(fetched)); }

 private:
  struct Batch {
    std::uint64_t number = 0;
    JobChanges changes;
    std::optional<Part> part;         ///< of everything anew
    std::optional<StoreFault> fault;  ///< the store is lost, or full
    bool is_unwritten = false;        ///< it is full
    std::vector<JobNumber> wanted;
    std::vector<LostJob> lost;
  };

  void give(std::uint64_t batch, JobChanges& changes, std::optional<Part> part);
  void work();
  void read_for(Instant::duration time);
  void give_up_reading();
  [[nodiscard]] std::unique_ptr<Fetched> unused_result();
  void publish(std::unique_ptr<Fetched> result);
  void fetch(std::span<const JobNumber> wanted, Fetched& result);
  void fetch_one_by_one(Fetched& result);
  [[nodiscard]] std::optional<StoreFault> fetch_some(std::span<const JobNumber> wanted,
                                                     Fetched& into);
  void commit(Batch& batch);
  [[nodiscard]] std::optional<StoreFault> write_batch(Batch& batch);
  [[nodiscard]] std::optional<StoreFault> write_part(Batch& batch);
  void tell();
  /// False: the writer is being ended.
  [[nodiscard]] bool wait_before_next_try(milliseconds pause) const;

  std::unique_ptr<Store> store_;
  std::string name_;
  int news_fd_;
  int end_fd_;
  std::unique_ptr<Batch> spare_;
  std::atomic<Batch*> given_{nullptr};
  std::atomic<Batch*> done_{nullptr};
  std::atomic<StoreFault*> fault_{nullptr};
  Handover<Fetched> fetched_, used_;
  std::deque<std::unique_ptr<Fetched>> fetched_here_;  ///< the loop's
  std::atomic<bool> ending_{false};
  milliseconds pause_;  ///< the thread's: before it tries again
  // These are the thread's.
  std::deque<JobNumber> wanted_;  ///< in the order in which they are needed
  std::vector<std::unique_ptr<Fetched>> unused_results_;
  int fruitless_fetches_ = 0;  ///< in a row, because of the disk
  std::thread thread_;
};

}  // namespace gman
