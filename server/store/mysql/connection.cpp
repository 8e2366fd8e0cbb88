// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/mysql/connection.hpp"

#include <errmsg.h>
#include <mysqld_error.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <utility>

#include "base/assert.hpp"

namespace gman::mysql {
namespace {

using Fault = std::optional<StoreFault>;

constexpr unsigned connect_max_s = 10;
/// How long the server may say nothing, with the wait for a lock far below.
constexpr unsigned silence_max_s = 60;
constexpr unsigned long packet_bytes_taken = 1ul << 30;

// Of MySQL only, or of MariaDB only, or later than some that libmariadb is built with.
constexpr unsigned er_checkread = 1020, er_disk_full = 1021, er_table_full = 1114,
                   er_option_prevents_statement = 1290, er_query_interrupted = 1317,
                   er_read_only_transaction = 1792, er_read_only_mode = 1836,
                   er_connection_killed = 1927, er_statement_timeout = 1969,
                   er_execution_time_exceeded = 3024, er_server_isolated = 3168,
                   er_client_idle = 4031;

// One line each of what a session needs; what only one of the two servers knows is in a comment
// that only that one reads.
constexpr std::array settings{
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1,"
    " time_zone = '+00:00', innodb_lock_wait_timeout = 2, lock_wait_timeout = 2,"
    // The session carries the lock, however long nothing happens.
    " wait_timeout = 31536000, net_read_timeout = 60, net_write_timeout = 600"
    " /*M!100101 , max_statement_time = 0 */ /*!80000 , max_execution_time = 0 */",
    // READ COMMITTED is refused where the binary log holds statements.
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
};

StoreFault::Kind kind_of(unsigned code) {
  using enum StoreFault::Kind;
  if (code >= CR_MIN_ERROR && code <= CR_MAX_ERROR) return unavailable;  // the library's own
  switch (code) {
    case ER_CON_COUNT_ERROR:
    case ER_HOST_IS_BLOCKED:
    case ER_SERVER_SHUTDOWN:
    case ER_NORMAL_SHUTDOWN:
    case ER_NET_READ_ERROR:
    case ER_NET_READ_INTERRUPTED:
    case ER_NET_ERROR_ON_WRITE:
    case ER_NET_WRITE_INTERRUPTED:
    case ER_NEW_ABORTING_CONNECTION:
    case ER_TOO_MANY_USER_CONNECTIONS:
    case ER_USER_LIMIT_REACHED:
    case ER_OUTOFMEMORY:
    case ER_OUT_OF_RESOURCES:
    case ER_LOCK_DEADLOCK:
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_CANT_LOCK:
    case er_checkread:
    case er_option_prevents_statement:
    case er_query_interrupted:
    case er_read_only_transaction:
    case er_read_only_mode:
    case er_connection_killed:
    case er_statement_timeout:
    case er_execution_time_exceeded:
    case er_server_isolated:
    case er_client_idle: return unavailable;
    case er_disk_full:
    case er_table_full: return full;
    case ER_NOT_KEYFILE:
    case ER_CRASHED_ON_USAGE:
    case ER_CRASHED_ON_REPAIR: return damaged;
    default: return refused;
  }
}

/// May the session go on after it?
bool keeps_session(unsigned code) {
  const bool is_transport = code >= CR_MIN_ERROR && code <= CR_MAX_ERROR;
  switch (code) {
    case er_connection_killed:
    case er_client_idle:
    case ER_SERVER_SHUTDOWN:
    case ER_NORMAL_SHUTDOWN:
    case ER_NEW_ABORTING_CONNECTION:
    case ER_NET_PACKET_TOO_LARGE:
    case ER_NET_READ_ERROR:
    case ER_NET_READ_INTERRUPTED:
    // Another of the servers behind the name may take writes.
    case er_option_prevents_statement:
    case er_read_only_transaction:
    case er_read_only_mode: return false;
    default: return !is_transport;
  }
}

/// A dead network is to be noticed by requests that wait, and by the server for us.
void watch(my_socket socket) {
  const auto set = [&](int level, int option, int value) {
    // On a Unix socket there is nothing to watch, and it says so.
    [[maybe_unused]] const int done =
        ::setsockopt(static_cast<int>(socket), level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
}

}  // namespace

Connection::Connection(db::MariadbAddress to) : to_(std::move(to)) {
  if (!to_.user.empty()) address_ = to_.user + "@";
  if (to_.socket.empty()) {
    address_ += (to_.host.empty() ? "localhost" : to_.host) + ":" + std::to_string(to_.port);
  } else {
    address_ += to_.socket;
  }
  address_ += "/" + to_.database;
}

Fault Connection::open() {
  GMAN_ASSERT(!is_open());
  // mysql_init() does this by itself, but not safely when threads race.
  [[maybe_unused]] static const int library = mysql_library_init(0, nullptr, nullptr);
  handle_.reset(mysql_init(nullptr));
  if (!handle_) return fault(StoreFault::Kind::unavailable, "connecting: out of memory");
  mysql_options(get(), MYSQL_OPT_CONNECT_TIMEOUT, &connect_max_s);
  mysql_options(get(), MYSQL_OPT_READ_TIMEOUT, &silence_max_s);
  mysql_options(get(), MYSQL_OPT_WRITE_TIMEOUT, &silence_max_s);
  mysql_options(get(), MYSQL_OPT_MAX_ALLOWED_PACKET, &packet_bytes_taken);
  mysql_options(get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
  };
  is_usable_ = true;
  if (mysql_real_connect(get(), text_or_null(to_.host), text_or_null(to_.user),
                         text_or_null(to_.password), text_or_null(to_.database), to_.port,
                         text_or_null(to_.socket), CLIENT_FOUND_ROWS) == nullptr) {
    StoreFault failed = fault("connecting");
    close();
    return failed;
  }
  watch(mysql_get_socket(get()));
  Fault failed;
  for (const char* setting : settings) {
    if (!failed) failed = execute("setting up the session", setting);
  }
  if (!failed) {
    auto limit = row("setting up the session", "SELECT @@SESSION.max_allowed_packet");
    if (auto* why = std::get_if<StoreFault>(&limit)) {
      failed = std::move(*why);
    } else if (const auto& columns = std::get<std::vector<std::string>>(limit); !columns.empty()) {
      std::from_chars(columns[0].data(), columns[0].data() + columns[0].size(), packet_bytes_max_);
    }
  }
  if (failed) close();
  return failed;
}

std::variant<Rows, StoreFault> Connection::query(const char* doing, std::string_view sql) {
  if (mysql_real_query(get(), sql.data(), sql.size()) != 0) return fault(doing);
  Rows rows(mysql_store_result(get()));
  if (!rows && mysql_field_count(get()) != 0) return fault(doing);
  return rows;
}

Fault Connection::execute(const char* doing, std::string_view sql) {
  auto done = query(doing, sql);
  if (auto* failed = std::get_if<StoreFault>(&done)) return std::move(*failed);
  return std::nullopt;
}

std::variant<std::vector<std::string>, StoreFault> Connection::row(const char* doing,
                                                                   std::string_view sql) {
  auto found = query(doing, sql);
  if (auto* failed = std::get_if<StoreFault>(&found)) return std::move(*failed);
  MYSQL_RES* rows = std::get<Rows>(found).get();
  std::vector<std::string> columns;
  const MYSQL_ROW cells = mysql_fetch_row(rows);
  if (cells == nullptr) return columns;
  for (unsigned i = 0; i < mysql_num_fields(rows); ++i) {
    columns.emplace_back(cells[i] == nullptr ? "" : cells[i]);
  }
  return columns;
}

Fault Connection::prepare(Statement& statement, std::string_view sql) {
  statement.reset(mysql_stmt_init(get()));
  if (!statement) return fault("preparing");
  if (mysql_stmt_prepare(statement.get(), sql.data(), sql.size()) != 0) {
    StoreFault failed =
        fault("preparing", mysql_stmt_errno(statement.get()), mysql_stmt_error(statement.get()));
    statement.reset();
    return failed;
  }
  return std::nullopt;
}

Fault Connection::execute(const char* doing, const Statement& statement,
                          std::span<MYSQL_BIND> values) {
  GMAN_ASSERT(mysql_stmt_param_count(statement.get()) == values.size());
  if (mysql_stmt_bind_param(statement.get(), values.data()) != 0 ||
      mysql_stmt_execute(statement.get()) != 0) {
    return fault(doing, mysql_stmt_errno(statement.get()), mysql_stmt_error(statement.get()));
  }
  return std::nullopt;
}

std::string Connection::quoted(std::string_view text) const {
  std::string escaped(text.size() * 2 + 1, '\0');
  escaped.resize(mysql_real_escape_string(get(), escaped.data(), text.data(), text.size()));
  return "'" + escaped + "'";
}

bool Connection::recover() {
  return is_open() && is_usable_ && !execute("rolling back", "ROLLBACK");
}

StoreFault Connection::fault(std::string_view doing) {
  return fault(doing, mysql_errno(get()), mysql_error(get()));
}

StoreFault Connection::fault(std::string_view doing, unsigned code, const char* message) {
  is_usable_ = is_usable_ && keeps_session(code);
  return fault(kind_of(code), std::string(doing) + ": " + message);
}

StoreFault Connection::fault(StoreFault::Kind kind, const std::string& what) const {
  return {kind, address_ + ": " + what};
}

}  // namespace gman::mysql
