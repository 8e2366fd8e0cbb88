// SPDX-License-Identifier: BSD-3-Clause
// many_functions_worker SERVERS COUNT: offers many_0, many_1 and so on, which reverse, until it is
// told to stop.
#include <cstdlib>
#include <gman/worker.hpp>

#include <string>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  gman::WorkerSettings settings;
  settings.servers = argv[1];
  gman::Worker worker(settings);
  for (long i = 0; i < std::strtol(argv[2], nullptr, 10); ++i) {
    worker.add_function("many_" + std::to_string(i), [](gman::Job& job) {
      return gman::WorkResult::complete({job.workload().rbegin(), job.workload().rend()});
    });
  }
  worker.run_until_signal();
  return 0;
}
