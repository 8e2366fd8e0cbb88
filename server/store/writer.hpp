// SPDX-License-Identifier: BSD-3-Clause
// StoreWriter: the thread that has the store while the server runs, so that the loop never waits
// for a disk.
//
// The loop gives it one batch at a time and goes on gathering the next one; it tries until the
// batch is durable, and says so by a descriptor that becomes readable. A batch may come in pieces:
// while the loop waits for more, the store does its work on what is there. Where the store itself
// cannot be trusted any more, the loop gives it everything anew. Where it is full, the batch comes
// back, to be tried again together with what has changed meanwhile: that may make room. Between one
// batch and the next it reads what the loop wants of the store.
//
// The two threads hand each other values, which belong to whoever holds them, and share a number.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
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
  [[nodiscard]] bool is_idle() const { return !is_writing_; }
  /// After Full, or after prepare(): there is something that the next write() is to end.
  // Requires: it is idle.
  [[nodiscard]] bool has_unwritten() const { return unwritten_ != nullptr || has_prepared_; }
  /// A piece of the batch that write() ends. Gives back an empty one, with the memory of one that
  /// was written.
  // Requires: it is idle.
  void prepare(JobChanges& changes);
  struct ToFollow {
    /// Jobs that are read behind it, a few at a time. Each comes back once.
    std::vector<JobNumber> wanted{};
    /// The thread calls it before there is news of the batch, if the first try makes that durable;
    /// otherwise nobody does.
    std::function<void()> at_once{};
  };
  /// Behind what is unwritten. Gives back an empty one, as prepare() does.
  // Requires: it is idle. Batches are numbered upwards.
  void write(std::uint64_t batch, JobChanges& changes) { write(batch, changes, ToFollow{}); }
  void write(std::uint64_t batch, JobChanges& changes, ToFollow then);
  /// After Lost: the same with a part of everything that is to be stored, in as many parts as it
  /// takes. The last one stands for all batches up to its number.
  enum class Part : std::uint8_t { first, middle, last, only };
  void write_anew(Part part, std::uint64_t batch, JobChanges& changes);

  /// The last batch that is durable, as far as the thread has come: before anything is done at once
  /// that is to follow it, and before the news of it.
  [[nodiscard]] std::uint64_t durable_batch() const { return durable_batch_.load(); }
  /// Another server can begin on the store: ask now and then whether one has.
  [[nodiscard]] bool can_be_taken() const { return can_be_taken_; }
  // Requires: it is idle, and nothing is unwritten.
  void look();
  /// It is not idle, and yet has nothing to write.
  [[nodiscard]] bool is_looking() const { return is_looking_; }

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
  /// It was looked at, and is still this server's.
  struct Kept {};
  /// Another server has it. Nothing is to be written any more.
  struct Taken {
    StoreFault fault;
  };
  using News =
      std::variant<Stored, WrittenAnew, Failing, Lost, Full, Kept, Taken, std::unique_ptr<Fetched>>;
  /// nullopt: no more for now.
  [[nodiscard]] std::optional<News> take_news();
  /// The next ones use its memory.
  void give_back(std::unique_ptr<Fetched> fetched) { used_.give(std::move(fetched)); }

 private:
  struct Piece {
    JobChanges changes;
    std::optional<std::uint64_t> batch;  ///< it ends this one
    std::optional<Part> part;            ///< of everything anew
    bool is_look;                        ///< nothing is to be written
    ToFollow then;
  };
  using Pieces = std::vector<std::unique_ptr<Piece>>;
  struct Outcome {
    std::uint64_t batch;
    std::optional<Part> part;
    bool is_look;
    std::optional<StoreFault> fault;  ///< the store is lost, full, or another server's
    bool is_unwritten;                ///< it is full: `pieces` is one, to be given again
    std::vector<LostJob> lost;
    Pieces pieces;
  };

  struct Use {
    std::optional<std::uint64_t> batch{};
    std::optional<Part> part{};
    bool is_look = false;
    ToFollow then{};
  };
  void give(JobChanges& changes, Use use);

  void work();
  void take(std::unique_ptr<Piece> piece);
  void gather();
  [[nodiscard]] Outcome commit();
  [[nodiscard]] std::optional<StoreFault> attempt(Outcome& outcome);
  [[nodiscard]] std::optional<StoreFault> write_batch();
  [[nodiscard]] std::optional<StoreFault> write_part(Part part, std::vector<LostJob>& lost);
  void tell();
  /// False: the writer is being ended.
  [[nodiscard]] bool wait_before_next_try(milliseconds pause) const;

  // writer_reading.cpp
  void read_for(Instant::duration time);
  void give_up_reading();
  [[nodiscard]] std::unique_ptr<Fetched> unused_result();
  void publish(std::unique_ptr<Fetched> result);
  void fetch(std::span<const JobNumber> wanted, Fetched& result);
  void fetch_one_by_one(Fetched& result);
  [[nodiscard]] std::optional<StoreFault> fetch_some(std::span<const JobNumber> wanted,
                                                     Fetched& into);

  std::unique_ptr<Store> store_;
  std::string name_;
  bool can_be_taken_;
  int news_fd_;
  int end_fd_;

  // The loop's.
  bool is_writing_ = false;
  bool is_looking_ = false;
  bool has_prepared_ = false;
  std::unique_ptr<Piece> unwritten_;
  Pieces spare_;
  std::deque<std::unique_ptr<Fetched>> fetched_here_;

  Handover<Piece> given_;
  Handover<Outcome> done_;  ///< one at most
  Handover<Fetched> fetched_, used_;
  std::atomic<StoreFault*> fault_{nullptr};
  std::atomic<std::uint64_t> durable_batch_{0};
  std::atomic<bool> ending_{false};

  // The thread's.
  Pieces batch_;                  ///< what it was given of the next batch
  bool is_prepared_ = false;      ///< the store has all of that but the last piece
  milliseconds pause_;            ///< before it tries again
  std::deque<JobNumber> wanted_;  ///< in the order in which they are needed
  std::vector<std::unique_ptr<Fetched>> unused_results_;
  int fruitless_fetches_ = 0;  ///< in a row, because of the disk
  std::thread thread_;
};

}  // namespace gman
