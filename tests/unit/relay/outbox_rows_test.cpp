// SPDX-License-Identifier: BSD-3-Clause
#include "relay/core/outbox_rows.hpp"

#include <gtest/gtest.h>

namespace gman::relay {
namespace {

TEST(outbox_rows, writes_rows_that_go_back_as_json) {
  EXPECT_EQ(json_of({}), "[]");
  EXPECT_EQ(json_of({{.id = 7, .attempts = 2, .delay = milliseconds(1500)},
                     {.id = 8, .attempts = 1, .is_dead = true, .was_sent = false, .error = "no"}}),
            R"([{"id":7,"attempts":2,"dead":0,"unsent":0,"delay_ms":1500},)"
            R"({"id":8,"attempts":1,"dead":1,"unsent":1,"delay_ms":0,"error":"no"}])");
}

TEST(outbox_rows, quotes_what_json_asks_for_and_leaves_other_bytes_alone) {
  const std::string json =
      json_of({{.id = 1, .error = std::string("a\"b\\c\n\x1f\0 \xc3\xa9", 11)}});
  EXPECT_NE(json.find(R"("error":"a\"b\\c\u000a\u001f\u0000 )"
                      "\xc3\xa9\"}"),
            std::string::npos)
      << json;
}

}  // namespace
}  // namespace gman::relay
