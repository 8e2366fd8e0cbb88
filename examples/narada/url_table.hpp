// SPDX-License-Identifier: BSD-3-Clause
// The rows of the table `url` (sql/): where they are on their way, and the SQL that moves them.
//
//   queued --claim--> fetching --finish--> fetched --mark_indexed--> indexed
//                              `---------> failed, skipped
//
// A job may come twice, or while another one for the same URL is still running, and a statement may
// reach the database after the worker that sent it has died. Three rules keep that harmless.
// claim() takes rows up to `fetched`, so a job that was lost half-way is done again from its start,
// and counts the attempts; it takes a row only as it has just seen it. finish() changes the row
// only for the latest attempt, so that only one of two goes on. insert_links() puts a row that is
// found again by a shorter way back to `queued`, whose trigger sends its job again: at the end
// every depth is the least one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "db/connection.hpp"
#include "examples/narada/jobs.hpp"
#include "examples/narada/pool.hpp"
#include "examples/narada/trouble.hpp"
#include "examples/narada/visit.hpp"

namespace gman::narada {

struct UrlStatements;

struct Claim {
  int depth = 0;
  int attempt = 0;       ///< which one this is for the row, from 1
  bool is_open = false;  ///< false: the row has been dealt with already
};

/// Any number of threads; each call uses a connection of its own. Trouble is passing, unless the
/// table can hold no such row.
class UrlTable {
 public:
  /// Opens nothing yet. Refused when the DSN names no known database.
  [[nodiscard]] static Result<std::unique_ptr<UrlTable>> at(const std::string& dsn);

  /// Takes the row of `url`. Waits for a transaction that is inserting it, and inserts it itself
  /// when that one rolls back.
  [[nodiscard]] Result<Claim> claim(std::string_view url);

  /// Writes down what became of a claimed row. False: somebody else has it by now, and indexes the
  /// page too.
  [[nodiscard]] Result<bool> finish(std::string_view url, const Claim& claim, const Visit& visited);

  /// Inserts those URLs that are new, and brings nearer those known at a greater depth.
  [[nodiscard]] Result<void> insert_links(const Links& links);

  [[nodiscard]] Result<void> mark_indexed(std::span<const std::string> urls);

 private:
  UrlTable(const std::string& dsn, const UrlStatements& statements);
  [[nodiscard]] Result<db::Rows> execute(const char* sql,
                                         std::span<const db::Parameter> parameters);

  const UrlStatements& statements_;
  Pool<db::Connection> connections_;
};

}  // namespace gman::narada
