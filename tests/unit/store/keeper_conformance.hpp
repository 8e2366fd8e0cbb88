// SPDX-License-Identifier: BSD-3-Clause
// What every store promises to people who look after it: all stores but a cache.
//
//   INSTANTIATE_TEST_SUITE_P(sqlite, KeeperConformance, testing::Values(make_my_place));
#pragma once

#include "tests/unit/store/conformance.hpp"

namespace gman::store_test {

class KeeperConformance : public StoreConformance {
 protected:
  std::optional<StoreImport> import_of(const std::string& source) {
    auto found = store_->find_import(source);
    if (const auto* fault = std::get_if<StoreFault>(&found)) ADD_FAILURE() << fault->text;
    auto* import = std::get_if<std::optional<StoreImport>>(&found);
    return import == nullptr ? std::nullopt : *import;
  }

  /// Through another pair of eyes.
  StoreSight look() {
    seen_.clear();
    StoreSight sight;
    const auto fault = place_->open()->look(
        sight, [&](const JobRecord& record) { seen_.push_back(StoredJob::of(record)); },
        [](JobNumber number, const std::string& why) { ADD_FAILURE() << number << ": " << why; });
    if (fault) ADD_FAILURE() << fault->text;
    return sight;
  }

  Jobs seen_;
};

TEST_P(KeeperConformance, knows_what_was_imported_and_whether_that_came_to_its_end) {
  EXPECT_FALSE(import_of("a queue"));
  EXPECT_EQ(store_->note_import("a queue", std::nullopt), std::nullopt);
  EXPECT_EQ(store_->note_import("it's another", std::nullopt), std::nullopt);
  EXPECT_EQ(store_->note_import("it's another", 17), std::nullopt);
  for (int i = 0; i < 2; ++i) {
    const auto unfinished = import_of("a queue");
    ASSERT_TRUE(unfinished);
    EXPECT_EQ(unfinished->jobs, std::nullopt);
    EXPECT_THAT(unfinished->since, testing::MatchesRegex("20[-0-9]+ [:0-9]+ UTC"));
    const auto finished = import_of("it's another");
    ASSERT_TRUE(finished);
    EXPECT_EQ(finished->jobs, 17u);
    EXPECT_FALSE(import_of("a third"));
    reopen();
  }
}

TEST_P(KeeperConformance, is_still_its_servers_when_nothing_has_happened) {
  EXPECT_EQ(store_->keep(), std::nullopt);
  add({simple_job(numbered(0, 1))});
  EXPECT_EQ(store_->keep(), std::nullopt);
}

TEST_P(KeeperConformance, says_of_two_imports_of_a_queue_what_the_later_was) {
  for (const std::uint64_t jobs : {5, 0}) {
    EXPECT_EQ(store_->note_import("a queue", std::nullopt), std::nullopt);
    EXPECT_EQ(store_->note_import("a queue", jobs), std::nullopt);
  }
  EXPECT_EQ(import_of("a queue")->jobs, 0u);
  EXPECT_EQ(store_->note_import("a queue", std::nullopt), std::nullopt);
  EXPECT_EQ(import_of("a queue")->jobs, std::nullopt);
}

TEST_P(KeeperConformance, shows_what_is_in_it_to_who_only_looks) {
  const Jobs jobs{simple_job(numbered(0, 1)), simple_job(numbered(1, 1))};
  add(jobs);
  const StoreSight held = look();
  EXPECT_NE(held.holder, "");
  EXPECT_EQ(seen_, jobs);
  ASSERT_EQ(held.starts.size(), 1u);
  EXPECT_EQ(held.starts[0].number, 1u);
  EXPECT_EQ(held.starts[0].handle_prefix, "H:test:1");
  EXPECT_EQ(held.set_aside, 0u);
  remove({numbered(0, 1)});  // it still has it

  store_.reset();
  for (int i = 0; i < 2; ++i) {  // looking changes nothing
    const StoreSight free = look();
    EXPECT_EQ(free.holder, "");
    EXPECT_EQ(seen_, Jobs{jobs[1]});
    EXPECT_EQ(free.starts.size(), 1u);
  }
  EXPECT_EQ(reopen().back().number, 2u);
}

}  // namespace gman::store_test
