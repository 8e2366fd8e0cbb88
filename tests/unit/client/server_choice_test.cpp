// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/server_choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gman {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Instant start{std::chrono::hours{1}};
constexpr milliseconds retry_after{5000};

std::vector<ServerAddress> servers(std::string_view list) {
  return std::get<std::vector<ServerAddress>>(parse_server_list(list));
}

ServerChoice choice_of(std::string_view list) {
  ServerChoice choice;
  choice.configure(servers(list), retry_after);
  return choice;
}

TEST(server_choice, tries_servers_as_the_list_names_them) {
  EXPECT_THAT(choice_of("a,b,c").order(start), ElementsAre(0, 1, 2));
  EXPECT_THAT(choice_of("").order(start), IsEmpty());
}

TEST(server_choice, leaves_a_failed_server_alone_for_retry_after_and_not_longer) {
  ServerChoice choice = choice_of("a,b,c");
  choice.failed(0, start, "refused");
  EXPECT_THAT(choice.order(start), ElementsAre(1, 2, 0));
  EXPECT_THAT(choice.order(start + retry_after - milliseconds{1}), ElementsAre(1, 2, 0));
  EXPECT_THAT(choice.order(start + retry_after), ElementsAre(0, 1, 2));
}

TEST(server_choice, forgets_a_failure_once_the_server_answers) {
  ServerChoice choice = choice_of("a,b");
  choice.failed(0, start, "refused");
  choice.answered(0);
  EXPECT_THAT(choice.order(start), ElementsAre(0, 1));
}

TEST(server_choice, tries_all_in_the_lists_order_when_all_have_failed) {
  ServerChoice choice = choice_of("a,b,c");
  choice.failed(2, start, "refused");
  choice.failed(0, start + milliseconds{1}, "refused");
  choice.failed(1, start + milliseconds{2}, "refused");
  EXPECT_THAT(choice.order(start + milliseconds{3}), ElementsAre(0, 1, 2));
}

TEST(server_choice, remembers_failures_of_servers_that_stay_in_a_new_list) {
  ServerChoice choice = choice_of("a,b");
  choice.failed(0, start, "refused");
  choice.configure(servers("c,b,a"), retry_after);
  EXPECT_THAT(choice.order(start), ElementsAre(0, 1, 2));
  choice.configure(servers("a,d"), retry_after);
  EXPECT_THAT(choice.order(start), ElementsAre(1, 0));
  choice.configure(servers("d"), retry_after);
  choice.configure(servers("a,d"), retry_after);
  EXPECT_THAT(choice.order(start), ElementsAre(0, 1));
}

TEST(server_choice, leaves_no_server_alone_when_retry_after_is_zero) {
  ServerChoice choice;
  choice.configure(servers("a,b"), milliseconds{0});
  choice.failed(0, start, "refused");
  EXPECT_THAT(choice.order(start), ElementsAre(0, 1));
}

}  // namespace
}  // namespace gman
