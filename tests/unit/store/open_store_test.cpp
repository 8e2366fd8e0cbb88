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
  EXPECT_THAT(fault_of("oracle://me:secret@host/").text, Not(HasSubstr("secret")));
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

}  // namespace
}  // namespace gman
