// SPDX-License-Identifier: BSD-3-Clause
// gman sql watch: triggers that make a job for each new and changed row of a table.
//
// The statements are those of gman.trigger_sql (sql/mysql/trigger.sql), which has them from one
// place in the database: here they are run, and nothing is known of what they say.
#include <array>
#include <cstdlib>
#include <memory>

#include "cli/invocation.hpp"
#include "cli/stream.hpp"
#include "db/connection.hpp"

namespace gman::cli {
namespace {

constexpr std::string_view name = "sql watch";

struct Watch {
  std::string database;
  std::string table;
  std::string function;
  std::string column;
  bool is_immediate = false;
  bool is_dry_run = false;
};

/// What GMAN_DATABASE says, so that a password need not stand on a command line.
std::string database_of(const Watch& watch) {
  if (!watch.database.empty()) return watch.database;
  const char* from_environment = std::getenv("GMAN_DATABASE");
  return from_environment != nullptr ? from_environment : "";
}

Exit fail_at(const db::Error& error, std::string_view hint = "") {
  const bool is_gone = error.kind == db::ErrorKind::unreachable;
  return fail(is_gone ? Exit::unreachable : Exit::failed, name, error.message, hint);
}

/// The database says the same of a function that is not there and of one that may not be called.
std::string_view hint_for(const db::Error& error) {
  constexpr std::string_view no_routine_or_no_right = "42000";
  return error.sqlstate == no_routine_or_no_right
             ? "gman.trigger_statement is asked, which sql/mysql/trigger.sql installs, and which "
               "an "
               "account may call that has the role gman_operator"
             : "";
}

db::Result<std::string> statement_of(db::Connection& connection, const Watch& watch,
                                     std::string_view step, std::string_view event) {
  const std::array parameters{db::Parameter::text(step),
                              db::Parameter::text(event),
                              db::Parameter::text(watch.table),
                              db::Parameter::text(watch.function),
                              db::Parameter::text(watch.column),
                              db::Parameter::text(watch.is_immediate ? "immediate" : "outbox")};
  auto rows = connection.execute("SELECT gman.trigger_statement(?, ?, ?, ?, ?, ?)", parameters);
  if (!rows) return rows.error();
  return rows->at(0, 0).value_or("");
}

/// Both triggers anew: a moment without them is part of it, as DDL knows no transaction here.
Exit run(const Watch& watch) {
  auto connection = db::connect(database_of(watch));
  if (!connection) return fail_at(connection.error());
  if ((*connection)->dialect() != db::Dialect::mysql) {
    return fail(Exit::usage, name, "this is for MySQL and MariaDB",
                "for PostgreSQL there is sql/postgres/trigger.sql");
  }
  std::vector<std::string> statements;
  for (const std::string_view step : {"drop", "create"}) {
    for (const std::string_view event : {"insert", "update"}) {
      auto statement = statement_of(**connection, watch, step, event);
      if (!statement) return fail_at(statement.error(), hint_for(statement.error()));
      statements.push_back(*std::move(statement));
    }
  }
  if (watch.is_dry_run) {
    std::string text;
    for (const std::string& statement : statements) text += statement + ";;\n";
    return write_output(name, "DELIMITER ;;\n" + text + "DELIMITER ;\n") ? Exit::done : Exit::other;
  }
  for (const std::string& statement : statements) {
    const auto done = (*connection)->run(statement);
    if (!done) return fail_at(done.error());
  }
  return Exit::done;
}

void add_watch(CLI::App& parent, Invocation& invocation) {
  auto* command = parent.add_subcommand("watch", "Make a job for each new and changed row");
  auto watch = std::make_shared<Watch>();
  command->add_option("TABLE", watch->table, "The table with its schema: shop.page")->required();
  command->add_option("FUNCTION", watch->function, "The function of the jobs")->required();
  command->add_option("COLUMN", watch->column, "The column that is the workload: a key")
      ->required();
  command->add_option("-d,--database", watch->database, "mysql://user:password@host:port/schema");
  command->add_flag("--immediate", watch->is_immediate,
                    "Send inside the transaction, at once, and not by the outbox");
  command->add_flag("--dry-run", watch->is_dry_run, "Print the statements, and do not run them");
  command->footer(
      "Makes two triggers, AFTER INSERT and AFTER UPDATE, or replaces them. A job carries the\n"
      "column's value; a NULL makes none, and neither does an UPDATE that leaves it as it is.\n"
      "The database is named by -d, else by GMAN_DATABASE; ?socket=/path behind it takes the place "
      "of\n"
      "host and port.\n"
      "SET @gman_off = 1 silences them for a session, until SET @gman_off = 0; on a MariaDB\n"
      "replica they are silent, and MySQL's runs none with row format.\n"
      "Needs sql/mysql/trigger.sql in the database, and the outbox or the functions there.\n"
      "Exit codes: 0 done; 1 refused by the database; 2 wrong usage; 3 no database reachable.\n"
      "\nExamples:\n"
      "  gman sql watch -d mysql://root@localhost/shop shop.page index_url url\n"
      "  gman sql watch --dry-run --immediate shop.page index_url url");
  command->callback([&invocation, watch] { invocation.run = [watch] { return run(*watch); }; });
}

}  // namespace

void add_sql(CLI::App& app, Invocation& invocation) {
  auto* command = app.add_subcommand("sql", "Let rows of a database become jobs");
  command->require_subcommand(1);
  add_watch(*command, invocation);
}

}  // namespace gman::cli
