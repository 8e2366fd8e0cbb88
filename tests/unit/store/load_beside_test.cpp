// SPDX-License-Identifier: BSD-3-Clause
// Loading on a thread of its own gives the same as loading, in the same order.
#include "server/store/load_beside.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tests/unit/store/stored_job.hpp"

namespace gman {
namespace {

using store_test::numbered;
using store_test::simple_job;
using store_test::StoredJob;

/// A store whose load() is what a test says.
class LoadedStore : public Store {
 public:
  using Load = std::function<std::optional<StoreFault>(const Take&, const SetAside&)>;
  explicit LoadedStore(Load load) : load_(std::move(load)) {}
  [[nodiscard]] std::string name() const override { return "loaded:"; }
  [[nodiscard]] std::variant<std::vector<StoreStart>, StoreFault> begin(std::string_view) override {
    return std::vector<StoreStart>{};
  }
  [[nodiscard]] std::uint64_t jobs_about() override { return 0; }
  [[nodiscard]] std::optional<StoreFault> load(const Take& take,
                                               const SetAside& set_aside) override {
    return load_(take, set_aside);
  }
  [[nodiscard]] std::optional<StoreFault> fetch(std::span<const JobNumber>, const Take&,
                                                const SetAside&) override {
    return std::nullopt;
  }
  [[nodiscard]] std::optional<StoreFault> commit(const JobChanges&) override {
    return std::nullopt;
  }
  [[nodiscard]] FoundImport find_import(const std::string&) override { return std::nullopt; }
  [[nodiscard]] std::optional<StoreFault> note_import(const std::string&,
                                                      std::optional<std::uint64_t>) override {
    return std::nullopt;
  }
  [[nodiscard]] std::optional<StoreFault> look(StoreSight&, const Take&, const SetAside&) override {
    return std::nullopt;
  }

 private:
  Load load_;
};

struct Loaded {
  std::vector<StoredJob> jobs;
  std::vector<std::pair<JobNumber, std::string>> aside;
  std::optional<StoreFault> fault;
};

Loaded loaded(LoadedStore::Load load) {
  LoadedStore store(std::move(load));
  Loaded result;
  result.fault = load_beside(
      store, [&](const JobRecord& job) { result.jobs.push_back(StoredJob::of(job)); },
      [&](JobNumber number, const std::string& why) { result.aside.emplace_back(number, why); });
  return result;
}

TEST(load_beside, gives_every_job_in_order) {
  std::vector<StoredJob> jobs;
  for (std::uint64_t i = 0; i < 20'000; ++i) jobs.push_back(simple_job(numbered(i)));
  jobs[7].workload.assign(3u << 20, 'x');  // more than is handed over at once
  const Loaded result = loaded([&](const Store::Take& take, const Store::SetAside&) {
    for (const StoredJob& job : jobs) take(job.whole());
    return std::optional<StoreFault>();
  });
  EXPECT_TRUE(result.jobs == jobs);
  EXPECT_FALSE(result.fault);
}

TEST(load_beside, gives_nothing_of_an_empty_store) {
  const Loaded result = loaded(
      [](const Store::Take&, const Store::SetAside&) { return std::optional<StoreFault>(); });
  EXPECT_TRUE(result.jobs.empty());
  EXPECT_TRUE(result.aside.empty());
}

TEST(load_beside, tells_what_was_set_aside_and_the_fault_that_ended_it) {
  const Loaded result = loaded([](const Store::Take& take, const Store::SetAside& set_aside) {
    take(simple_job(numbered(1)).whole());
    for (std::uint64_t i = 0; i < 5'000; ++i) set_aside(numbered(i), "damaged");
    return std::optional(StoreFault{StoreFault::Kind::unavailable, "the disk is gone"});
  });
  EXPECT_EQ(result.jobs.size(), 1u);
  ASSERT_EQ(result.aside.size(), 5'000u);
  EXPECT_EQ(result.aside.back(), std::pair(numbered(4'999), std::string("damaged")));
  ASSERT_TRUE(result.fault);
  EXPECT_EQ(result.fault->text, "the disk is gone");
}

TEST(load_beside, ends_what_it_began_when_a_job_cannot_be_taken) {
  LoadedStore store([](const Store::Take& take, const Store::SetAside&) {
    for (std::uint64_t i = 0; i < 50'000; ++i) take(simple_job(numbered(i)).whole());
    return std::optional<StoreFault>();
  });
  const auto refuse = [](const JobRecord&) { throw std::bad_alloc(); };
  EXPECT_THROW(static_cast<void>(load_beside(store, refuse, [](JobNumber, const std::string&) {})),
               std::bad_alloc);
}

}  // namespace
}  // namespace gman
