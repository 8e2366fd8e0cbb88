// SPDX-License-Identifier: BSD-3-Clause
// The writer's thread and what it makes of a store's faults, with a store that fails as it is told.
#include "server/store/writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/unit/store/stored_job.hpp"

namespace gman {
namespace {

using store_test::numbered;
using store_test::simple_job;
using testing::ElementsAre;

/// What is durable, and what the store is to say to the next calls. The thread has it between a
/// write and the news of it.
struct Disk {
  std::vector<JobNumber> jobs;
  std::deque<std::optional<StoreFault>> commit_faults;  ///< of the next commits
  std::optional<StoreFault> holder_fault;
  bool prepares = true;
  std::vector<std::string> calls;
};

class FakeStore : public Store {
 public:
  explicit FakeStore(Disk& disk) : disk_(disk) {}
  [[nodiscard]] std::string name() const override { return "fake:"; }
  [[nodiscard]] std::variant<std::vector<StoreStart>, StoreFault> begin(std::string_view) override {
    return std::vector<StoreStart>{};
  }
  [[nodiscard]] std::uint64_t jobs_about() override { return disk_.jobs.size(); }
  [[nodiscard]] std::optional<StoreFault> load(const Take&, const SetAside&) override {
    return std::nullopt;
  }
  [[nodiscard]] std::optional<StoreFault> fetch(std::span<const JobNumber> numbers,
                                                const Take& take,
                                                const SetAside& set_aside) override {
    disk_.calls.emplace_back("fetch " + std::to_string(numbers.size()));
    for (const JobNumber number : numbers) {
      if (std::ranges::find(disk_.jobs, number) == disk_.jobs.end()) {
        set_aside(number, "it is not there");
      } else {
        take(simple_job(number).whole());
      }
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<StoreFault> commit(const JobChanges& changes) override {
    disk_.calls.emplace_back("commit " + std::to_string(changes.added_count()));
    const auto prepared = std::exchange(prepared_, {});
    if (!disk_.commit_faults.empty()) {
      auto fault = disk_.commit_faults.front();
      disk_.commit_faults.pop_front();
      if (fault) return fault;
    }
    disk_.jobs.insert(disk_.jobs.end(), prepared.begin(), prepared.end());
    for (std::size_t i = 0; i < changes.added_count(); ++i) {
      disk_.jobs.push_back(changes.added(i).number);
    }
    for (const JobNumber number : changes.removed()) std::erase(disk_.jobs, number);
    return std::nullopt;
  }
  [[nodiscard]] bool can_be_taken() const override { return true; }
  [[nodiscard]] std::optional<StoreFault> keep() override {
    disk_.calls.emplace_back("keep");
    return disk_.holder_fault;
  }
  [[nodiscard]] FoundImport find_import(const std::string&) override { return std::nullopt; }
  [[nodiscard]] std::optional<StoreFault> note_import(const std::string&,
                                                      std::optional<std::uint64_t>) override {
    return std::nullopt;
  }
  [[nodiscard]] std::optional<StoreFault> look(StoreSight&, const Take&, const SetAside&) override {
    return std::nullopt;
  }
  [[nodiscard]] bool prepare(const JobChanges& changes) override {
    disk_.calls.emplace_back("prepare " + std::to_string(changes.added_count()));
    if (!disk_.prepares) return false;
    for (std::size_t i = 0; i < changes.added_count(); ++i) {
      prepared_.push_back(changes.added(i).number);
    }
    return true;
  }
  [[nodiscard]] std::optional<StoreFault> start_over() override {
    disk_.calls.emplace_back("start over");
    disk_.jobs.clear();
    return std::nullopt;
  }

 private:
  Disk& disk_;
  std::vector<JobNumber> prepared_;
};

StoreFault fault(StoreFault::Kind kind) {
  return {kind, "the disk says no"};
}

class Writer : public testing::Test {
 protected:
  Disk disk_;
  StoreWriter writer_{std::make_unique<FakeStore>(disk_)};

  static JobChanges jobs(std::initializer_list<std::uint64_t> indices) {
    JobChanges changes;
    for (const auto index : indices) changes.add(simple_job(numbered(index)).whole());
    return changes;
  }
  void prepare(std::initializer_list<std::uint64_t> indices) {
    JobChanges changes = jobs(indices);
    writer_.prepare(changes);
    EXPECT_TRUE(changes.empty());
  }
  void write(std::uint64_t batch, std::initializer_list<std::uint64_t> indices) {
    JobChanges changes = jobs(indices);
    writer_.write(batch, changes);
    EXPECT_TRUE(changes.empty());
  }
  StoreWriter::News news() {
    while (true) {
      if (auto some = writer_.take_news()) return *std::move(some);
      pollfd readable{.fd = writer_.fd(), .events = POLLIN, .revents = 0};
      if (::poll(&readable, 1, 30'000) == 1) continue;
      ADD_FAILURE() << "the writer says nothing";
      return StoreWriter::WrittenAnew{};
    }
  }
  void expect_stored(std::uint64_t batch) {
    const auto some = news();
    const auto* stored = std::get_if<StoreWriter::Stored>(&some);
    ASSERT_NE(stored, nullptr);
    EXPECT_EQ(stored->batch, batch);
    EXPECT_TRUE(writer_.is_idle());
  }
};

TEST_F(Writer, says_when_a_batch_is_durable) {
  EXPECT_TRUE(writer_.is_idle());
  write(7, {1, 2});
  EXPECT_FALSE(writer_.is_idle());
  expect_stored(7);
  EXPECT_FALSE(writer_.has_unwritten());
  EXPECT_THAT(disk_.jobs, ElementsAre(numbered(1), numbered(2)));
}

TEST_F(Writer, has_the_store_prepare_the_pieces_of_a_batch_and_commit_its_end) {
  prepare({1, 2});
  prepare({3});
  EXPECT_TRUE(writer_.is_idle());
  EXPECT_TRUE(writer_.has_unwritten());
  write(1, {4});
  expect_stored(1);
  EXPECT_THAT(disk_.jobs, ElementsAre(numbered(1), numbered(2), numbered(3), numbered(4)));
  EXPECT_THAT(disk_.calls, ElementsAre("prepare 2", "prepare 1", "commit 1"));
  write(2, {5});
  expect_stored(2);
  EXPECT_EQ(disk_.calls.back(), "commit 1");
}

TEST_F(Writer, commits_what_was_prepared_though_nothing_follows) {
  prepare({1});
  write(1, {});
  expect_stored(1);
  EXPECT_THAT(disk_.jobs, ElementsAre(numbered(1)));
}

TEST_F(Writer, gives_a_store_that_prepares_nothing_the_pieces_as_one) {
  disk_.prepares = false;
  prepare({1});
  prepare({2});
  write(1, {3});
  expect_stored(1);
  EXPECT_THAT(disk_.jobs, ElementsAre(numbered(1), numbered(2), numbered(3)));
  EXPECT_THAT(disk_.calls, ElementsAre("prepare 1", "commit 3"));
}

TEST_F(Writer, tries_all_of_a_batch_again_after_a_fault) {
  disk_.commit_faults = {fault(StoreFault::Kind::unavailable)};
  prepare({1});
  write(1, {2});
  auto some = news();
  if (std::holds_alternative<StoreWriter::Failing>(some)) some = news();
  ASSERT_TRUE(std::holds_alternative<StoreWriter::Stored>(some));
  EXPECT_THAT(disk_.jobs, ElementsAre(numbered(1), numbered(2)));
  EXPECT_THAT(disk_.calls, ElementsAre("prepare 1", "commit 1", "commit 2"));
}

TEST_F(Writer, gives_a_full_stores_batch_back_and_writes_it_with_the_next) {
  disk_.commit_faults = {fault(StoreFault::Kind::full)};
  prepare({1});
  write(1, {2});
  EXPECT_TRUE(std::holds_alternative<StoreWriter::Full>(news()));
  EXPECT_TRUE(writer_.is_idle());
  EXPECT_TRUE(writer_.has_unwritten());
  prepare({3});
  write(2, {4});
  expect_stored(2);
  EXPECT_FALSE(writer_.has_unwritten());
  EXPECT_THAT(disk_.jobs, ElementsAre(numbered(1), numbered(2), numbered(3), numbered(4)));
  EXPECT_EQ(disk_.calls.back(), "commit 4");
}

TEST_F(Writer, removes_from_a_full_store_what_is_done) {
  write(1, {1});
  expect_stored(1);
  disk_.commit_faults = {fault(StoreFault::Kind::full), std::nullopt,
                         fault(StoreFault::Kind::full)};
  JobChanges changes = jobs({2});
  changes.remove(numbered(1));
  writer_.write(2, changes);
  EXPECT_TRUE(std::holds_alternative<StoreWriter::Full>(news()));
  EXPECT_TRUE(disk_.jobs.empty());
  write(3, {});
  expect_stored(3);
  EXPECT_THAT(disk_.jobs, ElementsAre(numbered(2)));
}

TEST_F(Writer, is_given_everything_anew_when_the_store_trusts_nothing) {
  disk_.commit_faults = {fault(StoreFault::Kind::failing)};
  write(1, {1, 2});
  EXPECT_TRUE(std::holds_alternative<StoreWriter::Lost>(news()));
  JobChanges some = jobs({1});
  writer_.write_anew(StoreWriter::Part::first, 1, some);
  EXPECT_TRUE(std::holds_alternative<StoreWriter::WrittenAnew>(news()));
  some = jobs({2});
  writer_.write_anew(StoreWriter::Part::last, 1, some);
  expect_stored(1);
  EXPECT_THAT(disk_.jobs, ElementsAre(numbered(1), numbered(2)));
}

TEST_F(Writer, does_at_once_what_is_to_follow_a_batch_that_is_durable) {
  bool is_done = false;
  JobChanges changes = jobs({1});
  writer_.write(1, changes, {.at_once = [&] { is_done = disk_.jobs.size() == 1; }});
  expect_stored(1);
  EXPECT_TRUE(is_done);
}

TEST_F(Writer, leaves_undone_what_was_to_follow_a_batch_that_was_tried_twice) {
  disk_.commit_faults = {fault(StoreFault::Kind::unavailable)};
  bool is_done = false;
  JobChanges changes = jobs({1});
  writer_.write(1, changes, {.at_once = [&] { is_done = true; }});
  while (!std::holds_alternative<StoreWriter::Stored>(news())) {
  }
  EXPECT_FALSE(is_done);
}

TEST_F(Writer, asks_whether_the_store_is_still_its_own) {
  writer_.look();
  EXPECT_TRUE(writer_.is_looking());
  EXPECT_TRUE(std::holds_alternative<StoreWriter::Kept>(news()));
  EXPECT_FALSE(writer_.is_looking());
  disk_.holder_fault = fault(StoreFault::Kind::fenced);
  writer_.look();
  EXPECT_TRUE(std::holds_alternative<StoreWriter::Taken>(news()));
}

TEST_F(Writer, says_that_the_store_is_taken_and_tries_no_more) {
  disk_.commit_faults = {fault(StoreFault::Kind::fenced)};
  prepare({1});
  write(1, {2});
  EXPECT_TRUE(std::holds_alternative<StoreWriter::Taken>(news()));
  EXPECT_TRUE(disk_.jobs.empty());
}

TEST_F(Writer, reads_what_is_wanted_behind_the_batch_that_has_it) {
  JobChanges changes = jobs({1, 2});
  writer_.write(1, changes, {.wanted = {numbered(2), numbered(3)}});
  expect_stored(1);
  auto some = news();
  auto* fetched = std::get_if<std::unique_ptr<StoreWriter::Fetched>>(&some);
  ASSERT_NE(fetched, nullptr);
  ASSERT_EQ((*fetched)->jobs.added_count(), 1u);
  EXPECT_EQ((*fetched)->jobs.added(0).number, numbered(2));
  ASSERT_EQ((*fetched)->lost.size(), 1u);
  EXPECT_EQ((*fetched)->lost[0].number, numbered(3));
}

TEST_F(Writer, ends_while_it_is_given_pieces) {
  prepare({1});
  prepare({2});
}

}  // namespace
}  // namespace gman
