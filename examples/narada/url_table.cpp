// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/url_table.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>

#include "base/assert.hpp"
#include "examples/narada/charset.hpp"

namespace gman::narada {

using db::Dialect;
using db::Parameter;

// Lists travel as one JSON text, so each statement has one form and is prepared once. Whoever
// writes several rows does it in the order of their URLs, so that two seldom meet head-on.
struct UrlStatements {
  const char* session;  // run once on each new connection
  const char* look;
  const char* insert;
  const char* take;
  const char* finish;
  const char* insert_links;
  const char* mark_indexed;
};

namespace {

constexpr int conflict_attempts_max = 10;
constexpr std::size_t reason_bytes_max = 500;

constexpr UrlStatements postgres{
    .session = "SET application_name = 'narada'",
    .look = R"(
        SELECT depth, attempts, (status IN ('queued', 'fetching', 'fetched'))::integer
          FROM url WHERE url = $1 FOR UPDATE)",
    .insert = R"(
        INSERT INTO url (url, status) VALUES ($1, 'fetching') ON CONFLICT (url) DO NOTHING)",
    .take = R"(
        UPDATE url SET status = 'fetching', attempts = attempts + 1
         WHERE url = $1 AND attempts = $2::integer
           AND status IN ('queued', 'fetching', 'fetched'))",
    .finish = R"(
        UPDATE url SET status = $1, reason = $2, title = $3, bytes = $4::bigint,
               links = $5::integer, links_off_site = $6::integer, links_forbidden = $7::integer,
               fetched_at = CASE WHEN $4 IS NULL THEN NULL ELSE clock_timestamp() END
         WHERE url = $8 AND depth = $9::integer AND attempts = $10::integer
           AND status = 'fetching')",
    .insert_links = R"(
        INSERT INTO url (url, depth)
        SELECT link, job.depth
          FROM (SELECT ($1::jsonb->>'depth')::integer AS depth) AS job,
               jsonb_array_elements_text($1::jsonb->'urls') AS link
         WHERE NOT EXISTS (SELECT FROM url AS known
                            WHERE known.url = link AND known.depth <= job.depth)
         ORDER BY link
        ON CONFLICT (url) DO UPDATE SET depth = EXCLUDED.depth, status = 'queued'
         WHERE url.depth > EXCLUDED.depth)",
    .mark_indexed = R"(
        UPDATE url SET status = 'indexed', indexed_at = clock_timestamp()
          FROM jsonb_array_elements_text($1::jsonb) AS done
         WHERE url.url = done AND url.status = 'fetched')",
};

// READ COMMITTED: INSERT … SELECT must not lock what it reads, nor the gaps between, and each look
// sees what was committed last.
constexpr UrlStatements mariadb{
    .session = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    .look = R"(
        SELECT depth, attempts, status IN ('queued', 'fetching', 'fetched')
          FROM url WHERE url = ? FOR UPDATE)",
    .insert = R"(
        INSERT INTO url (url, status) VALUES (?, 'fetching') ON DUPLICATE KEY UPDATE url = url)",
    .take = R"(
        UPDATE url SET status = 'fetching', attempts = attempts + 1
         WHERE url = ? AND attempts = ? AND status IN ('queued', 'fetching', 'fetched'))",
    .finish = R"(
        UPDATE url SET status = ?, reason = ?, title = ?, bytes = ?,
               links = ?, links_off_site = ?, links_forbidden = ?,
               fetched_at = IF(bytes IS NULL, NULL, CURRENT_TIMESTAMP(6))
         WHERE url = ? AND depth = ? AND attempts = ? AND status = 'fetching')",
    .insert_links = R"(
        INSERT INTO url (url, depth)
        SELECT link.url, link.depth
          FROM JSON_TABLE(?, '$' COLUMNS (
                 depth INT PATH '$.depth',
                 NESTED PATH '$.urls[*]' COLUMNS (
                   url VARCHAR(2048) CHARACTER SET ascii COLLATE ascii_bin PATH '$'))) AS link
          LEFT JOIN url AS known ON known.url = link.url AND known.depth <= link.depth
         WHERE link.url IS NOT NULL AND known.url IS NULL
         ORDER BY link.url
        ON DUPLICATE KEY UPDATE
          url.status = IF(url.depth > VALUES(depth), 'queued', url.status),
          url.depth = LEAST(url.depth, VALUES(depth)))",
    .mark_indexed = R"(
        UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
                 url VARCHAR(2048) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS done
          STRAIGHT_JOIN url ON url.url = done.url
           SET url.status = 'indexed', url.indexed_at = CURRENT_TIMESTAMP(6)
         WHERE url.status = 'fetched')",
};

// Classes 22 and 23: no row of the table can hold this value, now or later.
Trouble trouble_of(const db::Error& error) {
  const std::string code = error.sqlstate.empty() ? "" : error.sqlstate + ": ";
  const std::string message = "database: " + code + error.message;
  const bool no_such_row = error.sqlstate.starts_with("22") || error.sqlstate.starts_with("23");
  return no_such_row ? Trouble::lasting(message) : Trouble::passing(message);
}

int to_int(const std::optional<std::string>& cell) {
  int value = 0;
  GMAN_ASSERT(cell.has_value());
  const auto [end, error] = std::from_chars(cell->data(), cell->data() + cell->size(), value);
  GMAN_ASSERT(error == std::errc() && end == cell->data() + cell->size());
  return value;
}

const char* status_of(const Visit& visited) {
  switch (visited.end) {
    case Visit::End::page: return "fetched";
    case Visit::End::failed: return "failed";
    case Visit::End::skipped: return "skipped";
  }
  GMAN_ASSERT(false);
}

Parameter text_or_null(std::string_view text) {
  return text.empty() ? Parameter::null() : Parameter::text(text);
}

}  // namespace

UrlTable::UrlTable(const std::string& dsn, const UrlStatements& statements)
    : statements_(statements),
      connections_([dsn, &statements]() -> Result<std::unique_ptr<db::Connection>> {
        auto connection = db::connect(dsn);
        if (!connection) return trouble_of(connection.error());
        const auto ready = (*connection)->execute(statements.session);
        if (!ready) return trouble_of(ready.error());
        return std::move(*connection);
      }) {}

Result<std::unique_ptr<UrlTable>> UrlTable::at(const std::string& dsn) {
  const auto dialect = db::dialect_of(dsn);
  if (!dialect) return Trouble::lasting(dialect.error().message);
  const UrlStatements& statements = *dialect == db::Dialect::postgres ? postgres : mariadb;
  return std::unique_ptr<UrlTable>(new UrlTable(dsn, statements));
}

// Reads first, waiting for whoever is changing the row (the job was sent from that transaction),
// and then takes the row only as it was read: of those who try at the same time one succeeds, and
// what a worker sent before it died does nothing once somebody else has the row.
Result<Claim> UrlTable::claim(std::string_view url) {
  for (int attempt = 0; attempt < conflict_attempts_max; ++attempt) {
    const std::array name{Parameter::text(url)};
    const auto seen = execute(statements_.look, name);
    if (!seen) return seen.error();
    if (seen->size() == 0) {
      if (const auto made = execute(statements_.insert, name); !made) return made.error();
      continue;
    }
    const Claim claim{.depth = to_int(seen->at(0, 0)),
                      .attempt = to_int(seen->at(0, 1)) + 1,
                      .is_open = to_int(seen->at(0, 2)) != 0};
    if (!claim.is_open) return claim;
    const std::string attempts_before = std::to_string(claim.attempt - 1);
    const std::array as_seen{Parameter::text(url), Parameter::text(attempts_before)};
    const auto taken = execute(statements_.take, as_seen);
    if (!taken) return taken.error();
    if (taken->affected > 0) return claim;
  }
  return Trouble::passing("others take the same row again and again");
}

Result<bool> UrlTable::finish(std::string_view url, const Claim& claim, const Visit& visited) {
  const std::string reason = valid_utf8(visited.reason);  // it may quote a server
  const std::string bytes = std::to_string(visited.bytes);
  const std::string links = std::to_string(visited.links.size());
  const std::string off_site = std::to_string(visited.links_off_site);
  const std::string forbidden = std::to_string(visited.links_forbidden);
  const std::string depth = std::to_string(claim.depth);
  const std::string attempt = std::to_string(claim.attempt);
  const std::array parameters{
      Parameter::text(status_of(visited)),
      text_or_null(utf8_prefix(reason, reason_bytes_max)),
      text_or_null(visited.title),
      visited.was_read ? Parameter::text(bytes) : Parameter::null(),
      Parameter::text(links),
      Parameter::text(off_site),
      Parameter::text(forbidden),
      Parameter::text(url),
      Parameter::text(depth),
      Parameter::text(attempt),
  };
  const auto rows = execute(statements_.finish, parameters);
  if (!rows) return rows.error();
  return rows->affected > 0;
}

Result<void> UrlTable::insert_links(const Links& links) {
  const std::string list = links_workload(links.depth, links.urls);
  const std::array parameters{Parameter::text(list)};
  const auto rows = execute(statements_.insert_links, parameters);
  if (!rows) return rows.error();
  return {};
}

Result<void> UrlTable::mark_indexed(std::span<const std::string> urls) {
  std::vector<std::string> sorted(urls.begin(), urls.end());
  std::sort(sorted.begin(), sorted.end());
  const std::string list = boost::json::serialize(boost::json::value_from(sorted));
  const std::array parameters{Parameter::text(list)};
  const auto rows = execute(statements_.mark_indexed, parameters);
  if (!rows) return rows.error();
  return {};
}

Result<db::Rows> UrlTable::execute(const char* sql, std::span<const Parameter> parameters) {
  auto connection = connections_.take();
  if (!connection) return connection.error();
  auto rows = db::retry_conflicts(conflict_attempts_max,
                                  [&] { return (*connection)->execute(sql, parameters); });
  if ((*connection)->usable()) connections_.give_back(std::move(*connection));
  if (!rows) return trouble_of(rows.error());
  return *std::move(rows);
}

}  // namespace gman::narada
