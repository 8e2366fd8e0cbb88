// SPDX-License-Identifier: BSD-3-Clause
// What db::Connection promises, against the server that GMAN_TEST_DSN names. Run by db_test.py.
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <cstdlib>
#include <thread>

#include "db/connection.hpp"

namespace gman::db {
namespace {

class connection : public testing::Test {
 protected:
  void SetUp() override {
    one_ = open();
    two_ = open();
    is_postgres_ = one_->dialect() == Dialect::postgres;
    run(*one_, "DROP TABLE IF EXISTS t");
    run(*one_, is_postgres_ ? "CREATE TABLE t (id int PRIMARY KEY, word text, raw bytea)"
                            : "CREATE TABLE t (id INT PRIMARY KEY, word LONGTEXT, raw LONGBLOB)");
  }

  static std::unique_ptr<Connection> open() {
    auto opened = connect(std::getenv("GMAN_TEST_DSN"));
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }

  static Rows run(Connection& at, std::string_view sql,
                  std::span<const Parameter> parameters = {}) {
    auto rows = at.execute(sql, parameters);
    EXPECT_TRUE(rows) << sql << ": " << rows.error().message;
    return rows ? *rows : Rows{};
  }

  [[nodiscard]] const char* either(const char* postgres, const char* mysql) const {
    return is_postgres_ ? postgres : mysql;
  }

  Rows insert(Connection& at, Parameter id, Parameter word, Parameter raw) const {
    return run(at,
               either("INSERT INTO t VALUES ($1::int, $2, $3)", "INSERT INTO t VALUES (?, ?, ?)"),
               std::array{id, word, raw});
  }

  std::unique_ptr<Connection> one_;
  std::unique_ptr<Connection> two_;
  bool is_postgres_ = false;
};

TEST_F(connection, brings_back_what_it_was_given) {
  const std::string word = "café \U0001F600 'quoted' \\ \"x\"";
  const std::string raw("\0\xFF\\x\n\0", 6);
  const Rows inserted =
      insert(*one_, Parameter::text("1"), Parameter::text(word), Parameter::bytes(raw));
  EXPECT_EQ(inserted.affected, 1u);
  const Rows rows = run(*one_, "SELECT id, word, raw FROM t");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows.at(0, 0), "1");
  EXPECT_EQ(rows.at(0, 1), word);
  EXPECT_EQ(rows.at(0, 2), raw);
}

TEST_F(connection, tells_null_from_empty) {
  insert(*one_, Parameter::text("1"), Parameter::null(), Parameter::null());
  insert(*one_, Parameter::text("2"), Parameter::text(""), Parameter::bytes(""));
  const Rows rows = run(*one_, "SELECT word, raw FROM t ORDER BY id");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows.at(0, 0), std::nullopt);
  EXPECT_EQ(rows.at(0, 1), std::nullopt);
  EXPECT_EQ(rows.at(1, 0), "");
  EXPECT_EQ(rows.at(1, 1), "");
}

TEST_F(connection, brings_long_values_whole) {
  const std::string long_text(3'000'000, 'x');
  insert(*one_, Parameter::text("1"), Parameter::text(long_text), Parameter::bytes(long_text));
  insert(*one_, Parameter::text("2"), Parameter::text("short"), Parameter::null());
  const Rows rows = run(*one_, "SELECT word, raw FROM t ORDER BY id");
  EXPECT_EQ(rows.at(0, 0), long_text);
  EXPECT_EQ(rows.at(0, 1), long_text);
  EXPECT_EQ(rows.at(1, 0), "short");
}

TEST_F(connection, reuses_a_statement_with_other_parameters) {
  for (const char* id : {"1", "2", "3"}) {
    insert(*one_, Parameter::text(id), Parameter::text(id), Parameter::null());
  }
  const char* sql =
      either("SELECT word FROM t WHERE id = $1::int", "SELECT word FROM t WHERE id = ?");
  EXPECT_EQ(run(*one_, sql, std::array{Parameter::text("2")}).at(0, 0), "2");
  EXPECT_EQ(run(*one_, sql, std::array{Parameter::text("3")}).at(0, 0), "3");
  EXPECT_EQ(run(*one_, sql, std::array{Parameter::text("4")}).size(), 0u);
}

TEST_F(connection, counts_the_rows_it_changed) {
  insert(*one_, Parameter::text("1"), Parameter::text("a"), Parameter::null());
  insert(*one_, Parameter::text("2"), Parameter::text("a"), Parameter::null());
  EXPECT_EQ(run(*one_, "UPDATE t SET word = 'a'").affected, 2u) << "also when nothing differs";
  EXPECT_EQ(run(*one_, "DELETE FROM t WHERE id = 3").affected, 0u);
}

TEST_F(connection, names_a_duplicate) {
  insert(*one_, Parameter::text("1"), Parameter::null(), Parameter::null());
  const auto again = one_->execute("INSERT INTO t VALUES (1, NULL, NULL)");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::duplicate);
  EXPECT_EQ(again.error().sqlstate, either("23505", "23000"));
  EXPECT_TRUE(one_->usable());
}

TEST_F(connection, refuses_bad_sql_with_the_servers_words) {
  const auto bad = one_->execute("SELEC 1");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::refused);
  EXPECT_EQ(bad.error().sqlstate, either("42601", "42000"));
  EXPECT_NE(bad.error().message.find("SELEC"), std::string::npos) << bad.error().message;
  EXPECT_TRUE(one_->usable());
}

TEST_F(connection, refuses_the_wrong_number_of_parameters) {
  const auto bad = one_->execute(either("SELECT $1::int", "SELECT ?"));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::refused);
}

TEST_F(connection, never_cuts_text_at_a_nul) {
  const std::array parameters{Parameter::text(std::string_view("a\0b", 3))};
  const auto rows = one_->execute(either("SELECT $1::text", "SELECT ?"), parameters);
  if (is_postgres_) {  // which has no such text
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().sqlstate, "22021");
  } else {
    ASSERT_TRUE(rows);
    EXPECT_EQ(rows->at(0, 0), std::string("a\0b", 3));
  }
}

TEST_F(connection, names_a_deadlock_a_conflict_and_lets_the_other_go_on) {
  insert(*one_, Parameter::text("1"), Parameter::null(), Parameter::null());
  insert(*one_, Parameter::text("2"), Parameter::null(), Parameter::null());
  run(*one_, "BEGIN");
  run(*two_, "BEGIN");
  run(*one_, "UPDATE t SET word = 'one' WHERE id = 1");
  run(*two_, "UPDATE t SET word = 'two' WHERE id = 2");
  Result<Rows> first = Rows{};
  std::thread waiting([&] { first = one_->execute("UPDATE t SET word = 'one' WHERE id = 2"); });
  const auto second = two_->execute("UPDATE t SET word = 'two' WHERE id = 1");
  // Whoever lost ends its transaction and so lets the winner go on.
  if (!second) run(*two_, "ROLLBACK");
  waiting.join();
  ASSERT_NE(first.has_value(), second.has_value());
  const Error& error = first ? second.error() : first.error();
  EXPECT_EQ(error.kind, ErrorKind::conflict) << error.message;
  EXPECT_EQ(error.sqlstate, either("40P01", "40001"));
}

TEST_F(connection, runs_a_text_as_it_is_and_says_how_many_rows_it_changed) {
  insert(*one_, Parameter::text("1"), Parameter::text("a"), Parameter::null());
  insert(*one_, Parameter::text("2"), Parameter::text("b"), Parameter::null());
  const auto changed = one_->run("UPDATE t SET word = 'c' WHERE id IN (1, 2, 3)");
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(*changed, 2u);
  EXPECT_TRUE(one_->run("SELECT id FROM t"));  // its rows are in nobody's way
  EXPECT_EQ(run(*one_, "SELECT word FROM t").size(), 2u);
  const auto refused = one_->run("UPDATE nowhere SET word = 'c'");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
}

TEST_F(connection, hears_what_it_listens_to_where_the_server_speaks_by_itself) {
  if (!is_postgres_) {
    EXPECT_EQ(one_->notification_fd(), -1);
    return;
  }
  run(*one_, "LISTEN word");
  const auto nothing = one_->take_notifications();
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
  run(*two_, "NOTIFY word");
  pollfd wait{one_->notification_fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, 10'000), 1);
  const auto heard = one_->take_notifications();
  ASSERT_TRUE(heard);
  EXPECT_TRUE(*heard);
}

TEST_F(connection, knows_when_it_was_lost) {
  const char* mine = either("SELECT pg_backend_pid()", "SELECT CONNECTION_ID()");
  const std::string id = *run(*two_, mine).at(0, 0);
  run(*one_, (is_postgres_ ? "SELECT pg_terminate_backend(" + id + ")" : "KILL " + id));
  // MariaDB ends the connection a moment after KILL has returned.
  Result<Rows> rows = Rows{};
  for (int i = 0; i < 1000 && rows; ++i) rows = two_->execute("SELECT 1");
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().kind, ErrorKind::unreachable) << rows.error().message;
  EXPECT_FALSE(two_->usable());
}

TEST_F(connection, to_a_database_that_is_not_there_is_refused_by_name) {
  std::string dsn = std::getenv("GMAN_TEST_DSN");
  const std::string name = is_postgres_ ? "/postgres?" : "/test_db?";
  dsn.replace(dsn.find(name), name.size(), "/nowhere?");
  const auto missing = connect(dsn);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("nowhere"), std::string::npos) << missing.error().message;
}

}  // namespace
}  // namespace gman::db
