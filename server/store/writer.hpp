// SPDX-License-Identifier: BSD-3-Clause
// StoreWriter: the thread that has the store while the server runs, so that the loop never waits
// for a disk.
//
// The loop gives it one batch at a time and goes on gathering the next one; it tries until the
// batch is durable, and says so by a descriptor that becomes readable. Where the store itself
// cannot be trusted any more, the loop gives it everything anew. Where it is full, the batch comes
// back, to be tried again together with what has changed meanwhile: that may make room. The two
// threads share two atomic pointers and nothing else: what is behind them belongs to whoever holds
// them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <variant>

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
  [[nodiscard]] bool is_idle() const { return spare_ != nullptr; }
  /// After Full: what it was given last is to be given again.
  // Requires: it is idle.
  [[nodiscard]] bool has_unwritten() const { return spare_->is_unwritten; }
  /// Behind what is unwritten. Gives back an empty one, with the memory of one that was written.
  // Requires: it is idle. Batches are numbered upwards.
  void write(std::uint64_t batch, JobChanges& changes);
  /// After Lost: the same with a part of everything that is to be stored, in as many parts as it
  /// takes. The last one stands for all batches up to its number.
  enum class Part : std::uint8_t { first, middle, last, only };
  void write_anew(Part part, std::uint64_t batch, JobChanges& changes);

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
  /// It was looked at, and is still this server's.
  struct Kept {};
  /// Another server has it. Nothing is to be written any more.
  struct Taken {
    StoreFault fault;
  };
  using News = std::variant<Stored, WrittenAnew, Failing, Lost, Full, Kept, Taken>;
  /// nullopt: no more for now.
  [[nodiscard]] std::optional<News> take_news();

 private:
  struct Batch {
    std::uint64_t number = 0;
    JobChanges changes;
    std::optional<Part> part;         ///< of everything anew
    std::optional<StoreFault> fault;  ///< the store is lost, full, or another server's
    bool is_unwritten = false;        ///< it is full
    bool is_look = false;             ///< nothing is to be written
  };

  void give(std::uint64_t batch, JobChanges& changes, std::optional<Part> part);
  void hand_over();
  void work();
  void commit(Batch& batch);
  [[nodiscard]] std::optional<StoreFault> attempt(Batch& batch);
  [[nodiscard]] std::optional<StoreFault> write_batch(Batch& batch);
  [[nodiscard]] std::optional<StoreFault> write_part(const Batch& batch);
  void tell();
  /// False: the writer is being ended.
  [[nodiscard]] bool wait_before_next_try(milliseconds pause) const;

  std::unique_ptr<Store> store_;
  std::string name_;
  bool can_be_taken_;
  int news_fd_;
  int end_fd_;
  std::unique_ptr<Batch> spare_;
  bool is_looking_ = false;
  std::atomic<Batch*> given_{nullptr};
  std::atomic<Batch*> done_{nullptr};
  std::atomic<StoreFault*> fault_{nullptr};
  std::atomic<bool> ending_{false};
  milliseconds pause_;  ///< the thread's: before it tries again
  std::thread thread_;
};

}  // namespace gman
