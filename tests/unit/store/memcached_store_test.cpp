// SPDX-License-Identifier: BSD-3-Clause
// What the memcached store promises beyond conformance.hpp, with private servers: that what a cache
// loses is noticed.
#include "server/store/memcached/memcached_store.hpp"

#include "server/store/job_value.hpp"
#include "tests/unit/store/conformance.hpp"
#include "tests/unit/store/private_server.hpp"

namespace gman::store_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = StoreFault::Kind;

class PrivateMemcached : public PrivateServer {
 public:
  explicit PrivateMemcached(const std::vector<std::string>& settings = {"-I", "8m"})
      : PrivateServer(command(settings), "server listening") {
    start();
  }
  [[nodiscard]] std::string socket() const { return (directory() / "socket").string(); }
  [[nodiscard]] std::string url() const { return "memcached://" + socket(); }

 private:
  static std::vector<std::string> command(const std::vector<std::string>& settings) {
    std::vector<std::string> all{"memcached", "-s", "%/socket", "-u", "root", "-vv", "-t", "1"};
    all.insert(all.end(), settings.begin(), settings.end());
    return all;
  }
};

class MemcachedPlace : public StorePlace {
 public:
  std::unique_ptr<Store> open() override {
    return std::get<std::unique_ptr<Store>>(open_store(server_.url()));
  }

 private:
  PrivateMemcached server_;
};

INSTANTIATE_TEST_SUITE_P(memcached, StoreConformance,
                         testing::Values([] { return std::make_unique<MemcachedPlace>(); }));

class MemcachedStoreTest : public testing::Test {
 protected:
  [[nodiscard]] static std::unique_ptr<Store> opened(const PrivateMemcached& server) {
    return std::get<std::unique_ptr<Store>>(open_store(server.url()));
  }
  void begin() { begin(server_); }
  void begin(const PrivateMemcached& server) {
    store_.reset();
    store_ = opened(server);
    const auto begun = store_->begin("H:test");
    if (const auto* fault = std::get_if<StoreFault>(&begun)) ADD_FAILURE() << fault->text;
  }
  static JobChanges adding(std::uint64_t first, std::uint64_t count) {
    JobChanges changes;
    for (std::uint64_t i = first; i < first + count; ++i) {
      changes.add(simple_job(numbered(i)).whole());
    }
    return changes;
  }
  void expect_fault(const JobChanges& changes, Kind kind, std::string_view words) {
    const auto fault = store_->commit(changes);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, kind) << fault->text;
    EXPECT_THAT(fault->text, HasSubstr(words));
  }
  std::vector<std::uint64_t> loaded() {
    std::vector<std::uint64_t> indices;
    const auto fault =
        store_->load([&](const JobRecord& job) { indices.push_back(job.number - numbered(0)); },
                     [&](JobNumber number, const std::string& why) {
                       aside_.push_back(std::to_string(number - numbered(0)) + ": " + why);
                     });
    if (fault) ADD_FAILURE() << fault->text;
    return indices;
  }

  PrivateMemcached server_;
  memcached::Client shell_{{{.host = server_.socket()}}, milliseconds(5'000)};
  std::unique_ptr<Store> store_;
  std::vector<std::string> aside_;
};

TEST_F(MemcachedStoreTest, notices_once_that_memcached_was_restarted_and_goes_on) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 3)), std::nullopt);
  server_.kill();
  expect_fault(adding(3, 1), Kind::unavailable, server_.socket());
  expect_fault(adding(3, 1), Kind::unavailable, server_.socket());
  server_.start();
  expect_fault(adding(3, 1), Kind::damaged, "does not know this start");
  EXPECT_EQ(store_->commit(adding(3, 1)), std::nullopt);
  begin();
  EXPECT_THAT(loaded(), ElementsAre(3));
}

TEST_F(MemcachedStoreTest, says_which_jobs_are_in_the_index_and_gone) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 5)), std::nullopt);
  EXPECT_EQ(shell_.remove("gmand:job:" + job_key(numbered(1))), std::nullopt);
  EXPECT_EQ(shell_.set("gmand:job:" + job_key(numbered(2)), "nonsense"), std::nullopt);
  begin();
  EXPECT_THAT(loaded(), ElementsAre(0, 3, 4));
  EXPECT_THAT(aside_,
              ElementsAre("1: memcached has thrown it away", "2: it cannot be read as a job"));
  begin();
  EXPECT_THAT(loaded(), ElementsAre(0, 3, 4));
  EXPECT_THAT(aside_, SizeIs(2));  // and says so once
}

TEST_F(MemcachedStoreTest, says_that_a_part_of_the_index_is_gone) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 3000)), std::nullopt);
  EXPECT_EQ(shell_.remove("gmand:block:" + job_key(numbered(1024) >> 10)), std::nullopt);
  begin();
  EXPECT_THAT(loaded(), SizeIs(3000 - 1024));
  EXPECT_THAT(aside_, ElementsAre(HasSubstr("1024: memcached has lost it, or some")));
}

TEST_F(MemcachedStoreTest, gives_no_start_a_number_that_jobs_have) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 1)), std::nullopt);
  store_.reset();
  EXPECT_EQ(shell_.remove("gmand:owner"), std::nullopt);
  EXPECT_EQ(shell_.remove("gmand:starts"), std::nullopt);
  store_ = opened(server_);
  const auto starts = std::get<std::vector<StoreStart>>(store_->begin("H:next"));
  ASSERT_THAT(starts, SizeIs(1));
  EXPECT_EQ(starts[0].number, 2u);
}

TEST_F(MemcachedStoreTest, refuses_while_the_process_that_has_it_is_alive_here) {
  std::array<char, 256> host{};
  ASSERT_EQ(::gethostname(host.data(), host.size() - 1), 0);
  const std::string parent = std::to_string(::getppid());
  EXPECT_EQ(shell_.set("gmand:owner", "1 " + parent + " " + host.data()), std::nullopt);
  const auto begun = opened(server_)->begin("H:second");
  const auto& fault = std::get<StoreFault>(begun);
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_THAT(fault.text, HasSubstr("process " + parent));

  EXPECT_EQ(shell_.set("gmand:owner", std::string("1 2000000000 ") + host.data()), std::nullopt);
  begin();  // there is no such process
}

TEST_F(MemcachedStoreTest, stores_nothing_more_once_another_server_has_begun) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 1)), std::nullopt);
  EXPECT_EQ(shell_.set("gmand:owner", "2 17 elsewhere"), std::nullopt);
  for (int i = 0; i < 2; ++i) {
    expect_fault(adding(1, 1), Kind::fenced, "process 17 on host elsewhere");
  }
  begin();  // whether a process is alive on another host cannot be told
  EXPECT_THAT(loaded(), ElementsAre(0));
}

TEST_F(MemcachedStoreTest, is_full_where_memcached_throws_nothing_away) {
  const PrivateMemcached small({"-M", "-m", "1", "-I", "512k"});
  begin(small);
  JobChanges much;
  std::string workload(300'000, 'w');
  for (std::uint64_t i = 0; i < 200; ++i) {
    JobRecord job = simple_job(numbered(i)).whole();
    job.function = "f";
    job.workload = workload;
    much.add(job);
  }
  expect_fault(much, Kind::full, "start it with a greater -m");
}

TEST_F(MemcachedStoreTest, says_that_a_job_is_greater_than_an_item_may_be) {
  const PrivateMemcached usual(std::vector<std::string>{});
  begin(usual);
  EXPECT_THAT(store_->warnings(), ElementsAre(HasSubstr("is a cache"), HasSubstr("1048576 bytes")));
  JobChanges large;
  JobRecord job = simple_job(numbered(0)).whole();
  const std::string workload(2'000'000, 'w');
  job.function = "f";
  job.workload = workload;
  large.add(job);
  expect_fault(large, Kind::full, "-I 128m");
  EXPECT_EQ(store_->commit(adding(1, 1)), std::nullopt);
  EXPECT_THAT(loaded(), ElementsAre(1));
}

TEST(memcached_servers, are_read_from_a_url) {
  const auto parsed = [](std::string_view url) {
    const auto servers = memcached::parse_servers(url);
    const auto* good = std::get_if<std::vector<memcached::Server>>(&servers);
    return good == nullptr ? std::get<std::string>(servers) : memcached::name_of(*good);
  };
  EXPECT_EQ(parsed("memcached://host"), "memcached://host:11211");
  EXPECT_EQ(parsed("memcached://a:1,b,c:3"), "memcached://a:1,b:11211,c:3");
  EXPECT_EQ(parsed("memcached:///run/m.sock"), "memcached:///run/m.sock");
  for (const char* url : {"memcached:", "memcached:host", "memcached://", "memcached://,a",
                          "memcached://a,", "memcached://a:", "memcached://a:0",
                          "memcached://a:65536", "memcached://a/x", "memcached://x@a"}) {
    EXPECT_THAT(parsed(url), HasSubstr(": write memcached://")) << url;
  }
}

}  // namespace
}  // namespace gman::store_test
