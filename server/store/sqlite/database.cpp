// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/database.hpp"

#include <cerrno>
#include <cstring>

#include "base/assert.hpp"
#include "server/store/sqlite/joined_writes.hpp"

namespace gman::sqlite {
namespace {

constexpr int cache_kib_at_once = 16'384;

StoreFault::Kind kind_of(int extended_code, int system_error) {
  using enum StoreFault::Kind;
  // The log's index grows by writing: that it cannot means that there is no room.
  if (extended_code == SQLITE_IOERR_SHMSIZE) return full;
  switch (extended_code & 0xFF) {
    case SQLITE_FULL: return full;
    case SQLITE_IOERR:
      return extended_code == SQLITE_IOERR_WRITE && system_error == EDQUOT ? full : failing;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return damaged;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM: return unavailable;
    // Someone has changed the file's rights, the disk is mounted read-only, or the schema is not
    // ours: nothing that waiting mends.
    default: return refused;
  }
}

/// SQLite's texts do not tell these apart, and its system error may be that of a later call.
const char* failed_call(int extended_code) {
  switch (extended_code) {
    case SQLITE_IOERR_READ:
    case SQLITE_IOERR_SHORT_READ: return ", in a read";
    case SQLITE_IOERR_WRITE: return ", in a write";
    case SQLITE_IOERR_FSYNC: return ", in a sync";
    case SQLITE_IOERR_TRUNCATE: return ", in a truncation";
    default: return "";
  }
}

}  // namespace

std::string way_out(const std::string& path) {
  return "; nothing was changed: see `gmand store check sqlite:" + path +
         "`, and `gmand store salvage sqlite:" + path + "` for what can be saved";
}

std::optional<StoreFault> Database::open() {
  // A path that begins with "file:" would be read as a URI.
  return open(path_.starts_with('/') ? path_ : "./" + path_, SQLITE_OPEN_READWRITE);
}

std::optional<StoreFault> Database::open_to_look(Look look) {
  std::string uri = "file:";
  for (const char c : path_) {
    if (c == '%') uri += "%25";
    if (c == '?') uri += "%3f";
    if (c == '#') uri += "%23";
    if (c != '%' && c != '?' && c != '#') uri += c;
  }
  if (look == Look::immutable) uri += "?immutable=1";
  if (auto failed = open(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI)) return failed;
  sqlite3_db_config(get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  return std::nullopt;
}

std::optional<StoreFault> Database::open(const std::string& name, int flags) {
  GMAN_ASSERT(!is_open());
  // Both are refused once SQLite has begun. Counting the bytes of each allocation takes a lock each
  // time, and so much of a cache is allocated at once: page by page, the heap of the store's thread
  // grows by a system call each.
  static_cast<void>(sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0));
  static_cast<void>(sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, -cache_kib_at_once));
  sqlite3* handle = nullptr;
  const char* const vfs = vfs_.empty() ? joined_writes() : vfs_.c_str();
  const int code = sqlite3_open_v2(name.c_str(), &handle,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
  handle_.reset(handle);
  if (code != SQLITE_OK) {
    StoreFault why = fault("opening", code);
    handle_.reset();
    return why;
  }
  sqlite3_busy_timeout(handle, busy_wait_ms_max_);
  return std::nullopt;
}

std::optional<StoreFault> Database::write_without_syncs() {
  for (const char* pragma :
       {"PRAGMA synchronous = OFF", "PRAGMA journal_mode = MEMORY", "PRAGMA temp_store = MEMORY"}) {
    if (auto failed = execute(pragma)) return failed;
  }
  return std::nullopt;
}

std::optional<StoreFault> Database::sync() {
  // By the descriptor that has written it all: no other is told of each write that failed.
  sqlite3_file* file = nullptr;
  int code =
      sqlite3_file_control(get(), "main", SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&file));
  if (code == SQLITE_OK) code = file->pMethods->xSync(file, SQLITE_SYNC_FULL);
  if (code == SQLITE_OK) return std::nullopt;
  return StoreFault{StoreFault::Kind::failing, path_ + ": " + sqlite3_errstr(code) + ", in a sync"};
}

std::optional<StoreFault> Database::prepare(Statement& statement, const char* sql) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  statement.handle_.reset(handle);
  if (code != SQLITE_OK) return fault(sql, code);
  return std::nullopt;
}

std::optional<StoreFault> Database::execute(const char* sql) {
  const int code = sqlite3_exec(get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fault(sql, code);
  return std::nullopt;
}

std::variant<std::int64_t, StoreFault> Database::integer(const char* sql) {
  Statement statement;
  if (auto failed = prepare(statement, sql)) return *std::move(failed);
  const int code = statement.step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return fault(sql, code);
  return code == SQLITE_ROW ? statement.integer(0) : 0;
}

std::variant<std::string, StoreFault> Database::text(const char* sql) {
  Statement statement;
  if (auto failed = prepare(statement, sql)) return *std::move(failed);
  const int code = statement.step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return fault(sql, code);
  return code == SQLITE_ROW ? std::string(statement.bytes(0)) : std::string();
}

/// What made a commit fail is known to the log, whose write or sync it was, and not to SQLite.
int Database::system_error() const {
  if (!is_open()) return 0;
  sqlite3_file* log = nullptr;
  int error = 0;
  if (sqlite3_file_control(get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log)) ==
          SQLITE_OK &&
      log != nullptr && log->pMethods != nullptr) {
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  }
  return error != 0 ? error : sqlite3_system_errno(get());
}

StoreFault Database::fault(std::string_view doing, int code) const {
  const int system_error = this->system_error();
  StoreFault fault{kind_of(code, system_error), path_ + ": "};
  fault.text.append(doing).append(": ").append(is_open() ? sqlite3_errmsg(get())
                                                         : sqlite3_errstr(code));
  fault.text += failed_call(code);
  const int kind = code & 0xFF;
  if (system_error != 0 && (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN)) {
    fault.text.append(" (").append(std::strerror(system_error)).append(")");
  }
  if (kind == SQLITE_BUSY) fault.text += ": another program is writing to it";
  if (fault.kind == StoreFault::Kind::damaged) fault.text += way_out(path_);
  return fault;
}

}  // namespace gman::sqlite
