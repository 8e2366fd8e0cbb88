// SPDX-License-Identifier: BSD-3-Clause
// gman do: run a job and wait for its result.
#include <memory>

#include "cli/duration.hpp"
#include "cli/moment.hpp"
#include "cli/submit.hpp"

namespace gman::cli {

void add_do(CLI::App& app, Invocation& invocation) {
  auto* command = app.add_subcommand("do", "Run a job and print its result");
  auto options = std::make_shared<SubmitOptions>();
  add_submit_options(*command, invocation, *options);
  command->footer(
      "The result goes to standard output as the worker sent it; warnings and, on a terminal,\n"
      "progress go to standard error. A workload that begins with - goes behind --.\n" +
      std::string(duration_footer) + std::string(when_footer) + std::string(submit_exit_codes) +
      "\nWith --lines a failed job is told and the next one is run.\n"
      "\nExamples:\n"
      "  gman do reverse Hello\n"
      "  gman do resize < photo.jpg > small.jpg\n"
      "  gman do --deadline 2s -s db1,db2 search 'vacuum freeze'\n"
      "  gman do reverse --lines < words");
  command->callback([&invocation, options, command] {
    options->has_workload = command->count("WORKLOAD") > 0;
    invocation.run = [&invocation, options] { return submit(invocation, "do", *options); };
  });
}

}  // namespace gman::cli
