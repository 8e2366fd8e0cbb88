// SPDX-License-Identifier: BSD-3-Clause
// StoreWriter: the thread that has the store while the server runs, so that the loop never waits
// for a disk.
//
// The loop gives it one batch at a time and goes on gathering the next one; it tries until the
// batch is durable, and says so by a descriptor that becomes readable. A batch may come in pieces:
// while the loop waits for more, the store does its work on what is there. Where the store itself
// cannot be trusted any more, the loop gives it everything anew. Where it is full, the batch comes
// back, to be tried again together with what has changed meanwhile: that may make room. The two
// threads share three atomic pointers, behind which all belongs to whoever holds them, and a
// number.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "server/store/store.hpp"

namespace gman {

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
  /// Behind what is unwritten. Gives back an empty one, as prepare() does. If the first try makes
  /// it durable, the thread calls `at_once` before there is news of it; otherwise nobody does.
  // Requires: it is idle. Batches are numbered upwards.
  void write(std::uint64_t batch, JobChanges& changes, std::function<void()> at_once = {});
  /// After Lost: the same with a part of everything that is to be stored, in as many parts as it
  /// takes. The last one stands for all batches up to its number.
  enum class Part : std::uint8_t { first, middle, last, only };
  void write_anew(Part part, std::uint64_t batch, JobChanges& changes);

  /// The last batch that is durable, as far as the thread has come: before anything is done at once
  /// that is to follow it, and before the news of it.
  [[nodiscard]] std::uint64_t durable_batch() const { return durable_batch_.load(); }

  /// Readable when there is news.
  [[nodiscard]] int fd() const { return news_fd_; }
  struct Stored {
    std::uint64_t batch;
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
  using News = std::variant<Stored, WrittenAnew, Failing, Lost, Full>;
  /// nullopt: no more for now.
  [[nodiscard]] std::optional<News> take_news();

 private:
  struct Piece {
    JobChanges changes;
    std::optional<std::uint64_t> batch;  ///< it ends this one
    std::optional<Part> part;            ///< of everything anew
    std::function<void()> at_once{};
    Piece* given_before = nullptr;  ///< while the thread has not taken it
  };
  using Pieces = std::vector<std::unique_ptr<Piece>>;
  struct Outcome {
    std::uint64_t batch;
    std::optional<Part> part;
    std::optional<StoreFault> fault;  ///< the store is lost, or full
    bool is_unwritten;                ///< it is full: `pieces` is one, to be given again
    Pieces pieces;
  };

  void give(std::optional<std::uint64_t> batch, JobChanges& changes, std::optional<Part> part,
            std::function<void()> at_once = {});

  void work();
  void take(std::unique_ptr<Piece> piece);
  void gather();
  [[nodiscard]] Outcome commit();
  [[nodiscard]] std::optional<StoreFault> write_batch();
  [[nodiscard]] std::optional<StoreFault> write_part(Part part);
  void tell();
  /// False: the writer is being ended.
  [[nodiscard]] bool wait_before_next_try(milliseconds pause) const;

  std::unique_ptr<Store> store_;
  std::string name_;
  int news_fd_;
  int end_fd_;

  // The loop's.
  bool is_writing_ = false;
  bool has_prepared_ = false;
  std::unique_ptr<Piece> unwritten_;
  Pieces spare_;

  std::atomic<Piece*> given_{nullptr};  ///< the newest, and through it the others
  std::atomic<Outcome*> done_{nullptr};
  std::atomic<StoreFault*> fault_{nullptr};
  std::atomic<std::uint64_t> durable_batch_{0};
  std::atomic<bool> ending_{false};

  // The thread's.
  Pieces batch_;              ///< what it was given of the next batch
  bool is_prepared_ = false;  ///< the store has all of that but the last piece
  milliseconds pause_;        ///< before it tries again
  std::thread thread_;
};

}  // namespace gman
