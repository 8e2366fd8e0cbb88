// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/postgres/connection.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <utility>

#include "base/assert.hpp"

namespace gman::postgres {
namespace {

using Clock = std::chrono::steady_clock;
using Fault = std::optional<StoreFault>;

// Set for the store's own sessions alone; those that a server does not know are left out.
constexpr const char* settings = R"(
SELECT set_config(name, ours.value, false)
FROM pg_catalog.pg_settings JOIN (VALUES
  ('search_path', 'pg_catalog'),
  ('client_min_messages', 'error'),
  -- A commit is durable whatever the role's default is; remote_apply is more than that.
  ('synchronous_commit',
   CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply'
   ELSE 'on' END),
  ('default_transaction_isolation', 'read committed'),
  ('lock_timeout', '2s'),
  -- A statement timeout during COMMIT would end the wait for a standby, and call that a success.
  ('statement_timeout', '0'),
  ('transaction_timeout', '0'),
  -- The session carries the lock, however long nothing happens.
  ('idle_session_timeout', '0'),
  ('idle_in_transaction_session_timeout', '60s'),
  -- When our machine dies, the server is to notice and give the lock to another.
  ('tcp_keepalives_idle', '10'),
  ('tcp_keepalives_interval', '5'),
  ('tcp_keepalives_count', '3'),
  ('tcp_user_timeout', '30s'),
  -- Plans are made once, when there may be no job, and used when there are millions: always by the
  -- primary key.
  ('plan_cache_mode', 'force_generic_plan'),
  ('enable_seqscan', 'off'),
  ('enable_hashjoin', 'off'),
  ('enable_mergejoin', 'off'),
  ('enable_sort', 'off'),
  ('jit', 'off')
) AS ours(name, value) USING (name)
)";

constexpr std::string_view read_only_sqlstate = "25006";

/// Empty: no server said anything.
std::string_view sqlstate_of(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state == nullptr ? "" : state;
}

StoreFault::Kind kind_of(std::string_view sqlstate) {
  using enum StoreFault::Kind;
  if (sqlstate.empty()) return unavailable;
  if (sqlstate == "53100") return full;
  if (sqlstate == "XX001" || sqlstate == "XX002") return damaged;
  // Read-only: a standby, or a server that its administrator has closed for a while.
  if (sqlstate == read_only_sqlstate || sqlstate == lock_timeout_sqlstate || sqlstate == "57014" ||
      sqlstate == "58030") {
    return unavailable;
  }
  // Connection, transaction rolled back (deadlock among them), resources, shutdown.
  for (const char* passing : {"08", "40", "53", "57P"}) {
    if (sqlstate.starts_with(passing)) return unavailable;
  }
  return refused;
}

std::string one_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::string line;
  for (const char c : text) line += c == '\n' ? std::string("; ") : std::string(1, c);
  return line;
}

/// Takes the SQLSTATE out of an error's verbose text, "FATAL:  28P01: …", and the lines that name
/// places in PostgreSQL's sources.
std::string take_sqlstate(std::string& text) {
  std::string state;
  for (std::size_t at = 0; (at = text.find(":  ", at)) != text.npos; at += 3) {
    const std::string_view code = std::string_view(text).substr(at + 3, 7);
    if (code.size() < 7 || code.substr(5) != ": ") continue;
    if (!std::ranges::all_of(code.substr(0, 5), [](unsigned char c) {
          return std::isdigit(c) != 0 || (c >= 'A' && c <= 'Z');
        })) {
      continue;
    }
    state = code.substr(0, 5);
    text.erase(at + 2, 7);
  }
  for (std::size_t at = 0; (at = text.find("\nLOCATION:")) != text.npos;) {
    text.erase(at, text.find('\n', at + 1) - at);
  }
  return state;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// Until the socket is ready for what libpq wants, or there is no time left.
bool wait_for(const PGconn* connection, PostgresPollingStatusType wanted, Clock::time_point until) {
  const auto events = static_cast<short>(wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT);
  pollfd socket{PQsocket(connection), events, 0};
  int ready = -1;
  do {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    ready = left <= 0 ? 0 : ::poll(&socket, 1, static_cast<int>(left));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace

std::optional<Connection> Connection::to(std::string url) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(url.c_str(), nullptr), &PQconninfoFree);
  if (!options) return std::nullopt;
  const auto value = [&](std::string_view keyword) -> std::string {
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
      if (option->keyword == keyword && option->val != nullptr) return option->val;
    }
    return "";
  };
  Connection connection;
  connection.url_ = std::move(url);
  const std::string user = value("user"), host = value("host"), port = value("port");
  const std::vector<std::string> names = split(host.empty() ? value("hostaddr") : host);
  const std::vector<std::string> ports = split(port);
  std::vector<Host> hosts;
  for (std::size_t i = 0; i < names.size(); ++i) {
    hosts.push_back({names[i], ports.size() == names.size() ? ports[i] : ports[0]});
  }
  std::string& address = connection.address_;
  if (!user.empty()) address = user + "@";
  for (const Host& one : hosts) {
    if (&one != &hosts.front()) address += ",";
    address += one.name + (one.port.empty() ? "" : ":" + one.port);
  }
  address += "/" + value("dbname");
  // Of several hosts that libpq would try, the first that is silent would use up all the time.
  const bool is_one = hosts.size() == 1 || !value("hostaddr").empty();
  connection.hosts_ = is_one ? std::vector<Host>(1) : std::move(hosts);
  return connection;
}

Fault Connection::open() {
  GMAN_ASSERT(!is_open());
  const auto time = std::chrono::milliseconds(connect_max) / hosts_.size();
  Fault failed;
  for (const Host& host : hosts_) {
    failed = connect_to(host, time);
    if (!failed) break;
  }
  if (!failed) failed = set_up();
  if (failed) close();
  return failed;
}

Fault Connection::connect_to(const Host& host, std::chrono::milliseconds time) {
  // What stands before the URL is a default that it may override; what follows is fixed.
  std::vector<const char*> names{
      "application_name", "target_session_attrs", "keepalives_idle", "keepalives_interval",
      "keepalives_count", "tcp_user_timeout",     "dbname",          "client_encoding"};
  std::vector<const char*> values{"gmand", "read-write", "10",         "5",
                                  "3",     "30000",      url_.c_str(), "UTF8"};
  if (!host.name.empty()) {
    names.insert(names.end(), {"host", "port"});
    values.insert(values.end(), {host.name.c_str(), host.port.c_str()});
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  const auto until = Clock::now() + time;
  handle_.reset(PQconnectStartParams(names.data(), values.data(), 1));
  if (!handle_) return fault(StoreFault::Kind::unavailable, "connecting: out of memory");
  // The text is the only place where libpq tells the SQLSTATE of a connection that was refused.
  PQsetErrorVerbosity(get(), PQERRORS_VERBOSE);
  PQsetNoticeProcessor(
      get(), [](void*, const char*) {}, nullptr);
  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
  if (PQstatus(get()) == CONNECTION_BAD) return connect_fault();
  while (wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED) {
    if (!wait_for(get(), wanted, until)) {
      return fault(StoreFault::Kind::unavailable,
                   "connecting: no answer within " + std::to_string(time.count()) + " ms" +
                       (host.name.empty() ? "" : " from " + host.name));
    }
    wanted = PQconnectPoll(get());
  }
  if (wanted == PGRES_POLLING_FAILED) return connect_fault();
  PQsetErrorVerbosity(get(), PQERRORS_DEFAULT);
  return std::nullopt;
}

Fault Connection::set_up() {
  return execute("setting up the session", settings);
}

StoreFault Connection::connect_fault() const {
  std::string text = PQerrorMessage(get());
  const std::string state = take_sqlstate(text);
  const auto kind =
      PQconnectionNeedsPassword(get()) != 0 ? StoreFault::Kind::refused : kind_of(state);
  return fault(kind, "connecting: " + one_line(text));
}

std::variant<Rows, StoreFault> Connection::query(const char* doing, const char* sql,
                                                 std::span<const std::string> values) {
  std::vector<const char*> texts;
  for (const std::string& value : values) texts.push_back(value.c_str());
  Rows result(PQexecParams(get(), sql, static_cast<int>(texts.size()), nullptr, texts.data(),
                           nullptr, nullptr, 0));
  const ExecStatusType status = PQresultStatus(result.get());
  sqlstate_ = sqlstate_of(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) return fault(doing, result.get());
  return result;
}

Fault Connection::execute(const char* doing, const char* sql, std::span<const std::string> values) {
  auto done = query(doing, sql, values);
  if (auto* failed = std::get_if<StoreFault>(&done)) return std::move(*failed);
  return std::nullopt;
}

Fault Connection::prepare(const char* name, const char* sql) {
  const Rows result(PQprepare(get(), name, sql, 0, nullptr));
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) return fault(sql, result.get());
  return std::nullopt;
}

bool Connection::send_prepared(const char* name, std::span<const char* const> values,
                               std::span<const int> lengths) {
  static constexpr std::array<int, 16> binary = [] {
    std::array<int, 16> formats{};
    formats.fill(1);
    return formats;
  }();
  GMAN_ASSERT(values.size() <= binary.size());
  if (PQpipelineStatus(get()) == PQ_PIPELINE_OFF && PQenterPipelineMode(get()) == 0) return false;
  return PQsendQueryPrepared(get(), name, static_cast<int>(values.size()), values.data(),
                             lengths.data(), binary.data(), 1) == 1;
}

Fault Connection::finish(const char* doing) {
  Fault failed;
  sqlstate_.clear();
  if (PQpipelineSync(get()) == 0) failed = fault(doing, nullptr);
  bool is_synced = false;
  bool was_null = false;
  while (!is_synced) {
    const Rows result(PQgetResult(get()));
    if (!result) {
      // One parts the results of two statements; a second one says that no more will come.
      if (was_null || !is_open()) break;
      was_null = true;
      continue;
    }
    was_null = false;
    switch (PQresultStatus(result.get())) {
      case PGRES_PIPELINE_SYNC: is_synced = true; break;
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
      case PGRES_PIPELINE_ABORTED: break;
      default:
        if (failed) break;
        failed = fault(doing, result.get());
        sqlstate_ = sqlstate_of(result.get());
    }
  }
  if (!is_synced && !failed) failed = fault(doing, nullptr);
  if (is_synced && PQexitPipelineMode(get()) == 0 && !failed) failed = fault(doing, nullptr);
  return failed;
}

void Connection::recover() {
  const PGTransactionStatusType status = PQtransactionStatus(get());
  const bool in_transaction = status == PQTRANS_INERROR || status == PQTRANS_INTRANS;
  const bool met_read_only = sqlstate_ == read_only_sqlstate;
  const bool is_usable = PQpipelineStatus(get()) == PQ_PIPELINE_OFF && !met_read_only &&
                         (in_transaction || status == PQTRANS_IDLE);
  if (!is_usable || (in_transaction && execute("rolling back", "ROLLBACK"))) close();
}

StoreFault Connection::fault(std::string_view doing, const PGresult* result) const {
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const char* detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
  std::string text(doing);
  text += ": ";
  text += one_line(primary != nullptr ? primary : PQerrorMessage(get()));
  if (detail != nullptr) text += " (" + one_line(detail) + ")";
  return fault(kind_of(sqlstate_of(result)), text);
}

StoreFault Connection::fault(StoreFault::Kind kind, const std::string& what) const {
  return {kind, address_ + ": " + what};
}

}  // namespace gman::postgres
