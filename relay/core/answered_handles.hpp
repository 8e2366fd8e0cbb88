// SPDX-License-Identifier: BSD-3-Clause
// AnsweredHandles: which job each of the handles was given to that a server answered with lately.
//
// An answer names only the job at the server, and is taken for the submit whose turn it is. One
// that came twice would say of a job that the server has it, and all answers behind it would be
// taken for the wrong ones. A handle belongs to one job for ever, so one that comes again for
// another job says so. Bounded: what came twice with more than `count_max` other handles between is
// not recognised. A handle is kept as its hash; two with the same one cost a connection, once in
// very long.
#pragma once

#include <cstddef>
#include <deque>
#include <string_view>
#include <unordered_map>

namespace gman::relay {

class AnsweredHandles {
 public:
  static constexpr std::size_t count_max = 8'192;

  /// `identity` is of the job whose turn it is; jobs that may be joined have the same one. False:
  /// the handle was given to another.
  [[nodiscard]] bool add(std::string_view handle, std::size_t identity);

 private:
  std::unordered_map<std::size_t, std::size_t> identities_;  // by hash of the handle
  std::deque<std::size_t> hashes_;                           // the oldest first
};

}  // namespace gman::relay
