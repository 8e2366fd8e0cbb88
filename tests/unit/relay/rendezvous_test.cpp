// SPDX-License-Identifier: BSD-3-Clause
#include "relay/core/rendezvous.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "relay/core/backoff.hpp"

namespace gman::relay {
namespace {

std::string unique(int row) {
  return "0123abcd-4567-89ab-cdef-0123456789ab:" + std::to_string(row);
}

TEST(rendezvous, chooses_nothing_when_no_server_is_up) {
  EXPECT_EQ(rendezvous("u", {}), std::nullopt);
  EXPECT_EQ(rendezvous("u", {{"a", false}, {"b", false}}), std::nullopt);
}

TEST(rendezvous, does_not_depend_on_the_order_of_the_list) {
  std::vector<Candidate> servers{{"a:4730", true}, {"b:4730", true}, {"c:4730", true}};
  std::vector<Candidate> reversed(servers.rbegin(), servers.rend());
  for (int row = 0; row < 1000; ++row) {
    EXPECT_EQ(servers[*rendezvous(unique(row), servers)].name,
              reversed[*rendezvous(unique(row), reversed)].name);
  }
}

TEST(rendezvous, moves_only_the_jobs_of_a_server_that_is_down_and_moves_them_back) {
  const std::vector<Candidate> all{{"a", true}, {"b", true}, {"c", true}};
  std::vector<Candidate> some = all;
  some[1].is_up = false;
  for (int row = 0; row < 1000; ++row) {
    const std::size_t before = *rendezvous(unique(row), all);
    const std::size_t without = *rendezvous(unique(row), some);
    EXPECT_NE(without, 1);
    if (before != 1) {
      EXPECT_EQ(without, before);
    }
  }
}

TEST(rendezvous, gives_each_server_its_share) {
  const std::vector<Candidate> servers{{"a", true}, {"b", true}, {"c", true}, {"d", true}};
  std::map<std::size_t, int> jobs;
  for (int row = 0; row < 4000; ++row) ++jobs[*rendezvous(unique(row), servers)];
  for (const auto& [server, count] : jobs) EXPECT_NEAR(count, 1000, 150) << server;
  EXPECT_EQ(jobs.size(), 4);
}

TEST(backoff, doubles_up_to_its_bound_with_half_of_it_left_to_chance) {
  Dice dice(1);
  Backoff backoff(milliseconds(100), milliseconds(1000));
  for (const int most : {100, 200, 400, 800, 1000, 1000}) {
    const auto wait = backoff.next(dice);
    EXPECT_GE(wait, milliseconds(most / 2));
    EXPECT_LE(wait, milliseconds(most));
  }
  backoff.reset();
  EXPECT_LE(backoff.next(dice), milliseconds(100));
}

TEST(backoff, is_another_for_each_relay) {
  Dice one(1);
  Dice two(2);
  EXPECT_NE(with_jitter(milliseconds(10'000), one), with_jitter(milliseconds(10'000), two));
}

}  // namespace
}  // namespace gman::relay
