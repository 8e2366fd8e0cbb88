// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/database_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "server/store/sqlite/files.hpp"
#include "server/store/sqlite/large_reads.hpp"

namespace gman::sqlite {
namespace {

// Its comments are kept in the file: `.schema` in the sqlite3 shell shows them.
constexpr const char* schema = R"(
PRAGMA page_size = 4096;
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA encoding = 'UTF-8';
BEGIN;
CREATE TABLE job (
  number INTEGER PRIMARY KEY,      -- number >> 40 is the start of the server that took it
  position INTEGER NOT NULL,       -- its place among the jobs of its function and priority
  handle_number INTEGER NOT NULL,  -- its handle: this after start.handle_prefix
  due_ms INTEGER,                  -- since 1970; NULL: it is queued, or it runs
  attempts_lost INTEGER NOT NULL,  -- how many workers it has cost
  priority INTEGER NOT NULL,       -- 0 high, 1 normal, 2 low
  checksum INTEGER NOT NULL,       -- of all but position, due_ms and attempts_lost
  function_name TEXT NOT NULL,
  unique_key TEXT NOT NULL,
  reducer TEXT NOT NULL,
  workload BLOB NOT NULL
);
CREATE TABLE start (
  number INTEGER PRIMARY KEY,
  handle_prefix TEXT NOT NULL
);
CREATE TABLE set_aside (           -- jobs that were not read back as they were written
  id INTEGER PRIMARY KEY,
  reason TEXT NOT NULL,
  since TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  number, position, handle_number, due_ms, attempts_lost, priority, checksum,
  function_name, unique_key, reducer, workload
);
)";

StoreFault fault(StoreFault::Kind kind, const std::string& path, const std::string& what) {
  return {kind, path + ": " + what};
}

/// Under another name first: whatever happens, there is a whole database at `path`, or none.
std::optional<StoreFault> make(const std::string& path, const std::string& vfs) {
  struct stat log {};
  const std::string log_path = path + "-wal";
  if (::stat(log_path.c_str(), &log) == 0 && log.st_size > 0) {
    return fault(StoreFault::Kind::damaged, path,
                 "is missing, but its log " + log_path +
                     " is there: put the database back beside it, or move the log away");
  }
  const std::string unfinished = path + ".new";
  if (auto failed = remove_file(unfinished)) return failed;
  if (auto failed = remove_file(unfinished + "-journal")) return failed;
  if (auto failed = make_database_file(unfinished, vfs)) return failed;
  if (auto failed = rename_file(unfinished, path)) return failed;
  return sync_directory_of(path);
}

/// What can be told before SQLite touches the file. It takes one that is cut short for a new one.
std::optional<StoreFault> look_at(const std::string& path, bool& is_there) {
  struct stat status {};
  is_there = ::stat(path.c_str(), &status) == 0;
  if (!is_there) {
    if (errno == ENOENT) return std::nullopt;
    return system_fault(path, "looking at it");
  }
  if (!S_ISREG(status.st_mode)) return fault(StoreFault::Kind::refused, path, "is not a file");
  if (status.st_size < file_bytes_min) {
    return fault(StoreFault::Kind::damaged, path,
                 "has only " + std::to_string(status.st_size) +
                     " bytes; remove it if no jobs were ever kept in it" + way_out(path));
  }
  return std::nullopt;
}

std::optional<StoreFault> check_pages(const std::string& path, const std::string& vfs) {
  Database database(path, 0, vfs_to_read_all(vfs));
  if (auto failed = database.open_to_look(Database::Look::shared)) return failed;
  const auto checked = database.text("PRAGMA quick_check(1)");
  if (const auto* failed = std::get_if<StoreFault>(&checked)) return *failed;
  const auto& verdict = std::get<std::string>(checked);
  if (verdict == "ok") return std::nullopt;
  return fault(StoreFault::Kind::damaged, path, verdict + way_out(path));
}

}  // namespace

std::string vfs_to_read_all(const std::string& vfs) {
  const char* const name = vfs.empty() ? large_reads() : nullptr;
  return name == nullptr ? vfs : name;
}

std::optional<StoreFault> make_database_file(const std::string& path, const std::string& vfs) {
  // SQLite would let everybody read it, and jobs may hold secrets.
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (file < 0) return system_fault(path, "making it");
  ::close(file);
  Database database(path, 0, vfs);
  if (auto failed = database.open()) return failed;
  if (auto failed = database.execute("PRAGMA synchronous = FULL")) return failed;
  const std::string whole = schema + ("PRAGMA application_id = " + std::to_string(application_id)) +
                            "; PRAGMA user_version = " + std::to_string(schema_version) +
                            "; COMMIT";
  return database.execute(whole.c_str());
}

std::optional<StoreFault> check_header(Database& database) {
  const auto id = database.integer("PRAGMA application_id");
  if (const auto* failed = std::get_if<StoreFault>(&id)) return *failed;
  if (std::get<std::int64_t>(id) != application_id) {
    return fault(StoreFault::Kind::refused, database.path(),
                 "is a database, but not a store of gmand's");
  }
  const auto version = database.integer("PRAGMA user_version");
  if (const auto* failed = std::get_if<StoreFault>(&version)) return *failed;
  const std::int64_t found = std::get<std::int64_t>(version);
  if (found != schema_version) {
    const std::string newer = found > schema_version ? ", made by a newer gmand" : "";
    return fault(StoreFault::Kind::refused, database.path(),
                 "has schema version " + std::to_string(found) + newer + "; this gmand knows " +
                     std::to_string(schema_version));
  }
  return std::nullopt;
}

std::optional<StoreFault> open_database_file(Database& database) {
  const std::string& path = database.path();
  bool is_there = false;
  if (auto failed = look_at(path, is_there)) return failed;
  if (!is_there) {
    if (auto failed = make(path, database.vfs())) return failed;
  }
  if (auto failed = database.open()) return failed;
  // What is refused is left as it is: closing it must not copy its log into it.
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (sqlite3_db_readonly(database.get(), "main") == 1) {
    return fault(StoreFault::Kind::refused, path, "no right to write to it");
  }
  if (auto failed = check_header(database)) return failed;
  for (const char* pragma : {
           // One fdatasync of the log a commit. EXTRA also syncs the directory once a new file is
           // put into this mode, by way of a rollback journal: one that a power cut brings back
           // would undo what the log has added since.
           "PRAGMA synchronous = EXTRA",
           "PRAGMA journal_mode = WAL",
           // Cells are checked against their page as it is read.
           "PRAGMA cell_size_check = ON",
           // Debian's SQLite overwrites what was removed; the log would carry all those pages.
           "PRAGMA secure_delete = OFF",
           "PRAGMA cache_size = -16384",
           "PRAGMA temp_store = MEMORY",
           // With the first read SQLite opens the log, and takes over what a kill left in it.
           "SELECT count(*) FROM start",
       }) {
    if (auto failed = database.execute(pragma)) return failed;
  }
  if (auto failed = check_pages(path, database.vfs())) return failed;
  // What is cached now was allocated by the default size, and the rest would be page by page.
  sqlite3_db_release_memory(database.get());
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  return std::nullopt;
}

}  // namespace gman::sqlite
