// SPDX-License-Identifier: BSD-3-Clause
#include "relay/core/id_list.hpp"

#include <algorithm>
#include <string_view>

#include "base/assert.hpp"

namespace gman::relay {
namespace {

/// In shorter runs, the optimizer's look at each range costs more than it saves.
constexpr std::size_t run_min = 16;

}  // namespace

std::string list_of(const std::vector<std::uint64_t>& ids) {
  std::string list;
  for (const std::uint64_t id : ids) {
    if (!list.empty()) list += ',';
    list += std::to_string(id);
  }
  return list;
}

std::string condition_of(std::vector<std::uint64_t> ids) {
  GMAN_ASSERT(!ids.empty());
  std::ranges::sort(ids);
  std::string condition;
  const auto add = [&](const std::string& one) {
    condition.append(condition.empty() ? "(" : " OR ").append(one);
  };
  std::vector<std::uint64_t> single;
  for (auto first = ids.begin(); first != ids.end();) {
    auto last = first;
    while (std::next(last) != ids.end() && *std::next(last) == *last + 1) ++last;
    const auto end = std::next(last);
    if (end - first >= static_cast<std::ptrdiff_t>(run_min)) {
      add("id BETWEEN " + std::to_string(*first) + " AND " + std::to_string(*last));
    } else {
      single.insert(single.end(), first, end);
    }
    first = end;
  }
  if (!single.empty()) add("id IN (" + list_of(single) + ")");
  return condition + ")";
}

}  // namespace gman::relay
