// SPDX-License-Identifier: BSD-3-Clause
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/store/store.hpp"

namespace gman {
namespace {

using testing::HasSubstr;
using testing::Not;

StoreFault fault_of(std::string_view url) {
  auto opened = open_store(url);
  const auto* fault = std::get_if<StoreFault>(&opened);
  if (fault == nullptr) {
    ADD_FAILURE() << url << " is opened";
    return {};
  }
  return *fault;
}

TEST(open_store, names_the_kinds_that_there_are_for_one_that_there_is_not) {
  for (const char* url : {"memory:", "oracle:/x", "", "sqlite", "SQLITE:/x", ":x"}) {
    const StoreFault fault = fault_of(url);
    EXPECT_EQ(fault.kind, StoreFault::Kind::refused) << url;
    EXPECT_THAT(fault.text, HasSubstr("sqlite:")) << url;
  }
}

TEST(open_store, repeats_no_password) {
  for (const char* url : {
           "oracle://me:secret@host/",
           "postgresql://me:secret@host:port/%zz",
           "postgresql:me:secret@host",
           "mysql://me:secret@host:port/%zz",
           "mysql://me:secret@host/jobs?password=secret",
           "mysql://me:secret@host/jobs/secret",
           "mysql:me:secret@host",
       }) {
    EXPECT_THAT(fault_of(url).text, Not(HasSubstr("secret"))) << url;
  }
}

#ifdef GMAN_STORE_REDIS
TEST(open_store, names_a_redis_without_its_password) {
  auto opened = open_store("redis://me:secret@host.invalid:7000/3");
  ASSERT_TRUE(std::holds_alternative<std::unique_ptr<Store>>(opened));
  EXPECT_EQ(std::get<std::unique_ptr<Store>>(opened)->name(), "redis://host.invalid:7000/3");
}

TEST(open_store, says_how_a_redis_is_named) {
  const StoreFault fault = fault_of("redis:secret@host");
  EXPECT_EQ(fault.kind, StoreFault::Kind::refused);
  EXPECT_THAT(fault.text, HasSubstr("redis://"));
  EXPECT_THAT(fault.text, Not(HasSubstr("secret")));
}
#endif

#ifdef GMAN_STORE_SQLITE
TEST(open_store, wants_the_name_of_a_file) {
  EXPECT_EQ(fault_of("sqlite:").kind, StoreFault::Kind::refused);
}

TEST(open_store, touches_nothing_before_the_store_begins) {
  auto opened = open_store("sqlite:/nonexistent/jobs.db");
  ASSERT_TRUE(std::holds_alternative<std::unique_ptr<Store>>(opened));
  EXPECT_EQ(std::get<std::unique_ptr<Store>>(opened)->name(), "sqlite:/nonexistent/jobs.db");
}
#endif

std::string name_of(std::string_view url) {
  auto opened = open_store(url);
  if (const auto* fault = std::get_if<StoreFault>(&opened)) return fault->text;
  return std::get<std::unique_ptr<Store>>(opened)->name();
}

#ifdef GMAN_STORE_POSTGRES
TEST(open_store, names_postgresql_without_the_password) {
  EXPECT_EQ(name_of("postgresql://me:secret@db.example:5433/jobs?connect_timeout=3"),
            "postgresql://me@db.example:5433/jobs");
  EXPECT_EQ(name_of("postgres://one,two/jobs?password=secret&user=me"),
            "postgresql://me@one,two/jobs");
  EXPECT_EQ(name_of("postgresql:///jobs?host=/run/postgresql"),
            "postgresql:///run/postgresql/jobs");
}
#endif

#ifdef GMAN_STORE_MYSQL
TEST(open_store, names_mysql_without_the_password) {
  EXPECT_EQ(name_of("mysql://me:secret@db.example/jobs"), "mysql://me@db.example:3306/jobs");
  EXPECT_EQ(name_of("mariadb://me:sec%2Fret@localhost/jobs?socket=/run/my.sock"),
            "mysql://me@/run/my.sock/jobs");
}

TEST(open_store, wants_a_database_of_mysql) {
  const StoreFault fault = fault_of("mysql://me:secret@db.example/");
  EXPECT_EQ(fault.kind, StoreFault::Kind::refused);
  EXPECT_THAT(fault.text, HasSubstr("names no database"));
}
#endif

}  // namespace
}  // namespace gman
