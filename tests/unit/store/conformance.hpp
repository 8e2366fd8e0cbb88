// SPDX-License-Identifier: BSD-3-Clause
// What every store promises, as tests. A store's own test file includes this and says where one of
// its kind can be made and opened again:
//
//   INSTANTIATE_TEST_SUITE_P(sqlite, StoreConformance, testing::Values(make_my_place));
//
// Each test opens the store anew wherever that could make a difference.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "server/store/store.hpp"
#include "tests/unit/store/stored_job.hpp"

namespace gman::store_test {

/// Where a store's data lie: gone when this is.
class StorePlace {
 public:
  StorePlace() = default;
  StorePlace(const StorePlace&) = delete;
  StorePlace& operator=(const StorePlace&) = delete;
  virtual ~StorePlace() = default;
  /// A store on what the last one left here, which is gone.
  [[nodiscard]] virtual std::unique_ptr<Store> open() = 0;
};

using MakePlace = std::function<std::unique_ptr<StorePlace>()>;

class StoreConformance : public testing::TestWithParam<MakePlace> {
 protected:
  void SetUp() override {
    place_ = GetParam()();
    reopen();
  }

  /// Also begins, which all else requires.
  std::vector<StoreStart> reopen() {
    store_.reset();
    store_ = place_->open();
    auto begun = store_->begin("H:test:" + std::to_string(++starts_));
    if (const auto* fault = std::get_if<StoreFault>(&begun)) {
      ADD_FAILURE() << fault->text;
      return {};
    }
    return std::get<std::vector<StoreStart>>(std::move(begun));
  }

  void commit(const JobChanges& changes) {
    if (const auto fault = store_->commit(changes)) ADD_FAILURE() << fault->text;
  }

  void add(const std::vector<StoredJob>& jobs) {
    JobChanges changes;
    for (const StoredJob& job : jobs) changes.add(job.whole());
    commit(changes);
  }

  void remove(const std::vector<JobNumber>& numbers) {
    JobChanges changes;
    for (const JobNumber number : numbers) changes.remove(number);
    commit(changes);
  }

  /// After opening it anew.
  std::vector<StoredJob> loaded() {
    reopen();
    std::vector<StoredJob> jobs;
    const auto fault = store_->load(
        [&](const JobRecord& record) { jobs.push_back(StoredJob::of(record)); },
        [](JobNumber number, const std::string& why) { ADD_FAILURE() << number << ": " << why; });
    if (fault) ADD_FAILURE() << fault->text;
    return jobs;
  }

  /// In the order of their numbers; what is not there goes to missing_.
  std::vector<StoredJob> fetched(const std::vector<JobNumber>& numbers) {
    std::vector<StoredJob> jobs;
    const auto fault = store_->fetch(
        numbers, [&](const JobRecord& record) { jobs.push_back(StoredJob::of(record)); },
        [&](JobNumber number, const std::string&) { missing_.push_back(number); });
    if (fault) ADD_FAILURE() << fault->text;
    std::ranges::sort(jobs, {}, [](const StoredJob& job) { return job.record.number; });
    std::ranges::sort(missing_);
    return jobs;
  }

  std::vector<JobNumber> missing_;
  std::unique_ptr<StorePlace> place_;
  std::unique_ptr<Store> store_;
  int starts_ = 0;
};

using Jobs = std::vector<StoredJob>;

TEST_P(StoreConformance, is_empty_when_it_is_new) {
  EXPECT_EQ(store_->jobs_about(), 0u);
  EXPECT_EQ(loaded(), Jobs{});
}

TEST_P(StoreConformance, gives_back_every_field_of_an_added_job) {
  const Jobs jobs{{.record = {.number = numbered(7),
                              .position = numbered(9),
                              .handle_number = 12'345'678'901,
                              .due_ms = 1'700'000'000'123,
                              .attempts_lost = 4'000'000'000,
                              .priority = Priority::low},
                   .function = "resize",
                   .unique = "cat.png",
                   .reducer = "collect",
                   .workload = "a cat"}};
  add(jobs);
  EXPECT_EQ(loaded(), jobs);
  EXPECT_EQ(loaded(), jobs);  // reading changes nothing
}

TEST_P(StoreConformance, makes_durable_with_a_commit_what_it_has_prepared_for_it) {
  const Jobs jobs{simple_job(numbered(1)), simple_job(numbered(2)), simple_job(numbered(3))};
  add({jobs[0]});
  JobChanges first, second;
  first.add(jobs[1].whole());
  first.remove(numbered(1));
  second.add(jobs[2].whole());
  const bool is_prepared = store_->prepare(first);
  if (!is_prepared) {
    first.append(second);
    std::swap(first, second);
  }
  commit(second);
  EXPECT_EQ(loaded(), (Jobs{jobs[1], jobs[2]}));
}

TEST_P(StoreConformance, forgets_what_it_has_prepared_for_a_commit_that_never_came) {
  const Jobs jobs{simple_job(numbered(1))};
  add(jobs);
  JobChanges more;
  more.add(simple_job(numbered(2)).whole());
  more.remove(numbered(1));
  static_cast<void>(store_->prepare(more));
  EXPECT_EQ(loaded(), jobs);
}

TEST_P(StoreConformance, keeps_each_priority) {
  Jobs jobs;
  for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
    jobs.push_back(simple_job(numbered(jobs.size())));
    jobs.back().record.priority = priority;
  }
  add(jobs);
  EXPECT_EQ(loaded(), jobs);
}

TEST_P(StoreConformance, keeps_the_extremes_of_each_number) {
  Jobs jobs{simple_job(1), simple_job(numbered(1)), simple_job(~std::uint64_t{0})};
  jobs[0].record.position = ~std::uint64_t{0};
  jobs[0].record.handle_number = 0;
  jobs[0].record.due_ms = 0;
  jobs[1].record.position = 0;
  jobs[1].record.handle_number = ~std::uint64_t{0};
  jobs[1].record.due_ms = -1;
  jobs[1].record.attempts_lost = ~std::uint32_t{0};
  jobs[2].record.due_ms = INT64_MAX;
  add(jobs);
  EXPECT_EQ(loaded(), jobs);
}

TEST_P(StoreConformance, gives_jobs_back_in_the_order_of_their_numbers) {
  Jobs jobs;
  for (const std::uint32_t start : {1u, 2u, 255u, 256u, 1u << 22, 1u << 23, store_starts_max}) {
    for (const std::uint64_t index : {0, 1, 9, 10, 255, 256}) {
      jobs.push_back(simple_job(numbered(index, start)));
    }
  }
  Jobs mixed = jobs;
  std::rotate(mixed.begin(), mixed.begin() + 17, mixed.end());
  std::swap(mixed[3], mixed[30]);
  add(mixed);
  EXPECT_EQ(loaded(), jobs);
}

TEST_P(StoreConformance, keeps_any_bytes_in_each_text) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  Jobs jobs;
  for (const std::string& text :
       {bytes, std::string("\0", 1), std::string("a\0b\0", 4), std::string("\xFF\xFE\xC3\x28"),
        std::string("'; DROP TABLE job; --"), std::string("%s\r\n\t\\"), std::string("12"),
        std::string("1e5"), std::string("\xEF\xBB\xBF ")}) {
    StoredJob job = simple_job(numbered(jobs.size()));
    job.function = job.unique = job.reducer = job.workload = text;
    jobs.push_back(std::move(job));
  }
  add(jobs);
  EXPECT_EQ(loaded(), jobs);
}

TEST_P(StoreConformance, keeps_texts_that_are_empty_apart_from_each_other) {
  Jobs jobs(5, simple_job(0));
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i] = {.record = simple_job(numbered(i)).record, .function = ""};
  }
  jobs[1].function = "text";
  jobs[2].unique = "text";
  jobs[3].reducer = "text";
  jobs[4].workload = "text";
  add(jobs);
  EXPECT_EQ(loaded(), jobs);
}

TEST_P(StoreConformance, keeps_workloads_of_each_size_up_to_a_mebibyte) {
  Jobs jobs;
  for (std::size_t size = 1; size <= std::size_t{1} << 20; size *= 4) {
    for (const std::size_t bytes : {size - 1, size, size + 1}) {
      jobs.push_back(simple_job(numbered(jobs.size())));
      std::string& workload = jobs.back().workload;
      workload.assign(bytes, '\0');
      for (std::size_t i = 0; i < bytes; ++i) workload[i] = static_cast<char>(i * 7 + i / 251);
    }
  }
  add(jobs);
  EXPECT_EQ(loaded(), jobs);
}

TEST_P(StoreConformance, forgets_removed_jobs_and_no_others) {
  add({simple_job(numbered(1)), simple_job(numbered(2)), simple_job(numbered(3))});
  remove({numbered(2)});
  EXPECT_EQ(loaded(), (Jobs{simple_job(numbered(1)), simple_job(numbered(3))}));
  remove({numbered(1), numbered(3)});
  EXPECT_EQ(loaded(), Jobs{});
}

TEST_P(StoreConformance, queues_a_job_again_at_its_new_place) {
  Jobs jobs{simple_job(numbered(1)), simple_job(numbered(2))};
  jobs[0].record.due_ms = 1'700'000'000'000;
  jobs[0].workload.assign(100'000, 'w');
  add(jobs);
  JobChanges changes;
  changes.requeue({.number = numbered(1), .position = numbered(99), .attempts_lost = 3});
  commit(changes);
  jobs[0].record.position = numbered(99);
  jobs[0].record.attempts_lost = 3;
  jobs[0].record.due_ms = std::nullopt;
  EXPECT_EQ(loaded(), jobs);
}

TEST_P(StoreConformance, takes_the_last_of_several_requeues_of_a_job) {
  Jobs jobs{simple_job(numbered(1))};
  add(jobs);
  JobChanges changes;
  changes.requeue({.number = numbered(1), .position = numbered(8), .attempts_lost = 1});
  changes.requeue({.number = numbered(1), .position = numbered(9), .attempts_lost = 2});
  commit(changes);
  jobs[0].record.position = numbered(9);
  jobs[0].record.attempts_lost = 2;
  EXPECT_EQ(loaded(), jobs);
}

TEST_P(StoreConformance, adds_requeues_and_removes_one_job_in_one_batch) {
  JobChanges changes;
  changes.add(simple_job(numbered(1)).whole());
  changes.add(simple_job(numbered(2)).whole());
  changes.requeue({.number = numbered(1), .position = numbered(8), .attempts_lost = 1});
  changes.requeue({.number = numbered(2), .position = numbered(9), .attempts_lost = 1});
  changes.remove(numbered(1));
  commit(changes);
  Jobs left{simple_job(numbered(2))};
  left[0].record.position = numbered(9);
  left[0].record.attempts_lost = 1;
  EXPECT_EQ(loaded(), left);
}

TEST_P(StoreConformance, takes_the_same_changes_twice) {
  add({simple_job(numbered(1)), simple_job(numbered(2))});
  JobChanges changes;
  changes.add(simple_job(numbered(3)).whole());
  changes.add(simple_job(numbered(4)).whole());
  changes.requeue({.number = numbered(2), .position = numbered(50), .attempts_lost = 1});
  changes.remove(numbered(1));
  changes.remove(numbered(4));
  commit(changes);
  commit(changes);
  Jobs left{simple_job(numbered(2)), simple_job(numbered(3))};
  left[0].record.position = numbered(50);
  left[0].record.attempts_lost = 1;
  EXPECT_EQ(loaded(), left);
  commit(changes);
  EXPECT_EQ(loaded(), left);
}

TEST_P(StoreConformance, leaves_a_job_as_it_is_when_its_number_is_added_again) {
  const Jobs jobs{simple_job(numbered(1))};
  add(jobs);
  StoredJob other = simple_job(numbered(1));
  other.workload = "another";
  add({other, simple_job(numbered(2))});
  EXPECT_EQ(loaded(), (Jobs{simple_job(numbered(1)), simple_job(numbered(2))}));
}

TEST_P(StoreConformance, does_nothing_about_jobs_that_it_does_not_have) {
  add({simple_job(numbered(2))});
  JobChanges changes;
  changes.requeue({.number = numbered(1), .position = numbered(8), .attempts_lost = 1});
  changes.remove(numbered(1));
  changes.remove(numbered(3));
  commit(changes);
  EXPECT_EQ(loaded(), Jobs{simple_job(numbered(2))});
}

TEST_P(StoreConformance, takes_no_changes_at_all) {
  commit(JobChanges());
  EXPECT_EQ(loaded(), Jobs{});
}

TEST_P(StoreConformance, counts_its_starts) {
  EXPECT_EQ(reopen().back().number, 2u);  // SetUp was the first
  const auto starts = reopen();
  ASSERT_EQ(starts.size(), 1u);  // no job is left of the others
  EXPECT_EQ(starts[0].number, 3u);
  EXPECT_EQ(starts[0].handle_prefix, "H:test:3");
}

TEST_P(StoreConformance, knows_the_handles_of_a_start_while_a_job_of_it_is_left) {
  add({simple_job(numbered(0, 1)), simple_job(numbered((std::uint64_t{1} << 40) - 1, 1))});
  reopen();  // 2: no jobs
  reopen();
  add({simple_job(numbered(5, 3))});
  auto starts = reopen();
  ASSERT_EQ(starts.size(), 3u);
  EXPECT_EQ(starts[0].number, 1u);
  EXPECT_EQ(starts[0].handle_prefix, "H:test:1");
  EXPECT_EQ(starts[1].number, 3u);
  EXPECT_EQ(starts[1].handle_prefix, "H:test:3");
  EXPECT_EQ(starts[2].number, 4u);

  remove({numbered(0, 1)});
  EXPECT_EQ(reopen().front().number, 1u);  // one is left, its last
  remove({numbered((std::uint64_t{1} << 40) - 1, 1)});
  starts = reopen();
  ASSERT_EQ(starts.size(), 2u);
  EXPECT_EQ(starts[0].number, 3u);
  EXPECT_EQ(starts[1].number, 6u);
}

TEST_P(StoreConformance, fetches_the_jobs_that_are_asked_for_and_no_others) {
  Jobs jobs;
  for (const JobNumber number : {JobNumber{1}, numbered(0), numbered(1), numbered(2, 1u << 23),
                                 numbered(3, store_starts_max)}) {
    jobs.push_back(simple_job(number));
  }
  jobs[1].workload = std::string("\0'\\\xFF", 4);
  jobs[2].workload.assign(3'000'000, 'w');
  jobs[3].record.due_ms = 1'700'000'000'123;
  jobs[3].unique = "cat.png";
  add(jobs);
  EXPECT_EQ(fetched({}), Jobs{});
  EXPECT_EQ(fetched({jobs[3].record.number, jobs[0].record.number}), (Jobs{jobs[0], jobs[3]}));
  reopen();
  EXPECT_EQ(fetched({jobs[4].record.number, jobs[2].record.number, jobs[1].record.number}),
            (Jobs{jobs[1], jobs[2], jobs[4]}));
  EXPECT_EQ(missing_, std::vector<JobNumber>{});
  EXPECT_EQ(loaded(), jobs);  // reading changes nothing
}

TEST_P(StoreConformance, fetches_a_job_as_the_last_commit_has_left_it) {
  add({simple_job(numbered(1)), simple_job(numbered(2))});
  JobChanges changes;
  changes.requeue({.number = numbered(1), .position = numbered(9), .attempts_lost = 2});
  changes.remove(numbered(2));
  commit(changes);
  Jobs again{simple_job(numbered(1))};
  again[0].record.position = numbered(9);
  again[0].record.attempts_lost = 2;
  EXPECT_EQ(fetched({numbered(1), numbered(2)}), again);
  EXPECT_EQ(missing_, std::vector{numbered(2)});
}

TEST_P(StoreConformance, tells_of_each_job_that_it_does_not_have) {
  add({simple_job(numbered(2))});
  EXPECT_EQ(fetched({numbered(3), numbered(2), numbered(1)}), Jobs{simple_job(numbered(2))});
  EXPECT_EQ(missing_, (std::vector{numbered(1), numbered(3)}));
}

TEST_P(StoreConformance, fetches_thousands_at_once) {
  Jobs jobs;
  std::vector<JobNumber> numbers;
  for (std::uint64_t index = 0; index < 3000; ++index) {
    jobs.push_back(simple_job(numbered(index)));
    numbers.push_back(numbered(index));
  }
  add(jobs);
  EXPECT_TRUE(fetched(numbers) == jobs);
}

TEST_P(StoreConformance, keeps_ten_thousand_jobs_through_batches_of_each_size) {
  constexpr std::uint64_t count = 10'000;
  Jobs jobs;
  for (std::uint64_t index = 0; index < count; ++index) jobs.push_back(simple_job(numbered(index)));
  std::size_t sent = 0;
  for (std::size_t batch = 1; sent < count; batch = batch * 2 + 1) {
    JobChanges changes;
    const std::size_t end = std::min<std::size_t>(count, sent + batch);
    for (; sent < end; ++sent) changes.add(jobs[sent].whole());
    commit(changes);
  }
  EXPECT_TRUE(loaded() == jobs);
  EXPECT_GE(store_->jobs_about(), count / 2);
  EXPECT_LE(store_->jobs_about(), count * 2);

  JobChanges changes;
  Jobs odd;
  for (const StoredJob& job : jobs) {
    if (job.record.number % 2 == 0) {
      changes.remove(job.record.number);
    } else {
      odd.push_back(job);
    }
  }
  commit(changes);
  EXPECT_TRUE(loaded() == odd);
}

}  // namespace gman::store_test
