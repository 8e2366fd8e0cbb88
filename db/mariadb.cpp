// SPDX-License-Identifier: BSD-3-Clause
#include "db/mariadb.hpp"

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>

#include <algorithm>
#include <map>
#include <mutex>

namespace gman::db {
namespace {

constexpr unsigned connect_timeout_s = 10;

struct Close {
  void operator()(MYSQL* connection) const { mysql_close(connection); }
};
struct CloseStatement {
  void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
};
struct FreeResult {
  void operator()(MYSQL_RES* result) const { mysql_free_result(result); }
};
using ConnectionPtr = std::unique_ptr<MYSQL, Close>;
using StatementPtr = std::unique_ptr<MYSQL_STMT, CloseStatement>;

ErrorKind kind_of(unsigned code) {
  switch (code) {
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_UNKNOWN_HOST:
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case CR_SERVER_LOST_EXTENDED:
    case ER_CONNECTION_KILLED:
    case ER_SERVER_SHUTDOWN:
    case ER_CON_COUNT_ERROR: return ErrorKind::unreachable;
    case ER_LOCK_DEADLOCK:
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_CHECKREAD:  // the row changed under a snapshot (innodb_snapshot_isolation)
      return ErrorKind::conflict;
    case ER_DUP_ENTRY:
    case ER_DUP_ENTRY_WITH_KEY_NAME: return ErrorKind::duplicate;
    default: return ErrorKind::refused;
  }
}

class MariadbConnection final : public Connection {
 public:
  explicit MariadbConnection(ConnectionPtr connection) : connection_(std::move(connection)) {}

  [[nodiscard]] Dialect dialect() const override { return Dialect::mysql; }
  [[nodiscard]] bool usable() const override { return usable_; }

  [[nodiscard]] Result<Rows> execute(std::string_view sql,
                                     std::span<const Parameter> parameters) override {
    const auto found = prepared(sql);
    if (!found) return found.error();
    MYSQL_STMT* statement = *found;

    if (mysql_stmt_param_count(statement) != parameters.size()) {
      return Error{ErrorKind::refused, "07001",
                   "the statement has " + std::to_string(mysql_stmt_param_count(statement)) +
                       " parameters, not " + std::to_string(parameters.size())};
    }
    std::vector<MYSQL_BIND> binds(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) bind(binds[i], parameters[i]);
    if (!binds.empty() && mysql_stmt_bind_param(statement, binds.data()) != 0) {
      return error_of(statement);
    }
    if (mysql_stmt_execute(statement) != 0) return error_of(statement);
    return rows_of(statement);
  }

  [[nodiscard]] Result<std::uint64_t> run(const std::string& sql) override {
    if (mysql_real_query(connection_.get(), sql.data(), sql.size()) != 0) {
      return error(mysql_errno(connection_.get()), mysql_sqlstate(connection_.get()),
                   mysql_error(connection_.get()));
    }
    const my_ulonglong affected = mysql_affected_rows(connection_.get());
    // The next statement could not be sent before rows that nobody wants were taken.
    mysql_free_result(mysql_store_result(connection_.get()));
    return std::uint64_t{affected};
  }

 private:
  static void bind(MYSQL_BIND& bind, const Parameter& parameter) {
    switch (parameter.kind()) {
      case Parameter::Kind::null: bind.buffer_type = MYSQL_TYPE_NULL; return;
      case Parameter::Kind::text: bind.buffer_type = MYSQL_TYPE_STRING; break;
      case Parameter::Kind::bytes: bind.buffer_type = MYSQL_TYPE_BLOB; break;
    }
    bind.buffer = const_cast<char*>(parameter.value().data());
    bind.buffer_length = parameter.value().size();
  }

  // Programs use a fixed set of statements, so the map does not grow without end.
  [[nodiscard]] Result<MYSQL_STMT*> prepared(std::string_view sql) {
    if (const auto known = prepared_.find(sql); known != prepared_.end()) {
      return known->second.get();
    }
    StatementPtr statement(mysql_stmt_init(connection_.get()));
    if (!statement) return error(mysql_errno(connection_.get()), "HY001", "out of memory");
    // Without it store_result() would not say how long the longest value of a column is.
    const my_bool update = 1;
    mysql_stmt_attr_set(statement.get(), STMT_ATTR_UPDATE_MAX_LENGTH, &update);
    if (mysql_stmt_prepare(statement.get(), sql.data(), sql.size()) != 0) {
      return error_of(statement.get());
    }
    return prepared_.emplace(sql, std::move(statement)).first->second.get();
  }

  [[nodiscard]] Error error(unsigned code, const char* sqlstate, const char* message) {
    const ErrorKind kind = kind_of(code);
    if (kind == ErrorKind::unreachable) usable_ = false;
    return Error{kind, sqlstate, message};
  }
  [[nodiscard]] Error error_of(MYSQL_STMT* statement) {
    return error(mysql_stmt_errno(statement), mysql_stmt_sqlstate(statement),
                 mysql_stmt_error(statement));
  }

  [[nodiscard]] Result<Rows> rows_of(MYSQL_STMT* statement) {
    Rows rows;
    rows.columns = mysql_stmt_field_count(statement);
    if (rows.columns != 0 && mysql_stmt_store_result(statement) != 0) return error_of(statement);
    rows.affected = mysql_stmt_affected_rows(statement);
    if (rows.columns == 0) return rows;

    // Asked for after store_result(), which is what makes max_length known.
    const std::unique_ptr<MYSQL_RES, FreeResult> shape(mysql_stmt_result_metadata(statement));
    if (!shape) return error_of(statement);
    const MYSQL_FIELD* fields = mysql_fetch_fields(shape.get());
    std::vector<std::string> buffers(rows.columns);
    std::vector<unsigned long> lengths(rows.columns);
    std::vector<my_bool> nulls(rows.columns);
    std::vector<MYSQL_BIND> binds(rows.columns);
    for (std::size_t i = 0; i < rows.columns; ++i) {
      // For numbers and times max_length is not the length of their text: 64 bytes hold them all.
      buffers[i].resize(std::max<std::size_t>(fields[i].max_length, 64));
      binds[i].buffer_type = MYSQL_TYPE_STRING;
      binds[i].buffer = buffers[i].data();
      binds[i].buffer_length = buffers[i].size();
      binds[i].length = &lengths[i];
      binds[i].is_null = &nulls[i];
    }
    if (mysql_stmt_bind_result(statement, binds.data()) != 0) return error_of(statement);
    int fetched = 0;
    while ((fetched = mysql_stmt_fetch(statement)) == 0) {
      for (std::size_t i = 0; i < rows.columns; ++i) {
        if (nulls[i] != 0) {
          rows.cells.emplace_back(std::nullopt);
        } else {
          rows.cells.emplace_back(buffers[i].substr(0, lengths[i]));
        }
      }
    }
    if (fetched == 1) return error_of(statement);
    mysql_stmt_free_result(statement);
    if (fetched == MYSQL_DATA_TRUNCATED) {
      return Error{ErrorKind::refused, "01004", "a value was longer than the server announced"};
    }
    return rows;
  }

  ConnectionPtr connection_;  // before the statements, so that they are closed first
  std::map<std::string, StatementPtr, std::less<>> prepared_;
  bool usable_ = true;
};

}  // namespace

Result<std::unique_ptr<Connection>> connect_mariadb(const std::string& dsn) {
  const auto address = parse_mariadb_dsn(dsn);
  if (!address) return address.error();

  // mysql_init() does this by itself, but not safely when threads race.
  static std::once_flag library;
  std::call_once(library, [] { mysql_library_init(0, nullptr, nullptr); });

  ConnectionPtr connection(mysql_init(nullptr));
  if (!connection) return Error{ErrorKind::unreachable, "HY001", "out of memory"};
  mysql_options(connection.get(), MYSQL_OPT_CONNECT_TIMEOUT, &connect_timeout_s);
  mysql_options(connection.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
  };
  if (mysql_real_connect(connection.get(), text_or_null(address->host), text_or_null(address->user),
                         text_or_null(address->password), text_or_null(address->database),
                         address->port, text_or_null(address->socket),
                         CLIENT_FOUND_ROWS) == nullptr) {
    const ErrorKind kind = kind_of(mysql_errno(connection.get()));
    return Error{kind, mysql_sqlstate(connection.get()), mysql_error(connection.get())};
  }
  return std::make_unique<MariadbConnection>(std::move(connection));
}

}  // namespace gman::db
