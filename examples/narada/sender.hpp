// SPDX-License-Identifier: BSD-3-Clause
// Sends background jobs from inside a job. Any number of threads.
#pragma once

#include <string>
#include <string_view>

#include <gman/client.hpp>

#include "examples/narada/pool.hpp"
#include "examples/narada/trouble.hpp"

namespace gman::narada {

class Sender {
 public:
  /// Throws std::invalid_argument, with the reason, when the list of servers is wrong.
  explicit Sender(const std::string& servers);

  [[nodiscard]] Result<void> send(std::string_view function, std::string_view workload);

 private:
  Pool<Client> clients_;
};

}  // namespace gman::narada
