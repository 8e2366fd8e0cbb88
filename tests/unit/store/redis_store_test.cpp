// SPDX-License-Identifier: BSD-3-Clause
// What the Redis store promises beyond conformance.hpp, with private servers: about crashes of
// Redis, about a second gmand, and about what a server answers instead of doing as it is told.
#include "server/store/redis/redis_store.hpp"

#include "server/store/job_value.hpp"
#include "server/store/redis/connection.hpp"
#include "server/store/redis/scripts.hpp"
#include "tests/unit/store/keeper_conformance.hpp"
#include "tests/unit/store/private_server.hpp"

namespace gman::store_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Kind = StoreFault::Kind;

class PrivateRedis : public PrivateServer {
 public:
  explicit PrivateRedis(const std::vector<std::string>& settings = {})
      : PrivateServer(command(settings), "ready to accept connections at") {
    start();
  }
  [[nodiscard]] std::string url() const { return "redis+unix://" + socket(); }
  [[nodiscard]] std::string socket() const { return (directory() / "socket").string(); }

 private:
  static std::vector<std::string> command(const std::vector<std::string>& settings) {
    std::vector<std::string> all{"redis-server",
                                 "--port",
                                 "0",
                                 "--unixsocket",
                                 "%/socket",
                                 "--dir",
                                 "%",
                                 "--appendonly",
                                 "yes",
                                 "--appendfsync",
                                 "always",
                                 "--save",
                                 ""};
    all.insert(all.end(), settings.begin(), settings.end());
    return all;
  }
};

/// Somebody else with redis-cli.
class Shell {
 public:
  explicit Shell(const PrivateRedis& server, std::string password = "")
      : connection_({.host = "", .socket = server.socket(), .password = std::move(password)}) {
    const auto fault = connection_.open(milliseconds(5'000), milliseconds(5'000));
    if (fault) ADD_FAILURE() << fault->text;
  }
  std::string run(std::initializer_list<std::string_view> command) {
    return text(connection_.ask(command));
  }
  std::string script(std::string_view script, const std::vector<std::string_view>& arguments) {
    redis::Script known{script};
    return text(connection_.run(known, arguments));
  }

 private:
  static std::string text(const redis::Connection::Answer& answer) {
    if (const auto* fault = std::get_if<StoreFault>(&answer)) return fault->text;
    return text(*std::get<redis::Reply>(answer));
  }
  /// An array's elements with "|" between them.
  static std::string text(const redisReply& reply) {
    if (reply.type == REDIS_REPLY_INTEGER) return std::to_string(reply.integer);
    if (reply.type != REDIS_REPLY_ARRAY) return std::string(redis::text_of(reply));
    std::string all;
    for (const redisReply* element : redis::elements_of(reply)) {
      all += (all.empty() ? "" : "|") + text(*element);
    }
    return all;
  }
  redis::Connection connection_;
};

/// One server for all of them, emptied for each.
class RedisPlace : public StorePlace {
 public:
  RedisPlace() { EXPECT_EQ(Shell(server()).run({"FLUSHALL"}), "OK"); }
  std::unique_ptr<Store> open() override {
    auto opened = open_store(server().url() + "?db=3");
    return std::get<std::unique_ptr<Store>>(std::move(opened));
  }

 private:
  static const PrivateRedis& server() {
    static const PrivateRedis server;
    return server;
  }
};

constexpr auto make_place = [] { return std::make_unique<RedisPlace>(); };
INSTANTIATE_TEST_SUITE_P(redis, StoreConformance, testing::Values(make_place));
INSTANTIATE_TEST_SUITE_P(redis, KeeperConformance, testing::Values(make_place));

class RedisStoreTest : public testing::Test {
 protected:
  // A test may break a connection under a store's hands: gmand ignores the signal, too.
  void SetUp() override { ::signal(SIGPIPE, SIG_IGN); }

  [[nodiscard]] std::unique_ptr<RedisStore> opened(const RedisSettings& settings = {},
                                                   const std::string& credentials = "") const {
    auto address = redis::parse_address("redis+unix://" + credentials + server_.socket());
    return std::make_unique<RedisStore>(std::get<redis::Address>(address), settings);
  }
  void begin(const RedisSettings& settings = {}) {
    store_.reset();
    store_ = opened(settings);
    const auto begun = store_->begin("H:test");
    if (const auto* fault = std::get_if<StoreFault>(&begun)) ADD_FAILURE() << fault->text;
  }
  StoreFault fault_of_begin(const std::string& credentials = "") {
    auto begun = opened({}, credentials)->begin("H:test");
    if (const auto* fault = std::get_if<StoreFault>(&begun)) return *fault;
    ADD_FAILURE() << "it begins";
    return {};
  }

  static JobChanges adding(std::uint64_t first, std::uint64_t count) {
    JobChanges changes;
    for (std::uint64_t i = first; i < first + count; ++i) {
      changes.add(simple_job(numbered(i)).whole());
    }
    return changes;
  }
  static JobChanges removing(std::uint64_t first, std::uint64_t count) {
    JobChanges changes;
    for (std::uint64_t i = first; i < first + count; ++i) changes.remove(numbered(i));
    return changes;
  }
  void expect_fault(const JobChanges& changes, Kind kind, std::string_view words) {
    const auto fault = store_->commit(changes);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, kind) << fault->text;
    EXPECT_THAT(fault->text, HasSubstr(words));
  }

  std::vector<std::uint64_t> loaded(Store& store) {
    std::vector<std::uint64_t> indices;
    const auto fault = store.load(
        [&](const JobRecord& job) {
          const std::uint64_t index = job.number - numbered(0);
          EXPECT_EQ(StoredJob::of(job), simple_job(job.number));
          indices.push_back(index);
        },
        [&](JobNumber number, const std::string& why) {
          aside_.push_back(std::to_string(number - numbered(0)) + ": " + why);
        });
    if (fault) ADD_FAILURE() << fault->text;
    return indices;
  }
  std::vector<std::uint64_t> loaded() { return loaded(*store_); }

  PrivateRedis server_;
  std::unique_ptr<RedisStore> store_;
  std::vector<std::string> aside_;
};

TEST_F(RedisStoreTest, loses_nothing_when_redis_is_killed_between_commits) {
  begin();
  std::vector<std::uint64_t> all;
  for (std::uint64_t round = 0; round < 5; ++round) {
    EXPECT_EQ(store_->commit(adding(10 * round, 5)), std::nullopt);
    server_.kill();
    expect_fault(adding(10 * round + 5, 5), Kind::unavailable, "");
    expect_fault(adding(10 * round + 5, 5), Kind::unavailable, "connecting");
    server_.start();
    EXPECT_EQ(store_->commit(adding(10 * round + 5, 5)), std::nullopt);
    for (std::uint64_t i = 0; i < 10; ++i) all.push_back(10 * round + i);
  }
  EXPECT_EQ(loaded(), all);
  server_.kill();
  store_.reset();
  server_.start();
  begin();
  EXPECT_EQ(loaded(), all);
}

TEST_F(RedisStoreTest, loads_through_a_connection_that_was_lost) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 3)), std::nullopt);
  server_.kill();
  server_.start();
  expect_fault(adding(3, 1), Kind::unavailable, "");
  EXPECT_THAT(loaded(), ElementsAre(0, 1, 2));
}

TEST_F(RedisStoreTest, loads_page_after_page_however_small_they_are) {
  for (const RedisSettings& settings :
       {RedisSettings{.page_jobs_max = 1}, RedisSettings{.page_jobs_max = 7},
        RedisSettings{.page_bytes_max = 1}, RedisSettings{.page_bytes_max = 500}}) {
    Shell(server_).run({"FLUSHALL"});
    begin(settings);
    EXPECT_EQ(store_->commit(adding(0, 50)), std::nullopt);
    EXPECT_EQ(loaded().size(), 50u);
  }
}

TEST_F(RedisStoreTest, lets_no_second_server_have_it_and_says_who_has_it) {
  begin();
  const StoreFault fault = fault_of_begin();
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_THAT(fault.text,
              AllOf(HasSubstr("process " + std::to_string(::getpid())), HasSubstr("on host ")));
  EXPECT_EQ(store_->commit(adding(0, 1)), std::nullopt);  // and the first one goes on
  store_.reset();
  begin();
  EXPECT_THAT(loaded(), ElementsAre(0));
}

TEST_F(RedisStoreTest, lets_no_second_server_have_it_after_the_first_has_connected_again) {
  begin();
  server_.kill();
  server_.start();
  expect_fault(adding(0, 1), Kind::unavailable, "");
  EXPECT_EQ(store_->commit(adding(0, 1)), std::nullopt);
  EXPECT_EQ(fault_of_begin().kind, Kind::refused);
}

TEST_F(RedisStoreTest, lets_one_of_two_servers_begin_that_have_both_found_it_free) {
  begin();
  store_.reset();
  const std::vector<std::string_view> arguments{"1", "H:other", "here", "1", "gmand:x", "99", "0"};
  Shell shell(server_);
  EXPECT_EQ(shell.script(redis::begin_script, arguments), "begun|2|2|H:other");
  EXPECT_EQ(shell.script(redis::begin_script, arguments), "taken|2|here|1");
}

TEST_F(RedisStoreTest, changes_nothing_once_another_server_has_begun) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 3)), std::nullopt);
  std::unique_ptr<RedisStore> cut_off;
  cut_off.swap(store_);
  Shell shell(server_);
  EXPECT_EQ(shell.run({"CLIENT", "KILL", "ID", shell.run({"HGET", "gmand:owner", "client_id"})}),
            "1");
  begin();  // at once
  EXPECT_THAT(loaded(), ElementsAre(0, 1, 2));

  std::optional<StoreFault> fault;
  for (int i = 0; i < 3; ++i) fault = cut_off->commit(removing(0, 3));
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::fenced) << fault->text;
  EXPECT_THAT(fault->text, AllOf(HasSubstr("process " + std::to_string(::getpid())),
                                 HasSubstr("began after this one")));
  EXPECT_EQ(store_->commit(adding(3, 1)), std::nullopt);
  EXPECT_THAT(loaded(), ElementsAre(0, 1, 2, 3));
}

TEST_F(RedisStoreTest, is_fenced_also_on_a_connection_that_has_held) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 1)), std::nullopt);
  Shell shell(server_);
  EXPECT_THAT(
      shell.script(redis::begin_script, {"1", "H:other", "elsewhere", "17", "gmand:x", "99", "0"}),
      HasSubstr("begun|2|"));
  const auto looked = store_->keep();
  ASSERT_TRUE(looked);
  EXPECT_EQ(looked->kind, Kind::fenced);
  for (int i = 0; i < 2; ++i) {
    expect_fault(removing(0, 1), Kind::fenced, "process 17 on host elsewhere");
  }
  store_.reset();  // and the end of the one that was cut off takes nothing from the other
  EXPECT_EQ(shell.run({"HGET", "gmand:owner", "host"}), "elsewhere");
  EXPECT_EQ(shell.run({"ZCARD", "gmand:index"}), "1");
}

TEST_F(RedisStoreTest, takes_no_attempt_that_comes_after_a_later_one) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 1)), std::nullopt);
  EXPECT_EQ(store_->commit(removing(0, 1)), std::nullopt);
  Shell shell(server_);
  const std::string key = job_key(numbered(0));
  const std::vector<std::string_view> late{"1", "1", "0", "1", key, "value", "0"};
  EXPECT_EQ(shell.script(redis::commit_script, late), "late");
  EXPECT_THAT(loaded(), IsEmpty());
}

TEST_F(RedisStoreTest, gives_up_waiting_for_a_server_that_hangs_and_takes_the_same_again) {
  begin({.connect_max = milliseconds(50), .answer_max = milliseconds(50)});
  EXPECT_EQ(store_->commit(adding(0, 1)), std::nullopt);
  server_.signal(SIGSTOP);
  expect_fault(adding(1, 2), Kind::unavailable, "no answer in time");
  expect_fault(adding(1, 2), Kind::unavailable, "");
  server_.signal(SIGCONT);
  std::optional<StoreFault> fault = store_->commit(adding(1, 2));
  for (int i = 0; i < 100 && fault; ++i) fault = store_->commit(adding(1, 2));
  EXPECT_EQ(fault, std::nullopt);
  EXPECT_EQ(store_->commit(removing(1, 1)), std::nullopt);
  EXPECT_THAT(loaded(), ElementsAre(0, 2));
}

TEST_F(RedisStoreTest, is_full_at_maxmemory_and_goes_on_when_there_is_room) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 3)), std::nullopt);
  Shell shell(server_);
  shell.run({"CONFIG", "SET", "maxmemory", "1"});
  JobChanges changes = adding(3, 3);
  changes.requeue({.number = numbered(0), .position = 1, .attempts_lost = 1});
  changes.remove(numbered(1));
  expect_fault(changes, Kind::full, "maxmemory");
  EXPECT_THAT(loaded(), ElementsAre(0, 1, 2));              // nothing of it was done
  EXPECT_EQ(store_->commit(removing(2, 1)), std::nullopt);  // which needs no room
  shell.run({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_EQ(store_->commit(adding(3, 3)), std::nullopt);
  EXPECT_THAT(loaded(), ElementsAre(0, 1, 3, 4, 5));
}

TEST_F(RedisStoreTest, says_that_it_is_a_read_only_replica) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 1)), std::nullopt);
  Shell shell(server_);
  EXPECT_EQ(shell.run({"REPLICAOF", "127.0.0.1", "1"}), "OK");
  expect_fault(adding(1, 1), Kind::unavailable, "read-only replica");
  shell.run({"REPLICAOF", "NO", "ONE"});
  EXPECT_EQ(store_->commit(adding(1, 1)), std::nullopt);
  EXPECT_THAT(loaded(), ElementsAre(0, 1));

  store_.reset();
  shell.run({"REPLICAOF", "127.0.0.1", "1"});
  const StoreFault fault = fault_of_begin();
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_THAT(fault.text, HasSubstr("read-only replica"));
}

TEST_F(RedisStoreTest, says_that_redis_cannot_write_to_its_disk_and_goes_on_when_it_can) {
  begin();
  Shell shell(server_);
  const auto status = [&](std::string_view wanted) {
    const std::string line = "rdb_last_bgsave_status:" + std::string(wanted);
    bool is_so = false;
    for (int i = 0; i < 1'000'000 && !is_so; ++i) {
      const std::string info = shell.run({"INFO", "persistence"});
      is_so = info.find(line) != info.npos && info.find("rdb_bgsave_in_progress:0") != info.npos;
    }
    return is_so;
  };
  shell.run({"CONFIG", "SET", "save", "3600 1"});
  // Redis makes its snapshot beside what is there, and replaces no directory with it.
  std::filesystem::create_directories(server_.directory() / "dump.rdb" / "x");
  shell.run({"BGSAVE"});
  ASSERT_TRUE(status("err"));
  expect_fault(adding(0, 1), Kind::unavailable, "disk");
  std::filesystem::remove_all(server_.directory() / "dump.rdb");
  shell.run({"BGSAVE"});
  ASSERT_TRUE(status("ok"));
  EXPECT_EQ(store_->commit(adding(0, 1)), std::nullopt);
  EXPECT_THAT(loaded(), ElementsAre(0));
}

TEST_F(RedisStoreTest, notices_once_that_redis_has_lost_commits_and_goes_on) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 1)), std::nullopt);
  EXPECT_EQ(store_->commit(adding(1, 1)), std::nullopt);
  Shell shell(server_);
  shell.run({"HSET", "gmand:owner", "commits", "1"});
  expect_fault(adding(2, 1), Kind::damaged, "lost commits 2 to 2");
  EXPECT_EQ(store_->commit(adding(2, 1)), std::nullopt);

  shell.run({"FLUSHALL"});
  expect_fault(adding(3, 1), Kind::damaged, "does not know this start");
  EXPECT_EQ(store_->commit(adding(3, 1)), std::nullopt);
  EXPECT_EQ(fault_of_begin().kind, Kind::refused);
  store_.reset();
  store_ = opened();
  const auto starts = std::get<std::vector<StoreStart>>(store_->begin("H:next"));
  ASSERT_EQ(starts.size(), 2u);
  EXPECT_EQ(starts[0].handle_prefix, "H:test");
  EXPECT_THAT(loaded(), ElementsAre(3));
}

TEST_F(RedisStoreTest, notices_that_redis_was_restarted_empty) {
  Shell(server_).run({"CONFIG", "SET", "appendonly", "no"});
  begin();
  EXPECT_EQ(store_->commit(adding(0, 1)), std::nullopt);
  server_.kill();
  std::filesystem::remove_all(server_.directory() / "appendonlydir");
  server_.start();
  expect_fault(adding(1, 1), Kind::unavailable, "");
  expect_fault(adding(1, 1), Kind::damaged, "does not know this start");
  EXPECT_EQ(store_->commit(adding(1, 1)), std::nullopt);
  EXPECT_THAT(loaded(), ElementsAre(1));
}

TEST_F(RedisStoreTest, goes_on_when_redis_has_forgotten_the_scripts) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 1)), std::nullopt);
  Shell(server_).run({"SCRIPT", "FLUSH"});
  EXPECT_EQ(store_->commit(adding(1, 1)), std::nullopt);
  EXPECT_THAT(loaded(), ElementsAre(0, 1));
}

TEST_F(RedisStoreTest, sets_damaged_jobs_aside_and_those_alone) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 6)), std::nullopt);
  Shell shell(server_);
  const auto job = [](std::uint64_t index) { return "gmand:job:" + job_key(numbered(index)); };
  const std::string second = shell.run({"GET", job(1)});
  shell.run({"SETRANGE", job(1), std::to_string(second.size() - 1), "x"});
  shell.run({"DEL", job(2)});
  shell.run({"SET", job(3), "nonsense"});
  shell.run({"DEL", job(4)});
  shell.run({"HSET", job(4), "a", "hash"});
  EXPECT_THAT(loaded(), ElementsAre(0, 5));
  EXPECT_THAT(aside_, ElementsAre("1: its checksum does not match",
                                  "2: it is in the index, and Redis does not have it",
                                  "3: it cannot be read as a job",
                                  "4: it is in the index, and Redis does not have it"));
  EXPECT_THAT(loaded(), ElementsAre(0, 5));  // and they are not seen again
  EXPECT_EQ(aside_.size(), 4u);
  EXPECT_EQ(shell.run({"GET", "gmand:aside:" + job_key(numbered(3))}), "nonsense");
  EXPECT_EQ(shell.run({"HGET", "gmand:aside:why", job_key(numbered(3))}),
            "it cannot be read as a job");

  EXPECT_EQ(store_->commit(removing(0, 6)), std::nullopt);
  store_.reset();
  store_ = opened();  // it still knows whose they were
  EXPECT_EQ(std::get<std::vector<StoreStart>>(store_->begin("H:next")).size(), 2u);
}

TEST_F(RedisStoreTest, sets_damaged_jobs_aside_when_they_are_fetched_and_those_alone) {
  begin();
  EXPECT_EQ(store_->commit(adding(0, 4)), std::nullopt);
  Shell shell(server_);
  shell.run({"SET", "gmand:job:" + job_key(numbered(1)), "nonsense"});
  shell.run({"DEL", "gmand:job:" + job_key(numbered(2))});
  std::vector<JobNumber> taken;
  std::vector<std::string> aside;
  const std::vector<JobNumber> numbers{numbered(0), numbered(1), numbered(2), numbered(3)};
  const auto fault = store_->fetch(
      numbers, [&](const JobRecord& record) { taken.push_back(record.number); },
      [&](JobNumber number, const std::string& why) {
        aside.push_back(std::to_string(number & 0xFFFF) + ": " + why);
      });
  EXPECT_EQ(fault, std::nullopt);
  EXPECT_THAT(taken, ElementsAre(numbered(0), numbered(3)));
  EXPECT_THAT(aside, ElementsAre("2: it is not in the store: somebody else has removed it",
                                 "1: it cannot be read as a job"));
  EXPECT_EQ(shell.run({"GET", "gmand:aside:" + job_key(numbered(1))}), "nonsense");
}

TEST_F(RedisStoreTest, shows_a_job_to_a_person) {
  begin();
  StoredJob job = simple_job(numbered(7));
  job.record.due_ms = 1'700'000'000'123;
  job.unique = "cat.png";
  JobChanges changes;
  changes.add(job.whole());
  EXPECT_EQ(store_->commit(changes), std::nullopt);
  Shell shell(server_);
  EXPECT_EQ(shell.run({"ZRANGE", "gmand:index", "0", "-1"}), "0000010000000007");
  EXPECT_THAT(
      shell.run({"GET", "gmand:job:0000010000000007"}),
      AllOf(testing::StartsWith("00000001099511627783 0000000000 +0000001700000000123 7 1 "),
            HasSubstr(" 6 7 0 25\nresize\ncat.png\n\nworkload of 1099511627783")));
}

TEST_F(RedisStoreTest, refuses_what_a_newer_one_or_something_else_has_written) {
  Shell shell(server_);
  shell.run({"SET", "gmand:index", "mine"});
  EXPECT_THAT(fault_of_begin().text, HasSubstr("not a store"));
  EXPECT_EQ(shell.run({"DBSIZE"}), "1");
  shell.run({"DEL", "gmand:index"});
  begin();
  store_.reset();
  shell.run({"SET", "gmand:schema", "2"});
  const StoreFault fault = fault_of_begin();
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_THAT(fault.text, AllOf(HasSubstr("schema version 2"), HasSubstr("newer")));
}

TEST_F(RedisStoreTest, logs_in_and_repeats_no_password) {
  Shell shell(server_);
  shell.run({"ACL", "SETUSER", "gmand", "on", ">p@ss:w%rd", "~gmand:*", "+@all"});
  shell.run({"CONFIG", "SET", "requirepass", "secret"});
  EXPECT_EQ(fault_of_begin().kind, Kind::refused);
  EXPECT_THAT(fault_of_begin().text, HasSubstr("wants a password"));
  const StoreFault wrong = fault_of_begin(":s3cret@");
  EXPECT_EQ(wrong.kind, Kind::refused);
  EXPECT_THAT(wrong.text, AllOf(HasSubstr("password is wrong"), Not(HasSubstr("s3cret"))));
  for (const char* credentials : {":secret@", "gmand:p%40ss:w%25rd@"}) {
    const auto store = opened({}, credentials);
    EXPECT_TRUE(std::holds_alternative<std::vector<StoreStart>>(store->begin("H:test")));
    EXPECT_EQ(store->name(), server_.url());
  }
}

TEST_F(RedisStoreTest, says_that_a_user_lacks_rights) {
  Shell shell(server_);
  shell.run({"ACL", "SETUSER", "reader", "on", ">r", "~*", "+@read", "+@connection"});
  const StoreFault fault = fault_of_begin("reader:r@");
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_THAT(fault.text, HasSubstr("does not let this user"));
}

TEST_F(RedisStoreTest, says_that_there_is_no_server) {
  server_.kill();
  const StoreFault fault = fault_of_begin();
  EXPECT_EQ(fault.kind, Kind::unavailable);
  EXPECT_THAT(fault.text, AllOf(HasSubstr(server_.socket()), HasSubstr("connecting")));
}

TEST_F(RedisStoreTest, warns_where_redis_promises_less_than_sync) {
  begin();
  Shell shell(server_);
  EXPECT_THAT(store_->warnings(), IsEmpty());
  const auto warning_with = [&](std::string_view name, std::string_view value,
                                std::string_view usual) {
    shell.run({"CONFIG", "SET", name, value});
    const auto warnings = store_->warnings();
    shell.run({"CONFIG", "SET", name, usual});
    return warnings.size() == 1 ? warnings[0] : std::to_string(warnings.size()) + " warnings";
  };
  EXPECT_THAT(warning_with("appendfsync", "everysec", "always"), HasSubstr("everysec"));
  EXPECT_THAT(warning_with("appendfsync", "no", "always"), HasSubstr("before fsync"));
  EXPECT_THAT(warning_with("no-appendfsync-on-rewrite", "yes", "no"), HasSubstr("rewrite"));
  EXPECT_THAT(warning_with("appendonly", "no", "yes"), HasSubstr("nothing on disk"));
  shell.run({"CONFIG", "SET", "save", "3600 1"});
  EXPECT_THAT(warning_with("appendonly", "no", "yes"), HasSubstr("save 3600 1"));
  shell.run({"CONFIG", "SET", "maxmemory", "1gb"});
  EXPECT_THAT(warning_with("maxmemory-policy", "allkeys-lru", "noeviction"),
              HasSubstr("throws jobs away"));
  EXPECT_THAT(store_->warnings(), IsEmpty());

  store_.reset();
  shell.run(
      {"ACL", "SETUSER", "modest", "on", ">m", "~gmand:*", "+@all", "-config", "-client|list"});
  store_ = opened({}, "modest:m@");
  ASSERT_TRUE(std::holds_alternative<std::vector<StoreStart>>(store_->begin("H:test")));
  EXPECT_THAT(store_->warnings(), ElementsAre(HasSubstr("may not read Redis's settings")));
}

TEST(redis_address, is_read_from_a_url) {
  const auto parsed = [](std::string_view url) {
    const auto address = redis::parse_address(url);
    const auto* good = std::get_if<redis::Address>(&address);
    if (good == nullptr) return std::get<std::string>(address);
    return good->name() + " " + good->user + " " + good->password;
  };
  EXPECT_EQ(parsed("redis://host"), "redis://host:6379/0  ");
  EXPECT_EQ(parsed("redis://host/"), "redis://host:6379/0  ");
  EXPECT_EQ(parsed("redis://10.0.0.1:7000/12"), "redis://10.0.0.1:7000/12  ");
  EXPECT_EQ(parsed("redis://[::1]:7000"), "redis://[::1]:7000/0  ");
  EXPECT_EQ(parsed("redis://[::1]"), "redis://[::1]:6379/0  ");
  EXPECT_EQ(parsed("redis://:pw@host"), "redis://host:6379/0  pw");
  EXPECT_EQ(parsed("redis://me:p%40%2Fw@host:1"), "redis://host:1/0 me p@/w");
  EXPECT_EQ(parsed("redis+unix:///run/redis.sock"), "redis+unix:///run/redis.sock  ");
  EXPECT_EQ(parsed("redis+unix://:pw@/run/r.sock?db=2"), "redis+unix:///run/r.sock?db=2  pw");
  for (const char* url : {"redis:",
                          "redis:host",
                          "redis://",
                          "redis:///1",
                          "redis://:7000",
                          "redis://host:",
                          "redis://host:0",
                          "redis://host:65536",
                          "redis://host:7x",
                          "redis://host/x",
                          "redis://host/-1",
                          "redis://[::1",
                          "redis://[::1]7000",
                          "redis://me@host",
                          "redis://me:@host",
                          "redis://:secret%4@host",
                          "redis+unix://",
                          "redis+unix://run/r.sock",
                          "redis+unix:///r?",
                          "redis+unix:///r?db=",
                          "redis+unix:///r?db=x",
                          "redis+unix:///r?x=1"}) {
    EXPECT_THAT(parsed(url), HasSubstr(": write redis")) << url;
    EXPECT_THAT(parsed(url), Not(HasSubstr("secret"))) << url;
  }
}

}  // namespace
}  // namespace gman::store_test
