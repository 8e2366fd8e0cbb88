// SPDX-License-Identifier: BSD-3-Clause
// gman bg: queue a job and go on.
#include <memory>

#include "cli/duration.hpp"
#include "cli/moment.hpp"
#include "cli/submit.hpp"

namespace gman::cli {

void add_bg(CLI::App& app, Invocation& invocation) {
  auto* command = app.add_subcommand("bg", "Queue a background job and print its handle");
  auto options = std::make_shared<SubmitOptions>();
  options->is_background = true;
  add_submit_options(*command, invocation, *options);
  command->footer(
      "The handle comes once the server has accepted the job. On a terminal --lines shows how far\n"
      "it is.\n" +
      std::string(duration_footer) + std::string(when_footer) + std::string(submit_exit_codes) +
      "\n\nExamples:\n"
      "  gman bg index_url http://example.org/\n"
      "  gman bg --unique photo-17 resize < photo.jpg\n"
      "  gman bg --low resize --lines < list\n"
      "  gman bg --in 10m remind Tea\n"
      "  gman bg -u page-17 --unique-mode until-start index_url http://example.org/");
  command->callback([&invocation, options, command] {
    options->has_workload = command->count("WORKLOAD") > 0;
    invocation.run = [&invocation, options] { return submit(invocation, "bg", *options); };
  });
}

}  // namespace gman::cli
