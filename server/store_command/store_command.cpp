// SPDX-License-Identifier: BSD-3-Clause
#include "server/store_command/store_command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

#ifdef GMAN_STORE_SQLITE
#include "server/store_command/check.hpp"
#include "server/store_command/import.hpp"
#include "server/store_command/salvage.hpp"
#endif

namespace gman {
namespace {

StoreCommandEnd refuse(const std::string& command, const std::string& why) {
  std::fprintf(stderr, "gmand store %s: %s\n", command.c_str(), why.c_str());
  return StoreCommandEnd::mistake;
}

/// The path of a store that is a file.
template <typename Do>
StoreCommandEnd with_file(const std::string& command, const std::string& url,
                          [[maybe_unused]] Do&& act) {
  constexpr std::string_view scheme = "sqlite:";
  if (!url.starts_with(scheme) || url.size() == scheme.size()) {
    return refuse(command, "it is for files, and wants sqlite:/path/to/file");
  }
#ifdef GMAN_STORE_SQLITE
  return act(url.substr(scheme.size()));
#else
  return refuse(command, "this gmand was built without SQLite");
#endif
}

#ifdef GMAN_STORE_SQLITE
StoreCommandEnd check(const std::string& path) {
  return check_sqlite(path);
}
StoreCommandEnd salvage(const std::string& path, const std::string& to) {
  return salvage_sqlite(path, to.empty() ? path + ".salvaged" : to);
}
StoreCommandEnd import(const std::string& path, const std::string& from, const std::string& table,
                       bool again) {
  return import_into_sqlite({.path = path, .from = from, .table = table, .again = again});
}
#else
StoreCommandEnd import(const std::string&, const std::string&, const std::string&, bool) {
  return StoreCommandEnd::mistake;
}
StoreCommandEnd check(const std::string&) {
  return StoreCommandEnd::mistake;
}
StoreCommandEnd salvage(const std::string&, const std::string&) {
  return StoreCommandEnd::mistake;
}
#endif

}  // namespace

int run_store_command(int count, const char* const* words) {
  CLI::App app{"Looks after a store of background jobs", "gmand store"};
  app.require_subcommand(1);
  app.get_formatter()->column_width(32);
  std::string url, to, from, table;
  bool again = false;
  const auto command = [&](const char* name, const char* what, const char* more) {
    CLI::App* added = app.add_subcommand(name, what);
    added->footer(more);
    added->add_option("URL", url, "The store: sqlite:/path/to/file")->required()->type_name("");
    return added;
  };
  const CLI::App* const check_words =
      command("check", "Say whether a store is sound, and what is in it",
              "Changes nothing; a server may have it meanwhile.\n"
              "Exit code: 0 sound, 1 damaged, 2 it could not be looked at.");
  CLI::App* const salvage_words =
      command("salvage", "Save what can be read of a damaged store into a new file",
              "The damaged file is left as it is, and what to do next is said at the end.\n"
              "Exit code: 0 all was saved, 1 something was damaged, 2 it could not be tried.");
  salvage_words
      ->add_option("--to", to, "The new file; URL's file and .salvaged where it is not said")
      ->option_text("FILE");
  CLI::App* const import_words = command(
      "import", "Take over the background jobs that gearmand left in a queue table",
      "End gearmand first. Its table is only read; function, unique, priority, time and workload\n"
      "are kept, handles are not. A table is imported once.\n"
      "Exit code: 0 all is imported, 2 not all of it, or nothing.\n\n"
      "Example: gmand store import sqlite:/var/lib/gman/jobs.db \\\n"
      "           --from sqlite:/var/lib/gearman/gearmand.db");
  import_words
      ->add_option("--from", from,
                   "The queue: sqlite:/path, postgresql://user@host/db or mysql://user@host/db")
      ->required()
      ->option_text("URL");
  import_words
      ->add_option("--table", table, "Its table; gearman_queue, in PostgreSQL queue, if not said")
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
    return static_cast<int>(with_file(
        "import", url, [&](const std::string& path) { return import(path, from, table, again); }));
  }
  if (check_words->parsed()) return static_cast<int>(with_file("check", url, check));
  return static_cast<int>(
      with_file("salvage", url, [&](const std::string& path) { return salvage(path, to); }));
}

}  // namespace gman
