// SPDX-License-Identifier: BSD-3-Clause
#include "relay/core/id_list.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace gman::relay {
namespace {

std::vector<std::uint64_t> run(std::uint64_t first, std::size_t count) {
  std::vector<std::uint64_t> ids(count);
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

TEST(id_list, lists_in_the_order_given) {
  EXPECT_EQ(list_of({}), "");
  EXPECT_EQ(list_of({3, 1, 2}), "3,1,2");
}

TEST(id_list, names_single_ids_one_by_one) {
  EXPECT_EQ(condition_of({7}), "(id IN (7))");
  EXPECT_EQ(condition_of({9, 7, 8}), "(id IN (7,8,9))");
}

TEST(id_list, names_what_follows_one_another_by_its_ends) {
  EXPECT_EQ(condition_of(run(1, 100)), "(id BETWEEN 1 AND 100)");
}

TEST(id_list, names_what_is_between_two_runs_by_itself) {
  std::vector<std::uint64_t> ids = run(200, 20);
  ids.push_back(150);
  const auto more = run(1, 100);
  ids.insert(ids.end(), more.begin(), more.end());
  EXPECT_EQ(condition_of(ids), "(id BETWEEN 1 AND 100 OR id BETWEEN 200 AND 219 OR id IN (150))");
}

TEST(id_list, goes_to_the_last_id_there_can_be) {
  constexpr std::uint64_t last = ~std::uint64_t{0};
  EXPECT_EQ(condition_of(run(last - 15, 16)),
            "(id BETWEEN 18446744073709551600 AND 18446744073709551615)");
}

}  // namespace
}  // namespace gman::relay
