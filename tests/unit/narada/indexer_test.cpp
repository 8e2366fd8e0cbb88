// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/indexer.hpp"

#include <gtest/gtest.h>

#include <latch>
#include <set>
#include <thread>

namespace gman::narada {
namespace {

TEST(indexer, writes_what_arrives_meanwhile_in_one_batch) {
  // The first write holds the door until all others have at least been started; how many of them
  // have arrived by then is the scheduler's affair, so only what must hold is asked.
  constexpr int others = 8;
  std::latch first_is_writing(1);
  std::latch others_started(others);
  std::vector<std::size_t> batches;  // written by one thread at a time, as promised
  std::set<std::string> urls;
  Indexer indexer([&](std::span<const Document> documents) -> Result<void> {
    batches.push_back(documents.size());
    for (const Document& document : documents) urls.insert(document.url);
    if (batches.size() == 1) {
      first_is_writing.count_down();
      others_started.wait();
    }
    return {};
  });
  std::thread first([&] { EXPECT_TRUE(indexer.put({"u:first", "", ""})); });
  first_is_writing.wait();
  std::vector<std::thread> threads;
  threads.reserve(others);
  for (int i = 0; i < others; ++i) {
    threads.emplace_back([&, i] {
      others_started.count_down();
      EXPECT_TRUE(indexer.put({"u:" + std::to_string(i), "", ""}));
    });
  }
  first.join();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(urls.size(), 1u + others);
  EXPECT_EQ(batches.front(), 1u);
  std::size_t written = 0;
  for (const std::size_t batch : batches) written += batch;
  EXPECT_EQ(written, 1u + others);
}

TEST(indexer, tells_everybody_of_a_batch_when_it_could_not_be_written) {
  int writes = 0;
  Indexer indexer([&](std::span<const Document>) -> Result<void> {
    return ++writes == 1 ? Result<void>(Trouble::passing("disk full")) : Result<void>();
  });
  const auto result = indexer.put({"u:1", "", ""});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "disk full");
  EXPECT_TRUE(result.error().is_passing());
  EXPECT_TRUE(indexer.put({"u:1", "", ""}));
}

TEST(indexer, goes_on_after_a_batch_that_no_memory_was_left_for) {
  int writes = 0;
  Indexer indexer([&](std::span<const Document>) -> Result<void> {
    if (++writes == 1) throw std::bad_alloc();
    return {};
  });
  const auto result = indexer.put({"u:1", "", ""});
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is_passing());
  EXPECT_TRUE(indexer.put({"u:1", "", ""}));
}

}  // namespace
}  // namespace gman::narada
