// SPDX-License-Identifier: BSD-3-Clause
// What db/ decides without a server. With servers: tests/e2e/db_test.py.
#include "db/connection.hpp"

#include <gtest/gtest.h>

#include "db/mariadb.hpp"

namespace gman::db {
namespace {

TEST(dsn, names_its_dialect_by_its_scheme) {
  EXPECT_EQ(*dialect_of("postgresql:///x"), Dialect::postgres);
  EXPECT_EQ(*dialect_of("postgres://u@h/x"), Dialect::postgres);
  EXPECT_EQ(*dialect_of("mysql://u@h/x"), Dialect::mysql);
  EXPECT_EQ(*dialect_of("mariadb://u@h/x"), Dialect::mysql);
}

TEST(dsn, with_another_scheme_is_refused_with_the_schemes_there_are) {
  const auto connection = connect("oracle://scott@tiger");
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().kind, ErrorKind::refused);
  EXPECT_EQ(connection.error().message, "a database is named postgresql://… or mysql://…");
}

TEST(mariadb_dsn, is_taken_apart_and_percent_decoded) {
  const auto address =
      parse_mariadb_dsn("mysql://na%40me:p%2Fw@db.example:3307/crawl?socket=/run/my%20s.sock");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->user, "na@me");
  EXPECT_EQ(address->password, "p/w");
  EXPECT_EQ(address->host, "db.example");
  EXPECT_EQ(address->port, 3307);
  EXPECT_EQ(address->database, "crawl");
  EXPECT_EQ(address->socket, "/run/my s.sock");
}

TEST(mariadb_dsn, may_leave_out_all_but_the_scheme) {
  const auto address = parse_mariadb_dsn("mysql://");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->user, "");
  EXPECT_EQ(address->host, "");
  EXPECT_EQ(address->port, 3306);
  EXPECT_EQ(address->database, "");
}

TEST(mariadb_dsn, drops_the_brackets_of_an_ipv6_address) {
  EXPECT_EQ(parse_mariadb_dsn("mysql://u@[::1]:3306/d")->host, "::1");
}

TEST(mariadb_dsn, is_refused_when_a_part_means_nothing) {
  for (const char* dsn : {"mysql:/x", "mysql://h:0/d", "mysql://h:65536/d", "mysql://h/a/b",
                          "mysql://h/d?sockt=/x", "http://h/d", ""}) {
    EXPECT_FALSE(parse_mariadb_dsn(dsn)) << dsn;
  }
}

TEST(connect, says_where_nobody_listens) {
  const auto mariadb = connect("mysql://root@localhost/d?socket=/nonexistent/s.sock");
  ASSERT_FALSE(mariadb);
  EXPECT_EQ(mariadb.error().kind, ErrorKind::unreachable);
  EXPECT_NE(mariadb.error().message.find("/nonexistent/s.sock"), std::string::npos);

  const auto postgres = connect("postgresql:///d?host=/nonexistent&port=1");
  ASSERT_FALSE(postgres);
  EXPECT_EQ(postgres.error().kind, ErrorKind::unreachable);
  EXPECT_NE(postgres.error().message.find("/nonexistent/.s.PGSQL.1"), std::string::npos);
}

TEST(retry_conflicts, repeats_conflicts_only_and_only_so_often) {
  int calls = 0;
  const auto failing = [&calls](ErrorKind kind) {
    return [&calls, kind]() -> Result<Rows> {
      ++calls;
      return Error{kind, {}, "no"};
    };
  };
  EXPECT_FALSE(retry_conflicts(5, failing(ErrorKind::conflict)));
  EXPECT_EQ(calls, 5);
  calls = 0;
  EXPECT_FALSE(retry_conflicts(5, failing(ErrorKind::refused)));
  EXPECT_EQ(calls, 1);
}

TEST(retry_conflicts, ends_with_the_first_success) {
  int calls = 0;
  const auto result = retry_conflicts(5, [&calls]() -> Result<Rows> {
    if (++calls < 3) return Error{ErrorKind::conflict, "40001", "again"};
    return Rows{};
  });
  EXPECT_TRUE(result);
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace gman::db
