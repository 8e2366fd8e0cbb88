// SPDX-License-Identifier: BSD-3-Clause
// What `gman do` and `gman bg` have in common: the options of a job, where its workload comes from,
// and one job or one for each line of input.
#pragma once

#include <gman/client.hpp>

#include <string>
#include <string_view>

#include "cli/invocation.hpp"

namespace gman::cli {

struct SubmitOptions {
  std::string function;
  std::string workload;
  std::string unique;
  std::string deadline;
  std::string priority;     ///< "high", "normal", "low", or empty
  std::string unique_mode;  ///< "alive", "until-start", or empty
  std::string at;
  std::string in;
  bool has_workload = false;
  bool is_high = false;
  bool is_low = false;
  bool by_line = false;
  bool is_background = false;
};

void add_submit_options(CLI::App& command, Invocation& invocation, SubmitOptions& options);

Exit submit(const Invocation& invocation, std::string_view command, const SubmitOptions& options);

}  // namespace gman::cli
