// SPDX-License-Identifier: BSD-3-Clause
// sim: random histories of the job server. Each seed is one; what it finds, one command replays.
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/history.hpp"

namespace {

using gman::sim::HistoryOptions;
using gman::sim::run_history;

constexpr std::string_view usage =
    "Usage: sim [--seed N [--verbose] | --seeds A..B | --seconds N] [--kept FILE]\n"
    "\n"
    "Plays random histories of clients, workers and operators against the engine, over a virtual\n"
    "network and clock, and checks each event against a model.\n"
    "\n"
    "  --seed N      one history\n"
    "  --verbose     says everything that happens in it\n"
    "  --seeds A..B  those histories, both ends included (default: 1..5000)\n"
    "  --seconds N   histories from seed 1 on, for so long\n"
    "  --kept FILE   first the seeds in this file, one a line: those that found something once\n"
    "\n"
    "Exit status: 0 all came out as they must; 1 one did not; 2 wrong usage.\n";

// What to say when the process is being killed by a signal: kept ready, since nothing can be made
// then.
char last_words[128];

void prepare_last_words(std::uint64_t seed) {
  const int length =
      std::snprintf(last_words, sizeof last_words,
                    "\nseed %llu ended the program; replay it: sim --seed %llu "
                    "--verbose\n",
                    static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed));
  last_words[length < 0 ? 0 : length] = '\0';
}

extern "C" void on_deadly_signal(int number) {
  [[maybe_unused]] const auto written = ::write(2, last_words, std::strlen(last_words));
  std::signal(number, SIG_DFL);
  std::raise(number);
}

struct Options {
  std::optional<std::uint64_t> seed;
  bool is_verbose = false;
  std::uint64_t first = 1;
  std::uint64_t last = 5000;
  std::optional<std::chrono::seconds> duration;
  std::string kept;
};

[[noreturn]] void wrong_usage(std::string_view what) {
  std::cerr << "sim: " << what << '\n' << usage;
  std::exit(2);
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size()) {
    wrong_usage("not a number: '" + std::string(text) + "'");
  }
  return value;
}

Options options_of(const std::vector<std::string_view>& args) {
  Options options;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const auto value = [&] {
      if (i + 1 == args.size()) wrong_usage("no value for " + std::string(args[i]));
      return args[++i];
    };
    if (args[i] == "--help" || args[i] == "-h") {
      std::cout << usage;
      std::exit(0);
    } else if (args[i] == "--seed") {
      options.seed = number(value());
    } else if (args[i] == "--verbose") {
      options.is_verbose = true;
    } else if (args[i] == "--seeds") {
      const std::string_view range = value();
      const std::size_t dots = range.find("..");
      if (dots == std::string_view::npos) wrong_usage("--seeds wants A..B");
      options.first = number(range.substr(0, dots));
      options.last = number(range.substr(dots + 2));
      if (options.first > options.last) wrong_usage("--seeds wants A..B with A at most B");
    } else if (args[i] == "--seconds") {
      options.duration = std::chrono::seconds(number(value()));
    } else if (args[i] == "--kept") {
      options.kept = value();
    } else {
      wrong_usage("unknown option '" + std::string(args[i]) + "'");
    }
  }
  return options;
}

std::vector<std::uint64_t> kept_seeds(const std::string& file) {
  std::ifstream in(file);
  if (!in) wrong_usage("cannot read '" + file + "'");
  std::vector<std::uint64_t> seeds;
  for (std::string line; std::getline(in, line);) {
    const std::string_view text = std::string_view(line).substr(0, line.find('#'));
    const std::size_t end = text.find_last_not_of(" \t");
    if (end != std::string_view::npos) seeds.push_back(number(text.substr(0, end + 1)));
  }
  return seeds;
}

class Runner {
 public:
  explicit Runner(std::string program) : program_(std::move(program)) {}

  void run(std::uint64_t seed, bool is_verbose = false) {
    prepare_last_words(seed);
    ++histories_;
    try {
      events_ += run_history(HistoryOptions{.seed = seed, .is_verbose = is_verbose});
    } catch (const std::exception& failure) {
      std::cout << std::flush;
      std::cerr << "seed " << seed << ": " << failure.what() << "\nreplay it: " << program_
                << " --seed " << seed
                << " --verbose\nonce it is mended, keep it: tests/sim/seeds.txt\n";
      std::exit(1);
    }
  }
  void sum_up() const {
    std::cout << histories_ << " histories, " << events_ << " events, all as the model says\n";
  }

 private:
  std::string program_;
  std::uint64_t histories_ = 0;
  std::uint64_t events_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = options_of({argv + 1, argv + argc});
  for (const int deadly : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV}) {
    std::signal(deadly, on_deadly_signal);
  }
  Runner runner(argv[0]);
  if (!options.kept.empty()) {
    for (const std::uint64_t seed : kept_seeds(options.kept)) runner.run(seed);
  }
  if (options.seed) {
    runner.run(*options.seed, options.is_verbose);
  } else if (options.duration) {
    const auto end = std::chrono::steady_clock::now() + *options.duration;
    for (std::uint64_t seed = 1; std::chrono::steady_clock::now() < end; ++seed) runner.run(seed);
  } else {
    for (std::uint64_t seed = options.first; seed <= options.last; ++seed) runner.run(seed);
  }
  runner.sum_up();
  return 0;
}
