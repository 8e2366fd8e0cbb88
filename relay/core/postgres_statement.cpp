// SPDX-License-Identifier: BSD-3-Clause
#include "relay/core/postgres_statement.hpp"

#include <variant>

#include "relay/core/id_list.hpp"

namespace gman::relay {
namespace {

// From one function and priority to the next by the index, whatever lies between.
constexpr const char* look_sql = R"(
    WITH RECURSIVE head AS (
      (SELECT delivery, function_name, priority, run_at FROM gman.outbox
        WHERE state = 'ready'
        ORDER BY delivery, function_name, priority, run_at LIMIT 1)
      UNION ALL
      SELECT next.* FROM head, LATERAL (
        SELECT delivery, function_name, priority, run_at FROM gman.outbox
         WHERE state = 'ready' AND (delivery, function_name, priority)
               > (head.delivery, head.function_name, head.priority)
         ORDER BY delivery, function_name, priority, run_at LIMIT 1) AS next)
    SELECT delivery, function_name, priority,
           ceil(extract(epoch FROM run_at - clock_timestamp()) * 1000)::bigint
      FROM head
     WHERE NOT EXISTS (SELECT FROM gman.outbox_pause AS pause
                        WHERE pause.function_name = head.function_name))";

// What is locked but does not fit is free again when the statement ends. The commit need not wait
// for the disk: a lease that a crash undoes is one that has ended.
constexpr const char* lease_sql = R"(
    WITH due AS MATERIALIZED (
      SELECT id, run_at, octet_length(workload) AS bytes FROM gman.outbox
       WHERE state = 'ready' AND delivery = $1::gman.job_delivery AND function_name = $2::text
         AND priority = $3::gman.job_priority AND run_at <= clock_timestamp()
         AND (run_at, id) > ($8::timestamptz, $9::bigint)
         AND NOT EXISTS (SELECT FROM gman.outbox_pause AS pause
                          WHERE pause.function_name = $2::text)
       ORDER BY run_at, id LIMIT $4::bigint FOR UPDATE SKIP LOCKED),
    summed AS (
      SELECT id, run_at, sum(bytes) OVER (ORDER BY run_at, id) - bytes AS bytes_before FROM due),
    fitting AS MATERIALIZED (
      SELECT id, run_at FROM summed WHERE bytes_before < $5::bigint)
    UPDATE gman.outbox SET
           run_at = clock_timestamp() + $6::bigint * interval '1 ms',
           lease_until = clock_timestamp() + $6::bigint * interval '1 ms',
           leased_by = $7::uuid, attempts = attempts + 1
     WHERE id = ANY (ARRAY (SELECT id FROM fitting))
    RETURNING id, attempts, function_name, unique_key, workload,
              (SELECT run_at FROM fitting ORDER BY run_at DESC, id DESC LIMIT 1),
              (SELECT id FROM fitting ORDER BY run_at DESC, id DESC LIMIT 1),
              (SELECT set_config('synchronous_commit', 'off', true)))";

constexpr const char* delete_sql = "DELETE FROM gman.outbox WHERE id = ANY ($1::bigint[])";

constexpr const char* return_sql = R"(
    UPDATE gman.outbox AS job SET
           state = (CASE WHEN given.dead = 1 THEN 'dead' ELSE 'ready' END)::gman.job_state,
           run_at = clock_timestamp() + given.delay_ms * interval '1 ms',
           lease_until = NULL, leased_by = NULL, attempts = job.attempts - given.unsent,
           last_error = coalesce(given.error, job.last_error)
      FROM jsonb_to_recordset($1::jsonb) AS given(id bigint, attempts integer, dead integer,
                                                unsent integer, delay_ms bigint, error text)
     WHERE job.id = given.id AND job.attempts = given.attempts AND job.leased_by = $2::uuid)";

constexpr const char* renew_sql = R"(
    UPDATE gman.outbox SET run_at = clock_timestamp() + $2::bigint * interval '1 ms',
           lease_until = clock_timestamp() + $2::bigint * interval '1 ms'
     WHERE id = ANY ($1::bigint[]) AND leased_by = $3::uuid)";

constexpr const char* forget_sql = "SELECT gman.forget_dead($1::integer * interval '1 day')";

std::string array_of(const std::vector<std::uint64_t>& ids) {
  return "{" + list_of(ids) + "}";
}

}  // namespace

Statement statement_of(const Open&) {
  return {"SELECT database_uuid, notify::integer FROM gman.outbox_setting", {}};
}

Statement statement_of(const Look&) {
  return {look_sql, {}};
}

Statement statement_of(const Lease& request, const std::string& relay) {
  const Place after = request.after.value_or(Place{"-infinity", 0});
  return {lease_sql,
          {std::string(name_of(request.group.delivery)), request.group.function,
           std::string(name_of(request.group.priority)), std::to_string(request.rows_max),
           std::to_string(request.bytes_max), std::to_string(request.length.count()), relay,
           after.run_at, std::to_string(after.id)}};
}

Statement statement_of(const SettleRequest& request, const std::string& relay) {
  struct Of {
    const std::string& relay;
    Statement operator()(const Delete& rows) const { return {delete_sql, {array_of(rows.ids)}}; }
    Statement operator()(const Return& rows) const {
      return {return_sql, {json_of(rows.rows), relay}};
    }
    Statement operator()(const Renew& rows) const {
      return {renew_sql, {array_of(rows.ids), std::to_string(rows.length.count()), relay}};
    }
    Statement operator()(const ForgetDead& dead) const {
      return {forget_sql, {std::to_string(dead.days)}};
    }
  };
  return std::visit(Of{relay}, request);
}

}  // namespace gman::relay
