// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/postgres/schema.hpp"

#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace gman::postgres {
namespace {

// Texts are bytea: a job's may be any bytes. Numbers use all 64 bits, and bigint has a sign: the
// upper half of them comes out as negative ones.
constexpr const char* tables = R"(
CREATE TABLE gmand.store (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  schema_version integer NOT NULL,
  start_number bigint NOT NULL,
  session bigint NOT NULL,
  host text NOT NULL,
  process_id bigint NOT NULL,
  since timestamptz NOT NULL
);
COMMENT ON TABLE gmand.store IS 'Which gmand has these tables: one row, locked by its commits';
COMMENT ON COLUMN gmand.store.start_number IS 'Of the newest start; none else may change anything';
COMMENT ON COLUMN gmand.store.session IS 'Counts the sessions of all starts; the last may write';
COMMENT ON COLUMN gmand.store.host IS 'Where that server runs';
COMMENT ON COLUMN gmand.store.process_id IS 'What its process is there';

CREATE TABLE gmand.job (
  number bigint PRIMARY KEY,
  position bigint NOT NULL,
  handle_number bigint NOT NULL,
  due_ms bigint,
  attempts_lost bigint NOT NULL,
  priority smallint NOT NULL,
  checksum bigint NOT NULL,
  function_name bytea NOT NULL,
  unique_key bytea NOT NULL,
  reducer bytea NOT NULL,
  workload bytea NOT NULL
);
COMMENT ON TABLE gmand.job IS 'Background jobs that are not done; see the view gmand.readable_job';
COMMENT ON COLUMN gmand.job.number IS 'number >> 40 is the start of the server that took it';
COMMENT ON COLUMN gmand.job.position IS 'Its place among the jobs of its function and priority';
COMMENT ON COLUMN gmand.job.handle_number IS 'Its handle: this after start.handle_prefix';
COMMENT ON COLUMN gmand.job.due_ms IS 'Since 1970; NULL: it is queued, or it runs';
COMMENT ON COLUMN gmand.job.attempts_lost IS 'How many workers it has cost';
COMMENT ON COLUMN gmand.job.priority IS '0 high, 1 normal, 2 low';
COMMENT ON COLUMN gmand.job.checksum IS 'Of all but position, due_ms and attempts_lost';

CREATE TABLE gmand.start (
  number bigint PRIMARY KEY,
  handle_prefix text NOT NULL
);
COMMENT ON TABLE gmand.start IS 'Starts of the server of which jobs are left';

CREATE TABLE gmand.set_aside (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  reason text NOT NULL,
  since timestamptz NOT NULL DEFAULT now(),
  number bigint, position bigint, handle_number bigint, due_ms bigint, attempts_lost bigint,
  priority smallint, checksum bigint,
  function_name bytea, unique_key bytea, reducer bytea, workload bytea
);
CREATE INDEX set_aside_number ON gmand.set_aside (number);
COMMENT ON TABLE gmand.set_aside IS 'Jobs that were not read back as they were written';

CREATE VIEW gmand.readable_job AS
SELECT job.number,
  start.handle_prefix || ':' || job.handle_number AS handle,
  encode(job.function_name, 'escape') AS function_name,
  encode(job.unique_key, 'escape') AS unique_key,
  CASE job.priority WHEN 0 THEN 'high' WHEN 1 THEN 'normal' WHEN 2 THEN 'low' END AS priority,
  to_timestamp(job.due_ms / 1000.0) AS due,
  job.attempts_lost,
  octet_length(job.workload) AS workload_bytes
FROM gmand.job LEFT JOIN gmand.start ON start.number = (job.number >> 40 & 16777215)
ORDER BY job.number;
COMMENT ON VIEW gmand.readable_job IS 'Jobs for people: handle, names as text, when they are due';

CREATE FUNCTION gmand.require_session(mine_start bigint, mine bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM gmand.store WHERE start_number = mine_start AND session = mine FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another server has begun' USING ERRCODE = 'GM001';
  END IF;
END
$$;
COMMENT ON FUNCTION gmand.require_session(bigint, bigint) IS
  'Fails unless this is the newest session, and keeps it that until the transaction ends';
)";

std::variant<std::string, StoreFault> text_of(Connection& connection, const char* doing,
                                              const char* sql) {
  auto found = connection.query(doing, sql);
  if (auto* failed = std::get_if<StoreFault>(&found)) return std::move(*failed);
  const PGresult* rows = std::get<Rows>(found).get();
  return PQntuples(rows) == 0 ? std::string() : std::string(PQgetvalue(rows, 0, 0));
}

std::optional<StoreFault> make(Connection& connection) {
  // Who may not make a schema can be given one.
  const auto there = text_of(connection, "looking for the schema",
                             "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'gmand'");
  if (const auto* failed = std::get_if<StoreFault>(&there)) return *failed;
  std::string sql = "BEGIN;";
  if (std::get<std::string>(there).empty()) {
    sql += "CREATE SCHEMA gmand; COMMENT ON SCHEMA gmand IS 'Background jobs of gmand';";
  }
  sql += tables;
  sql += "INSERT INTO gmand.store VALUES (true, " + std::to_string(schema_version) +
         ", 0, 0, '', 0, now()); COMMIT";
  const Rows made(PQexec(connection.get(), sql.c_str()));
  if (PQresultStatus(made.get()) == PGRES_COMMAND_OK) return std::nullopt;
  return connection.fault("making the schema gmand", made.get());
}

std::variant<bool, StoreFault> is_there(Connection& connection) {
  const auto there =
      text_of(connection, "looking for the schema", "SELECT to_regclass('gmand.store')");
  if (const auto* failed = std::get_if<StoreFault>(&there)) return *failed;
  return !std::get<std::string>(there).empty();
}

}  // namespace

std::optional<StoreFault> open_schema(Connection& connection) {
  const auto there = is_there(connection);
  if (const auto* failed = std::get_if<StoreFault>(&there)) return *failed;
  if (!std::get<bool>(there)) {
    if (auto failed = make(connection)) return failed;
  }
  return check_schema(connection);
}

std::optional<StoreFault> check_schema(Connection& connection) {
  const auto there = is_there(connection);
  if (const auto* failed = std::get_if<StoreFault>(&there)) return *failed;
  if (!std::get<bool>(there)) {
    return connection.fault(StoreFault::Kind::refused,
                            "there is no store: this database has no table gmand.store");
  }
  const auto version =
      text_of(connection, "reading the schema's version", "SELECT schema_version FROM gmand.store");
  if (const auto* failed = std::get_if<StoreFault>(&version)) return *failed;
  const auto& text = std::get<std::string>(version);
  if (text.empty()) {
    return connection.fault(StoreFault::Kind::damaged, "gmand.store has lost its row");
  }
  int found = 0;
  std::from_chars(text.data(), text.data() + text.size(), found);
  if (found == schema_version) return std::nullopt;
  const std::string newer = found > schema_version ? ", made by a newer gmand" : "";
  return connection.fault(StoreFault::Kind::refused, "the schema gmand has version " + text +
                                                         newer + "; this gmand knows " +
                                                         std::to_string(schema_version));
}

}  // namespace gman::postgres
