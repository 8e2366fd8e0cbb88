// SPDX-License-Identifier: BSD-3-Clause
// What the stores in PostgreSQL and in MySQL or MariaDB promise, beyond conformance.hpp too,
// against the private server that GMAN_TEST_DSN names. Run by tests/postgres/store_test.py and
// tests/mysql/store_test.py.
#include <fstream>
#include <thread>

#include "tests/unit/store/keeper_conformance.hpp"
#include "tests/unit/store/served_database.hpp"

namespace gman::store_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Kind = StoreFault::Kind;

constexpr const char* password = "p/ss:w@rd";

bool is_postgres() {
  return environment("GMAN_TEST_DSN").starts_with("postgresql:");
}

std::string either(const char* postgres, const char* mysql) {
  return is_postgres() ? postgres : mysql;
}

/// A table of the store's.
std::string table(const std::string& name) {
  return either("gmand.", "gmand_") + name;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  if (at == text.npos) throw std::runtime_error(text + " has no " + std::string(what));
  return text.replace(at, what.size(), with);
}

std::unique_ptr<Store> store_at(const std::string& url) {
  auto opened = open_store(url);
  if (const auto* fault = std::get_if<StoreFault>(&opened)) throw std::runtime_error(fault->text);
  return std::get<std::unique_ptr<Store>>(std::move(opened));
}

void make_database_empty() {
  Shell shell;
  if (is_postgres()) {
    shell.run("DROP SCHEMA IF EXISTS gmand CASCADE");
  } else {
    shell.run("DROP DATABASE jobs");
    shell.run("CREATE DATABASE jobs");
  }
}

class SqlPlace : public StorePlace {
 public:
  SqlPlace() { make_database_empty(); }
  std::unique_ptr<Store> open() override { return store_at(environment("GMAN_TEST_DSN")); }
};

constexpr auto make_place = [] { return std::make_unique<SqlPlace>(); };
INSTANTIATE_TEST_SUITE_P(sql, StoreConformance, testing::Values(make_place));
INSTANTIATE_TEST_SUITE_P(sql, KeeperConformance, testing::Values(make_place));

class SqlStoreTest : public testing::Test {
 protected:
  void SetUp() override { make_database_empty(); }

  std::unique_ptr<Store> begun(const std::string& url = environment("GMAN_TEST_DSN")) {
    auto store = store_at(url);
    const auto starts = store->begin("H:test");
    if (const auto* fault = std::get_if<StoreFault>(&starts)) ADD_FAILURE() << fault->text;
    return store;
  }

  static StoreFault fault_of_begin(const std::string& url = environment("GMAN_TEST_DSN")) {
    const auto store = store_at(url);
    const auto starts = store->begin("H:other");
    if (const auto* fault = std::get_if<StoreFault>(&starts)) return *fault;
    ADD_FAILURE() << "it begins";
    return {};
  }

  static std::optional<StoreFault> add(Store& store, std::uint64_t first, std::uint64_t count) {
    JobChanges changes;
    for (std::uint64_t i = first; i < first + count; ++i) {
      changes.add(simple_job(numbered(i)).whole());
    }
    return store.commit(changes);
  }
  /// The changes reach it in the end, and each fault before is one that trying again helps.
  static void commit_in_the_end(Store& store, const JobChanges& changes) {
    std::optional<StoreFault> fault = store.commit(changes);
    for (int i = 0; i < 10 && fault; ++i) {
      EXPECT_EQ(fault->kind, Kind::unavailable) << fault->text;
      fault = store.commit(changes);
    }
    if (fault) ADD_FAILURE() << fault->text;
  }

  std::vector<JobNumber> load(Store& store) {
    std::vector<JobNumber> numbers;
    const auto fault = store.load([&](const JobRecord& job) { numbers.push_back(job.number); },
                                  [&](JobNumber number, const std::string& why) {
                                    aside_.push_back(std::to_string(number & 0xFFFF) + ": " + why);
                                  });
    if (fault) ADD_FAILURE() << fault->text;
    return numbers;
  }

  std::string job_count() { return shell_.value("SELECT COUNT(*) FROM " + table("job")); }

  /// Of the store's session in the server.
  std::string session() {
    return shell_.value(
        either("SELECT pid FROM pg_stat_activity WHERE usename = 'jobs' ORDER BY backend_start",
               "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'jobs' ORDER BY ID"));
  }
  void end_session() {
    shell_.run(either("SELECT pg_terminate_backend(", "KILL (") + session() + ")");
    shell_.wait_for(either("SELECT count(*) FROM pg_stat_activity WHERE usename = 'jobs'",
                           "SELECT COUNT(*) FROM information_schema.PROCESSLIST"
                           " WHERE USER = 'jobs'"),
                    "0");
  }
  /// What the store writes meets a lock of somebody else's.
  void wait_until_it_waits() {
    shell_.wait_for(either("SELECT count(*) FROM pg_stat_activity WHERE usename = 'jobs'"
                           " AND wait_event_type = 'Lock'",
                           "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS"
                           " WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS'"),
                    "1");
  }

  Shell shell_;
  std::vector<std::string> aside_;
};

TEST_F(SqlStoreTest, has_a_name_without_the_password) {
  const auto store = store_at(environment("GMAN_TEST_DSN"));
  EXPECT_THAT(store->name(), AllOf(HasSubstr(either("postgresql://jobs@", "mysql://jobs@")),
                                   HasSubstr("/jobs"), Not(HasSubstr("ss:w"))));
}

TEST_F(SqlStoreTest, lets_no_second_server_have_it_and_says_who_has_it) {
  const auto first = begun();
  std::array<char, 256> host{};
  ASSERT_EQ(::gethostname(host.data(), host.size() - 1), 0);
  const StoreFault fault = fault_of_begin();
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_THAT(fault.text,
              AllOf(HasSubstr("process " + std::to_string(::getpid()) + " on " + host.data()),
                    HasSubstr("since 20"), HasSubstr(session()), Not(HasSubstr(password))));
  EXPECT_EQ(add(*first, 0, 1), std::nullopt);
}

TEST_F(SqlStoreTest, gives_it_up_at_its_end) {
  begun().reset();
  begun().reset();
  EXPECT_EQ(shell_.value("SELECT COUNT(*) FROM " + table("start")), "1");
}

TEST_F(SqlStoreTest, changes_nothing_once_another_has_begun) {
  const auto first = begun();
  EXPECT_EQ(add(*first, 0, 10), std::nullopt);
  end_session();
  {
    const auto second = begun();
    auto fault = add(*first, 10, 1);
    ASSERT_TRUE(fault);
    if (fault->kind == Kind::unavailable) fault = add(*first, 10, 1);  // it was cut off
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, Kind::fenced) << fault->text;
    EXPECT_THAT(fault->text, HasSubstr("another server"));
    EXPECT_EQ(add(*second, 20, 10), std::nullopt);
  }
  JobChanges changes;
  changes.add(simple_job(numbered(11)).whole());
  changes.remove(numbered(0));
  for (int i = 0; i < 3; ++i) {
    const auto fault = first->commit(changes);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, Kind::fenced);
    EXPECT_THAT(fault->text, HasSubstr("another server has begun since"));
  }
  EXPECT_EQ(job_count(), "20");
  begun();  // it does not keep others out
}

TEST_F(SqlStoreTest, learns_that_another_has_begun_without_a_change_to_write) {
  const auto first = begun();
  EXPECT_EQ(first->keep(), std::nullopt);
  end_session();
  const auto second = begun();
  auto fault = first->keep();
  ASSERT_TRUE(fault);
  if (fault->kind == Kind::unavailable) fault = first->keep();  // it was cut off
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::fenced) << fault->text;
  EXPECT_EQ(second->keep(), std::nullopt);
  shell_.run("UPDATE " + table("store") + " SET start_number = start_number + 1");
  fault = second->keep();  // in its own session
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::fenced) << fault->text;
}

TEST_F(SqlStoreTest, takes_its_store_up_again_when_it_was_cut_off_and_nobody_has_begun) {
  const auto store = begun();
  end_session();
  auto fault = store->keep();
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::unavailable) << fault->text;
  for (int i = 0; i < 10 && fault; ++i) fault = store->keep();
  EXPECT_EQ(fault, std::nullopt);
  EXPECT_EQ(add(*store, 0, 1), std::nullopt);
}

TEST_F(SqlStoreTest, is_fenced_off_in_its_own_session_too) {
  const auto store = begun();
  EXPECT_EQ(add(*store, 0, 10), std::nullopt);
  shell_.run("UPDATE " + table("store") +
             " SET start_number = start_number + 1, session = session + 1, process_id = 77,"
             " host = 'elsewhere'");
  JobChanges changes;
  changes.add(simple_job(numbered(11)).whole());
  changes.requeue({.number = numbered(1), .position = 1, .attempts_lost = 9});
  changes.remove(numbered(0));
  const auto fault = store->commit(changes);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::fenced);
  EXPECT_THAT(fault->text, AllOf(HasSubstr("another server has begun since"),
                                 HasSubstr("process 77 on elsewhere")));
  EXPECT_EQ(job_count(), "10");
  EXPECT_EQ(shell_.value("SELECT MAX(attempts_lost) FROM " + table("job")), "0");
  begun();
}

TEST_F(SqlStoreTest, goes_on_after_the_server_was_started_anew) {
  const auto store = begun();
  EXPECT_EQ(add(*store, 0, 10), std::nullopt);
  restart_server();
  JobChanges changes;
  changes.add(simple_job(numbered(10)).whole());
  changes.remove(numbered(0));
  commit_in_the_end(*store, changes);
  shell_ = Shell();
  EXPECT_EQ(job_count(), "10");
  EXPECT_EQ(load(*store).size(), 10u);
}

TEST_F(SqlStoreTest, goes_on_after_its_session_was_ended_in_mid_commit) {
  const auto store = begun();
  EXPECT_EQ(add(*store, 0, 2), std::nullopt);
  Shell other;
  other.run("BEGIN");
  other.run("UPDATE " + table("job") +
            " SET position = 5 WHERE number = " + std::to_string(numbered(1)));
  JobChanges changes;
  changes.add(simple_job(numbered(2)).whole());
  changes.remove(numbered(0));
  changes.remove(numbered(1));
  std::optional<StoreFault> fault;
  std::thread committing([&] { fault = store->commit(changes); });
  wait_until_it_waits();
  end_session();
  committing.join();
  other.run("ROLLBACK");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::unavailable) << fault->text;
  EXPECT_EQ(job_count(), "2");
  commit_in_the_end(*store, changes);
  EXPECT_THAT(load(*store), ElementsAre(numbered(2)));
}

TEST_F(SqlStoreTest, does_no_harm_when_it_never_learned_what_became_of_a_commit) {
  Wire wire(environment("GMAN_TEST_WIRE"));
  const auto store = begun(environment("GMAN_TEST_WIRED_DSN"));
  JobChanges changes;
  changes.add(simple_job(numbered(0)).whole());
  changes.add(simple_job(numbered(1)).whole());
  changes.remove(numbered(0));
  wire.cut_after_commit();
  const auto fault = store->commit(changes);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::unavailable) << fault->text;
  shell_.wait_for("SELECT COUNT(*) FROM " + table("job"), "1");  // it was made
  commit_in_the_end(*store, changes);
  EXPECT_THAT(load(*store), ElementsAre(numbered(1)));
}

TEST_F(SqlStoreTest, ends_a_session_of_its_own_that_lingers) {
  Wire wire(environment("GMAN_TEST_WIRE"));
  const auto store = begun(environment("GMAN_TEST_WIRED_DSN"));
  const std::string lost = session();
  wire.cut();
  JobChanges changes;
  changes.add(simple_job(numbered(0)).whole());
  commit_in_the_end(*store, changes);
  EXPECT_EQ(job_count(), "1");
  shell_.wait_for(either("SELECT count(*) FROM pg_stat_activity WHERE pid = ",
                         "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = ") +
                      lost,
                  "0");
}

TEST_F(SqlStoreTest, is_unavailable_while_the_server_takes_no_writes) {
  const auto store = begun();
  const auto set_read_only = [&](const char* value) {
    if (is_postgres()) {
      shell_.run(std::string("ALTER SYSTEM SET default_transaction_read_only = ") + value);
      shell_.run("SELECT pg_reload_conf()");
      Shell().wait_for("SHOW default_transaction_read_only", value);
    } else {
      shell_.run(std::string("SET GLOBAL read_only = ") + value);
    }
  };
  set_read_only("on");
  // PostgreSQL's sessions learn of it a moment later.
  std::optional<StoreFault> fault;
  for (std::uint64_t i = 0; i < 10'000 && !fault; ++i) fault = add(*store, i, 1);
  ASSERT_TRUE(fault);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(fault->kind, Kind::unavailable);
    EXPECT_THAT(fault->text, HasSubstr("read-only"));
    fault = add(*store, 20'000, 1);
    ASSERT_TRUE(fault);
  }
  if (is_postgres()) shell_.run("SET default_transaction_read_only = off");
  set_read_only("off");
  JobChanges changes;
  changes.add(simple_job(numbered(20'000)).whole());
  commit_in_the_end(*store, changes);
}

TEST_F(SqlStoreTest, is_unavailable_when_it_is_the_victim_of_a_deadlock) {
  const auto store = begun();
  EXPECT_EQ(add(*store, 0, 2), std::nullopt);
  Shell other;
  if (is_postgres()) other.run("SET deadlock_timeout = '60s'");
  other.run("BEGIN");
  // InnoDB ends whoever has changed less.
  other.run("UPDATE " + table("job") +
            " SET position = 5, attempts_lost = 8, due_ms = 7"
            " WHERE number = " +
            std::to_string(numbered(1)));
  if (!is_postgres()) {
    other.run(
        "INSERT INTO gmand_start (number, handle_prefix) VALUES (701, ''), (702, ''),"
        " (703, ''), (704, ''), (705, ''), (706, ''), (707, ''), (708, '')");
  }
  JobChanges changes;
  changes.requeue({.number = numbered(0), .position = 3, .attempts_lost = 1});
  changes.requeue({.number = numbered(1), .position = 4, .attempts_lost = 1});
  std::optional<StoreFault> fault;
  std::thread committing([&] { fault = store->commit(changes); });
  wait_until_it_waits();
  other.run("UPDATE " + table("job") +
            " SET position = 5 WHERE number = " + std::to_string(numbered(0)));
  committing.join();
  other.run("ROLLBACK");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::unavailable);
  EXPECT_THAT(fault->text, HasSubstr("eadlock"));
  commit_in_the_end(*store, changes);
  EXPECT_EQ(shell_.value("SELECT MIN(position) FROM " + table("job")), "3");
}

TEST_F(SqlStoreTest, says_that_the_password_is_wrong_and_not_which) {
  const StoreFault fault =
      fault_of_begin(replaced(environment("GMAN_TEST_DSN"), "p%2Fss%3Aw%40rd", "wrongword"));
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_THAT(fault.text,
              AllOf(HasSubstr(either("password authentication failed", "Access denied")),
                    HasSubstr("jobs"), Not(HasSubstr("wrongword"))));
  EXPECT_THAT(fault.text, Not(AnyOf(HasSubstr("LOCATION"), HasSubstr("28P01"))));
}

TEST_F(SqlStoreTest, says_that_the_database_is_missing) {
  const std::string url = replaced(environment("GMAN_TEST_ADMIN"), "/jobs?", "/nowhere?");
  const StoreFault fault = fault_of_begin(url);
  EXPECT_EQ(fault.kind, Kind::refused) << fault.text;
  EXPECT_THAT(fault.text, HasSubstr("nowhere"));
}

TEST_F(SqlStoreTest, is_unavailable_where_no_server_is) {
  const std::string url =
      either("postgresql://jobs:secret@127.0.0.1:1/jobs", "mysql://jobs:secret@127.0.0.1:1/jobs");
  const StoreFault fault = fault_of_begin(url);
  EXPECT_EQ(fault.kind, Kind::unavailable);
  EXPECT_THAT(fault.text, AllOf(HasSubstr("127.0.0.1"), Not(HasSubstr("secret"))));
}

TEST_F(SqlStoreTest, refuses_the_tables_of_a_newer_one) {
  begun().reset();
  shell_.run("UPDATE " + table("store") + " SET schema_version = 2");
  const StoreFault fault = fault_of_begin();
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_THAT(fault.text, AllOf(HasSubstr("version 2"), HasSubstr("newer")));
}

TEST_F(SqlStoreTest, refuses_tables_that_are_not_its_own) {
  if (is_postgres()) shell_.run("CREATE SCHEMA gmand AUTHORIZATION jobs");
  shell_.run("CREATE TABLE " + table("job") + " (id integer)");
  const StoreFault fault = fault_of_begin();
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_EQ(job_count(), "0");
}

TEST_F(SqlStoreTest, sets_rows_aside_that_are_not_what_was_stored) {
  auto store = begun();
  EXPECT_EQ(add(*store, 0, 5), std::nullopt);
  const auto spoil = [&](std::uint64_t index, const char* how) {
    shell_.run("UPDATE " + table("job") + " SET " + how +
               " WHERE number = " + std::to_string(numbered(index)));
  };
  spoil(1, "workload = 'another'");
  spoil(2, "priority = 3");
  spoil(3, either("attempts_lost = -1", "unique_key = 'x'").c_str());
  spoil(4, "due_ms = 12345");  // what may change is not in the checksum
  EXPECT_THAT(load(*store), ElementsAre(numbered(0), numbered(4)));
  const std::string odd = "a field has a value that none can have";
  const std::string sum = "its checksum does not match";
  EXPECT_THAT(aside_, ElementsAre("1: " + sum, "2: " + odd, "3: " + (is_postgres() ? odd : sum)));
  EXPECT_EQ(load(*store).size(), 2u);
  EXPECT_EQ(aside_.size(), 3u);
  EXPECT_EQ(job_count(), "2");
  EXPECT_THAT(
      shell_.run("SELECT number, reason FROM " + table("set_aside") + " ORDER BY number").front(),
      std::to_string(numbered(1)) + "|" + sum);
  EXPECT_EQ(add(*store, 10, 1), std::nullopt);

  JobChanges changes;
  for (const std::uint64_t index : {0, 4, 10}) changes.remove(numbered(index));
  EXPECT_EQ(store->commit(changes), std::nullopt);
  store.reset();
  store = store_at(environment("GMAN_TEST_DSN"));
  EXPECT_EQ(std::get<std::vector<StoreStart>>(store->begin("H:again")).size(), 2u);
}

TEST_F(SqlStoreTest, shows_its_jobs_to_people) {
  const auto store = begun();
  JobChanges changes;
  StoredJob job = simple_job(numbered(7));
  job.record.due_ms = 1'700'000'000'000;
  job.record.handle_number = 12;
  job.unique = "cat";
  changes.add(job.whole());
  EXPECT_EQ(store->commit(changes), std::nullopt);
  shell_.run(either("SET TimeZone = 'UTC'", "SET time_zone = '+00:00'"));
  EXPECT_THAT(shell_.run("SELECT handle, function_name, unique_key, priority, attempts_lost,"
                         " workload_bytes FROM " +
                         table("readable_job")),
              ElementsAre("H:test:12|resize|cat|normal|0|" + std::to_string(job.workload.size())));
  EXPECT_THAT(shell_.value("SELECT due FROM " + table("readable_job")),
              HasSubstr("2023-11-14 22:13:20"));
}

TEST_F(SqlStoreTest, keeps_a_workload_of_the_largest_size) {
  if (!is_postgres()) shell_.run("SET GLOBAL max_allowed_packet = 134217728");
  const auto store = begun();
  StoredJob job = simple_job(numbered(0));
  job.workload.assign(std::size_t{64} << 20, 'w');
  for (std::size_t i = 0; i < job.workload.size(); i += 4096) job.workload[i] = '\0';
  JobChanges changes;
  changes.add(simple_job(numbered(1)).whole());
  changes.add(job.whole());
  changes.add(simple_job(numbered(2)).whole());
  EXPECT_EQ(store->commit(changes), std::nullopt);
  bool is_whole = false;
  const auto fault = store->load(
      [&](const JobRecord& record) { is_whole = is_whole || record.workload == job.workload; },
      [](JobNumber, const std::string& why) { ADD_FAILURE() << why; });
  EXPECT_EQ(fault, std::nullopt);
  EXPECT_TRUE(is_whole);
}

/// What only the store in MySQL and MariaDB promises.
class MysqlStoreTest : public SqlStoreTest {};

TEST_F(MysqlStoreTest, names_the_limit_that_a_job_is_too_large_for_and_sees_it_raised) {
  shell_.run("SET GLOBAL max_allowed_packet = 1048576");
  const auto store = begun();
  StoredJob job = simple_job(numbered(0));
  job.workload.assign(std::size_t{2} << 20, 'w');
  JobChanges changes;
  changes.add(simple_job(numbered(1)).whole());
  changes.add(job.whole());
  const auto fault = store->commit(changes);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::refused);
  EXPECT_THAT(fault->text, AllOf(HasSubstr("max_allowed_packet is 1048576"), HasSubstr("raise")));
  EXPECT_EQ(add(*store, 2, 1), std::nullopt);
  shell_.run("SET GLOBAL max_allowed_packet = 16777216");
  EXPECT_EQ(store->commit(changes), std::nullopt);
  EXPECT_EQ(load(*store).size(), 3u);
}

/// Bytes, of a line of /proc/self/status.
std::size_t memory(const std::string& line) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::size_t kibibytes = 0;
    if (word == line + ":" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

TEST_F(SqlStoreTest, never_has_all_jobs_in_memory_while_it_loads) {
  const auto store = begun();
  for (std::uint64_t i = 0; i < 32; ++i) {
    JobChanges changes;
    for (std::uint64_t j = 0; j < 8; ++j) {
      StoredJob job = simple_job(numbered(i * 8 + j));
      job.workload.assign(std::size_t{1} << 20, static_cast<char>('a' + j));
      changes.add(job.whole());
    }
    ASSERT_EQ(store->commit(changes), std::nullopt);
  }
  ASSERT_TRUE(std::ofstream("/proc/self/clear_refs") << "5" << std::flush);  // the peak, to now
  const std::size_t before = memory("VmRSS");
  EXPECT_EQ(load(*store).size(), 256u);
  ASSERT_GT(before, 0u);
  EXPECT_LT(memory("VmHWM"), before + (std::size_t{32} << 20));
}

/// What only the store in PostgreSQL promises.
class PostgresStoreTest : public SqlStoreTest {};

TEST_F(PostgresStoreTest, is_durable_whatever_its_roles_default_is) {
  shell_.run("ALTER ROLE jobs SET synchronous_commit = off");
  const auto store = begun();
  shell_.run("CREATE TABLE gmand.seen (setting text)");
  shell_.run("GRANT INSERT ON gmand.seen TO jobs");
  shell_.run(
      "CREATE FUNCTION gmand.look() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
      " INSERT INTO gmand.seen VALUES (current_setting('synchronous_commit'));"
      " RETURN NEW; END$$");
  shell_.run(
      "CREATE TRIGGER look BEFORE INSERT ON gmand.job FOR EACH ROW"
      " EXECUTE FUNCTION gmand.look()");
  EXPECT_EQ(add(*store, 0, 1), std::nullopt);
  EXPECT_EQ(shell_.value("SELECT setting FROM gmand.seen"), "on");
  shell_.run("ALTER ROLE jobs RESET synchronous_commit");
}

}  // namespace

}  // namespace gman::store_test
