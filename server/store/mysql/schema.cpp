// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/mysql/schema.hpp"

#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace gman::mysql {
namespace {

// Texts are blobs: a job's may be any bytes. Each statement here commits by itself, so the row in
// gmand_store comes last, and says that all is there.
constexpr std::array tables{
    R"(
CREATE TABLE IF NOT EXISTS gmand_job (
  number BIGINT UNSIGNED NOT NULL PRIMARY KEY
    COMMENT 'number >> 40 is the start of the server that took it',
  position BIGINT UNSIGNED NOT NULL
    COMMENT 'Its place among the jobs of its function and priority',
  handle_number BIGINT UNSIGNED NOT NULL
    COMMENT 'Its handle: this after gmand_start.handle_prefix',
  due_ms BIGINT COMMENT 'Since 1970; NULL: it is queued, or it runs',
  attempts_lost INT UNSIGNED NOT NULL COMMENT 'How many workers it has cost',
  priority TINYINT UNSIGNED NOT NULL COMMENT '0 high, 1 normal, 2 low',
  checksum BIGINT UNSIGNED NOT NULL
    COMMENT 'Of all but position, due_ms and attempts_lost',
  function_name BLOB NOT NULL,
  unique_key BLOB NOT NULL,
  reducer BLOB NOT NULL,
  workload LONGBLOB NOT NULL
) ENGINE = InnoDB COMMENT 'Background jobs that are not done; see the view gmand_readable_job'
)",
    R"(
CREATE TABLE IF NOT EXISTS gmand_start (
  number INT UNSIGNED NOT NULL PRIMARY KEY,
  handle_prefix VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL
) ENGINE = InnoDB COMMENT 'Starts of the server of which jobs are left'
)",
    R"(
CREATE TABLE IF NOT EXISTS gmand_set_aside (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  reason VARCHAR(255) NOT NULL,
  since TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  number BIGINT UNSIGNED, position BIGINT UNSIGNED, handle_number BIGINT UNSIGNED,
  due_ms BIGINT, attempts_lost INT UNSIGNED, priority TINYINT UNSIGNED, checksum BIGINT UNSIGNED,
  function_name BLOB, unique_key BLOB, reducer BLOB, workload LONGBLOB,
  KEY (number)
) ENGINE = InnoDB COMMENT 'Jobs that were not read back as they were written'
)",
    R"(
CREATE OR REPLACE VIEW gmand_readable_job AS
SELECT job.number,
  CONCAT(start.handle_prefix, ':', job.handle_number) AS handle,
  CONVERT(job.function_name USING utf8mb4) AS function_name,
  CONVERT(job.unique_key USING utf8mb4) AS unique_key,
  ELT(job.priority + 1, 'high', 'normal', 'low') AS priority,
  FROM_UNIXTIME(job.due_ms / 1000) AS due,
  job.attempts_lost,
  LENGTH(job.workload) AS workload_bytes
FROM gmand_job AS job LEFT JOIN gmand_start AS start ON start.number = job.number >> 40
ORDER BY job.number
)",
    R"(
CREATE TABLE IF NOT EXISTS gmand_store (
  only_row TINYINT NOT NULL PRIMARY KEY,
  schema_version INT NOT NULL,
  start_number BIGINT UNSIGNED NOT NULL
    COMMENT 'Of the newest start; none else may change anything',
  session BIGINT UNSIGNED NOT NULL
    COMMENT 'Counts the sessions of all starts; the last may write',
  host VARCHAR(255) NOT NULL COMMENT 'Where that server runs',
  process_id BIGINT NOT NULL COMMENT 'What its process is there',
  since DATETIME NOT NULL COMMENT 'UTC'
) ENGINE = InnoDB COMMENT 'Which gmand has these tables: one row, locked by its commits'
)",
};

using Columns = std::vector<std::string>;

/// No columns: the tables are not there, or not all of them.
std::variant<Columns, StoreFault> version_of(Connection& connection) {
  constexpr const char* doing = "reading the schema's version";
  auto there = connection.row(doing,
                              "SELECT 1 FROM information_schema.TABLES"
                              " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'gmand_store'");
  if (std::holds_alternative<StoreFault>(there) || std::get<Columns>(there).empty()) return there;
  return connection.row(doing, "SELECT schema_version FROM gmand_store");
}

std::optional<StoreFault> check_version(Connection& connection, const std::string& text) {
  int found = 0;
  std::from_chars(text.data(), text.data() + text.size(), found);
  if (found == schema_version) return std::nullopt;
  const std::string newer = found > schema_version ? ", made by a newer gmand" : "";
  return connection.fault(StoreFault::Kind::refused, "the tables gmand_… have version " + text +
                                                         newer + "; this gmand knows " +
                                                         std::to_string(schema_version));
}

}  // namespace

std::optional<StoreFault> open_schema(Connection& connection) {
  auto version = version_of(connection);
  if (auto* failed = std::get_if<StoreFault>(&version)) return std::move(*failed);
  const Columns& columns = std::get<Columns>(version);
  if (!columns.empty()) return check_version(connection, columns.front());
  for (const char* table : tables) {
    if (auto failed = connection.execute("making the tables", table)) return failed;
  }
  const std::string first = "INSERT INTO gmand_store VALUES (1, " + std::to_string(schema_version) +
                            ", 0, 0, '', 0, UTC_TIMESTAMP())";
  return connection.execute("making the tables", first);
}

std::optional<StoreFault> check_schema(Connection& connection) {
  auto version = version_of(connection);
  if (auto* failed = std::get_if<StoreFault>(&version)) return std::move(*failed);
  const Columns& columns = std::get<Columns>(version);
  if (!columns.empty()) return check_version(connection, columns.front());
  return connection.fault(StoreFault::Kind::refused,
                          "there is no store: this database has no table gmand_store with a row");
}

}  // namespace gman::mysql
