// SPDX-License-Identifier: BSD-3-Clause
// StartError: what keeps the process from becoming what the operator wants, as one line.
#pragma once

#include <stdexcept>

namespace gman {

class StartError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace gman
