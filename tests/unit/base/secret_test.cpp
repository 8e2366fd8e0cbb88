// SPDX-License-Identifier: BSD-3-Clause
#include "base/secret.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace gman {
namespace {

TEST(secret, no_password_of_a_url_is_left_in_it) {
  struct Case {
    const char* url;
    const char* shown;
  };
  for (const auto& [url, shown] : {
           Case{"mysql://me:hush@host:1/db", "mysql://me:PASSWORD@host:1/db"},
           Case{"redis://:hush@host", "redis://:PASSWORD@host"},
           Case{"redis+unix://:hush@/run/redis?db=1", "redis+unix://:PASSWORD@/run/redis?db=1"},
           Case{"postgresql://me:hush@[::1]/db?a=b", "postgresql://me:PASSWORD@[::1]/db?a=b"},
           Case{"postgresql:///db?password=hush&user=me",
                "postgresql:///db?password=PASSWORD&user=me"},
           Case{"postgresql:///db?user=me&password=hush",
                "postgresql:///db?user=me&password=PASSWORD"},
           // Not encoded, as they should be: rather too much than too little.
           Case{"mysql://me:h/u@sh@host/db", "mysql://me:PASSWORD@host/db"},
           Case{"mysql://me:hu:sh@host/db", "mysql://me:PASSWORD@host/db"},
       }) {
    EXPECT_EQ(without_password(url), shown);
  }
}

TEST(secret, what_has_no_password_is_as_it_was) {
  for (const char* url : {"", "sqlite:/a:b@c", "mysql://me@host:3306/db", "redis://host:6379",
                          "memcached://a:1,b:2", "postgresql:///?host=/tmp&dbname=d"}) {
    EXPECT_EQ(without_password(url), url);
  }
}

}  // namespace
}  // namespace gman
