// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/missing.hpp"

#include <algorithm>

namespace gman {

std::vector<JobNumber> missing_of(std::span<const JobNumber> asked_for,
                                  std::vector<JobNumber> told_of) {
  std::ranges::sort(told_of);
  std::vector<JobNumber> missing;
  for (const JobNumber number : asked_for) {
    if (!std::ranges::binary_search(told_of, number)) missing.push_back(number);
  }
  return missing;
}

}  // namespace gman
