// SPDX-License-Identifier: BSD-3-Clause
#include "server/store_command/store_command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>

#include "server/store_command/check.hpp"
#include "server/store_command/import.hpp"
#include "server/store_command/salvage.hpp"

namespace gman {

int run_store_command(int count, const char* const* words) {
  CLI::App app{"Looks after a store of background jobs", "gmand store"};
  app.require_subcommand(1);
  app.get_formatter()->column_width(32);
  std::string url, to, from, table;
  bool again = false;
  const auto command = [&](const char* name, const char* what, const char* more) {
    CLI::App* added = app.add_subcommand(name, what);
    added->footer(more);
    added->add_option("URL", url, "The store, as gmand's --store names it")
        ->required()
        ->type_name("");
    return added;
  };
  const CLI::App* const check_words =
      command("check", "Say whether a store is sound, and what is in it",
              "Changes nothing; a server may have it meanwhile.\n"
              "Exit code: 0 sound, 1 damaged, 2 it could not be looked at.");
  CLI::App* const salvage_words =
      command("salvage", "Save what can be read of a store into a new one",
              "The old one is left as it is, and what to do next is said at the end. Numbers and\n"
              "handles are kept from file to file only.\n"
              "Exit code: 0 all was saved, 1 something was damaged, 2 it could not be tried.");
  salvage_words
      ->add_option("--to", to,
                   "The new store, or a new file;\nURL's file and .salvaged where it is not said")
      ->option_text("URL");
  CLI::App* const import_words = command(
      "import", "Take over the background jobs that gearmand left in a queue",
      "End gearmand first. Its queue is only read; function, unique, priority, time and workload\n"
      "are kept, handles are not. A queue is imported once.\n"
      "Exit code: 0 all is imported, 2 not all of it, or nothing.\n\n"
      "Example: gmand store import sqlite:/var/lib/gman/jobs.db \\\n"
      "           --from sqlite:/var/lib/gearman/gearmand.db");
  import_words
      ->add_option("--from", from,
                   "The queue: sqlite:/path, postgresql://user@host/db,\n"
                   "mysql://user@host/db or redis://host")
      ->required()
      ->option_text("URL");
  import_words
      ->add_option("--table", table,
                   "Its table, or prefix of keys; if not said gearman_queue,\n"
                   "in PostgreSQL queue, in Redis _gear_")
      ->option_text("NAME");
  import_words->add_flag("--again", again,
                         "Import it although it was before, but for jobs that wait in the store");
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::string what = error.what();
    std::ranges::replace(what, '\n', ' ');
    std::fprintf(stderr, "gmand store: %s\nTry `gmand store --help`.\n", what.c_str());
    return static_cast<int>(StoreCommandEnd::mistake);
  }
  if (import_words->parsed()) {
    return static_cast<int>(
        import_queue({.to = url, .from = from, .table = table, .again = again}));
  }
  if (check_words->parsed()) return static_cast<int>(check_store(url));
  return static_cast<int>(salvage_store(url, to));
}

}  // namespace gman
