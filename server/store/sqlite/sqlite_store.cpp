// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/sqlite_store.hpp"

#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "server/store/missing.hpp"
#include "server/store/sqlite/database.hpp"
#include "server/store/sqlite/database_file.hpp"
#include "server/store/sqlite/job_row.hpp"
#include "server/store/sqlite/lock_file.hpp"
#include "server/store/sqlite/log_copier.hpp"
#include "server/store/sqlite/old_place.hpp"
#include "server/store/sqlite/onlooker.hpp"
#include "server/store/sqlite/replacement.hpp"
#include "server/store/sqlite/write_ahead_log.hpp"

namespace gman {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::stored;
using Fault = std::optional<StoreFault>;
using Imports = std::vector<std::pair<std::string, StoreImport>>;

/// So many free pages are not worth giving back: 4 MiB.
constexpr std::int64_t free_pages_kept = 1024;
constexpr std::size_t removals_between_looks = 1000;

constexpr const char* start_has_jobs =
    "SELECT EXISTS (SELECT 1 FROM job WHERE number BETWEEN ?1 AND ?2)"
    " OR EXISTS (SELECT 1 FROM set_aside WHERE number BETWEEN ?1 AND ?2)";

}  // namespace

/// The database and all that depends on it: there from a begin() that went well.
class SqliteStore::Opened {
 public:
  Opened(const std::string& path, const SqliteSettings& settings)
      : settings_(settings),
        database_(path, settings.busy_wait_ms_max, settings.vfs),
        reader_(path, settings.busy_wait_ms_max, settings.vfs) {}

  Fault open();
  /// A new one, of which no part is durable before sync(): what is left of it after a kill is
  /// worth nothing, so it is not synced on the way.
  /// What is left out of the jobs that are added to it is in the old place.
  Fault make(const std::vector<StoreStart>& starts, const Imports& imports,
             sqlite::OldPlace& old_place);
  Fault sync() { return database_.sync(); }
  /// Closing it will not write to it.
  void leave_as_it_is();
  std::variant<std::vector<StoreStart>, StoreFault> note_start(std::string_view handle_prefix);
  std::uint64_t jobs_about();
  Fault load(const Take& take, const SetAside& set_aside);
  Fault fetch(std::span<const JobNumber> numbers, const Take& take, const SetAside& set_aside);
  Fault commit(const JobChanges& changes);
  bool prepare(const JobChanges& changes);
  /// Jobs of a new one that the old place could not give the workloads of.
  struct Lost {
    JobNumber number;
    std::string why;
  };
  [[nodiscard]] std::vector<Lost> take_lost() { return std::exchange(lost_, {}); }
  std::variant<Imports, StoreFault> imports();
  Fault note_imports(const Imports& imports);
  Fault end_import(const std::string& source, std::uint64_t jobs);
  std::variant<std::string, StoreFault> now() { return database_.text("SELECT datetime()"); }

 private:
  struct Damaged {
    JobNumber number;
    const char* why;
  };
  Fault read_all(const Take& take, std::vector<Damaged>& damaged);
  Fault move_aside(const std::vector<Damaged>& damaged);
  Fault prepare_statements();
  Fault open_reader();

  // These five return SQLITE_DONE, or an error of SQLite's.
  int write(const JobChanges& changes);
  int write_and_shrink(const JobChanges& changes);
  int add(JobRecord record);
  int shrink(std::size_t removed);
  int look_for_free_pages();

  /// A transaction is left, and it is remembered when the file is not to be trusted any more.
  StoreFault given_up(StoreFault fault);
  template <typename Do>
  Fault in_transaction(const char* doing, Do&& act);

  SqliteSettings settings_;
  sqlite::WriteAheadLog log_;
  Database database_;
  sqlite::LogCopier copier_;  ///< ends before the database is closed
  Statement begin_, commit_, rollback_, add_, requeue_, remove_, free_pages_, give_back_;
  Statement add_lost_;
  Database reader_;  ///< of the same file, once something is fetched
  Statement begin_reading_, fetch_, end_reading_;
  bool is_reader_ready_ = false;
  sqlite::OldPlace* old_place_ = nullptr;  ///< of a new one
  Fault old_place_fault_;
  std::vector<Lost> lost_;
  std::optional<StoreFault> failed_;
  std::size_t removed_since_look_ = 0;
  bool is_shrinking_ = false;
  bool has_log_ = false;
  bool is_prepared_ = false;  ///< a transaction is open, and holds what commit() is to end
};

Fault SqliteStore::Opened::open() {
  if (auto failed = open_database_file(database_)) return failed;
  if (settings_.pages_max != 0) {
    const std::string limit = "PRAGMA max_page_count = " + std::to_string(settings_.pages_max);
    if (auto failed = database_.execute(limit.c_str())) return failed;
  }
  if (auto failed = copier_.open(database_, settings_.copier_has_thread)) return failed;
  if (auto failed = log_.attach(database_, copier_, settings_.log_bytes_max)) return failed;
  has_log_ = true;
  return prepare_statements();
}

Fault SqliteStore::Opened::make(const std::vector<StoreStart>& starts, const Imports& imports,
                                sqlite::OldPlace& old_place) {
  old_place_ = &old_place;
  if (auto failed = sqlite::make_database_file(database_.path(), settings_.vfs)) return failed;
  if (auto failed = database_.open()) return failed;
  if (auto failed = database_.write_without_syncs()) return failed;
  if (auto failed = prepare_statements()) return failed;
  Statement insert;
  if (auto failed = database_.prepare(insert, sqlite::insert_start)) return failed;
  if (!imports.empty()) {
    if (auto failed = note_imports(imports)) return failed;
  }
  return in_transaction("noting the starts", [&] {
    for (const StoreStart& start : starts) {
      insert.bind(1, std::int64_t{start.number});
      insert.bind_text(2, start.handle_prefix);
      if (const int code = insert.run(); code != SQLITE_DONE) return code;
    }
    return SQLITE_DONE;
  });
}

void SqliteStore::Opened::leave_as_it_is() {
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

Fault SqliteStore::Opened::prepare_statements() {
  const std::array<std::pair<Statement*, const char*>, 9> statements{{
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&rollback_, "ROLLBACK"},
      {&add_, sqlite::insert_job},
      {&requeue_,
       "UPDATE job SET position = ?2, attempts_lost = ?3, due_ms = NULL WHERE number = ?1"},
      {&remove_, "DELETE FROM job WHERE number = ?"},
      {&add_lost_, sqlite::insert_lost_job},
      {&free_pages_,
       "SELECT freelist_count, page_count FROM pragma_freelist_count,"
       " pragma_page_count"},
      {&give_back_, "PRAGMA incremental_vacuum"},
  }};
  for (const auto& [statement, sql] : statements) {
    if (auto failed = database_.prepare(*statement, sql)) return failed;
  }
  return std::nullopt;
}

StoreFault SqliteStore::Opened::given_up(StoreFault fault) {
  is_prepared_ = false;
  if (sqlite3_get_autocommit(database_.get()) == 0) static_cast<void>(rollback_.run());
  if (fault.kind == StoreFault::Kind::failing) failed_ = fault;
  if (fault.kind == StoreFault::Kind::full && has_log_) log_.after_full();
  return fault;
}

template <typename Do>
Fault SqliteStore::Opened::in_transaction(const char* doing, Do&& act) {
  int code = std::exchange(is_prepared_, false) ? SQLITE_DONE : begin_.run();
  if (code == SQLITE_DONE) code = act();
  if (code == SQLITE_DONE) code = commit_.run();
  if (code == SQLITE_DONE) return std::nullopt;
  return given_up(database_.fault(doing, code));
}

std::variant<std::vector<StoreStart>, StoreFault> SqliteStore::Opened::note_start(
    std::string_view handle_prefix) {
  Statement all, has_jobs, forget, insert;
  for (const auto& [statement, sql] : std::array<std::pair<Statement*, const char*>, 4>{{
           {&all, sqlite::select_starts},
           {&has_jobs, start_has_jobs},
           {&forget, "DELETE FROM start WHERE number = ?"},
           {&insert, sqlite::insert_start},
       }}) {
    if (auto failed = database_.prepare(*statement, sql)) return *std::move(failed);
  }
  std::vector<StoreStart> known;
  int code = SQLITE_ROW;
  while ((code = all.step()) == SQLITE_ROW) {
    const std::int64_t number = all.integer(0);
    if (number < 1 || number > store_starts_max) break;
    known.push_back({static_cast<std::uint32_t>(number), std::string(all.bytes(1))});
  }
  all.reset();
  if (code == SQLITE_ROW) {
    return StoreFault{StoreFault::Kind::damaged, database_.path() +
                                                     ": a start has a number that none can have" +
                                                     sqlite::way_out(database_.path())};
  }
  if (code != SQLITE_DONE) return database_.fault("reading the starts", code);
  const std::uint32_t number = known.empty() ? 1 : known.back().number + 1;
  if (number > store_starts_max) {
    return StoreFault{StoreFault::Kind::refused,
                      database_.path() + ": was begun " + std::to_string(store_starts_max) +
                          " times, and there are no more numbers for another"};
  }

  std::vector<StoreStart> kept;
  auto failed = in_transaction("noting the start", [&] {
    for (StoreStart& start : known) {
      const std::uint64_t first = std::uint64_t{start.number} << job_number_start_shift;
      has_jobs.bind(1, stored(first));
      has_jobs.bind(2, stored(first | ((std::uint64_t{1} << job_number_start_shift) - 1)));
      const int found = has_jobs.step();
      const bool has_some = found == SQLITE_ROW && has_jobs.integer(0) != 0;
      has_jobs.reset();
      if (found != SQLITE_ROW) return found;
      if (has_some) {
        kept.push_back(std::move(start));
        continue;
      }
      forget.bind(1, std::int64_t{start.number});
      if (const int forgot = forget.run(); forgot != SQLITE_DONE) return forgot;
    }
    kept.push_back({number, std::string(handle_prefix)});
    insert.bind(1, std::int64_t{number});
    insert.bind_text(2, handle_prefix);
    return insert.run();
  });
  if (failed) return *std::move(failed);
  return kept;
}

// Counting them would read the whole file once more. Where many are gone, their numbers say more
// than there are, and the pages, of which none has room for more, say less.
std::uint64_t SqliteStore::Opened::jobs_about() {
  constexpr const char* spans =
      "WITH range (first, last) AS"
      " (SELECT number << 40, (number << 40) | ((1 << 40) - 1) FROM start)"
      " SELECT min(CAST(total(1 + (SELECT max(number) FROM job WHERE number BETWEEN first AND last)"
      " - (SELECT min(number) FROM job WHERE number BETWEEN first AND last)) AS INTEGER),"
      " (SELECT 64 * page_count FROM pragma_page_count)) FROM range";
  const auto count = database_.integer(spans);
  const auto* known = std::get_if<std::int64_t>(&count);
  return known == nullptr ? 0 : static_cast<std::uint64_t>(*known);
}

Fault SqliteStore::Opened::read_all(const Take& take, std::vector<Damaged>& damaged) {
  Database all(database_.path(), settings_.busy_wait_ms_max,
               sqlite::vfs_to_read_all(settings_.vfs));
  if (auto failed = all.open_to_look(Database::Look::shared)) return failed;
  if (auto failed = all.execute("PRAGMA cell_size_check = ON")) return failed;
  Statement select;
  if (auto failed = all.prepare(select, sqlite::select_jobs)) return failed;
  const int code = sqlite::for_each_job(select, take, [&](JobNumber number, const char* why) {
    damaged.push_back({number, why});
  });
  if (code == SQLITE_DONE) return std::nullopt;
  return all.fault("reading the jobs", code);
}

Fault SqliteStore::Opened::load(const Take& take, const SetAside& set_aside) {
  std::vector<Damaged> damaged;
  if (auto failed = read_all(take, damaged)) return given_up(*std::move(failed));
  if (damaged.empty()) return std::nullopt;
  if (auto failed = move_aside(damaged)) return failed;
  for (const Damaged& job : damaged) set_aside(job.number, job.why);
  return std::nullopt;
}

// By a connection of its own, so that the system sees one stream of reads and reads ahead itself: a
// file that is larger than its memory is slow otherwise.
Fault SqliteStore::Opened::open_reader() {
  if (is_reader_ready_) return std::nullopt;
  if (!reader_.is_open()) {
    if (auto failed = reader_.open_to_look(Database::Look::shared)) return failed;
  }
  for (const auto& [statement, sql] : std::array<std::pair<Statement*, const char*>, 3>{{
           {&begin_reading_, "BEGIN"},
           {&fetch_, sqlite::select_job},
           {&end_reading_, "ROLLBACK"},
       }}) {
    if (auto failed = reader_.prepare(*statement, sql)) return failed;
  }
  is_reader_ready_ = true;
  return std::nullopt;
}

// In one transaction, because each look into the file by itself costs more than what it finds. One
// that cannot be set aside is left where it is.
Fault SqliteStore::Opened::fetch(std::span<const JobNumber> numbers, const Take& take,
                                 const SetAside& set_aside) {
  if (auto failed = open_reader()) return failed;
  if (const int code = begin_reading_.run(); code != SQLITE_DONE) {
    return reader_.fault("reading jobs", code);
  }
  std::vector<Damaged> damaged;
  Fault failed;
  for (const JobNumber number : numbers) {
    fetch_.bind(1, stored(number));
    int code = fetch_.step();
    if (code == SQLITE_ROW && fetch_.has_unreadable_bytes()) {
      code = sqlite3_extended_errcode(reader_.get());
    }
    if (code == SQLITE_ROW) {
      JobRecord record;
      if (const char* why = sqlite::read_job(fetch_, record)) {
        damaged.push_back({number, why});
      } else {
        take(record);
      }
    } else if (code == SQLITE_DONE) {
      set_aside(number, not_there);
    } else {
      failed = reader_.fault("reading a job", code);
    }
    fetch_.reset();
    if (failed) break;
  }
  static_cast<void>(end_reading_.run());
  if (!damaged.empty()) {
    const Fault not_moved = move_aside(damaged);
    for (const Damaged& job : damaged) {
      set_aside(job.number, not_moved ? job.why + ("; it stays where it is: " + not_moved->text)
                                      : std::string(job.why));
    }
  }
  return failed;
}

Fault SqliteStore::Opened::move_aside(const std::vector<Damaged>& damaged) {
  Statement copy;
  if (auto failed = database_.prepare(
          copy,
          "INSERT INTO set_aside (reason, number, position, handle_number, due_ms, attempts_lost,"
          " priority, checksum, function_name, unique_key, reducer, workload)"
          " SELECT ?1, number, position, handle_number, due_ms, attempts_lost, priority, checksum,"
          " function_name, unique_key, reducer, workload FROM job WHERE number = ?2")) {
    return failed;
  }
  return in_transaction("setting damaged jobs aside", [&] {
    for (const Damaged& job : damaged) {
      copy.bind_text(1, job.why);
      copy.bind(2, stored(job.number));
      remove_.bind(1, stored(job.number));
      if (const int code = copy.run(); code != SQLITE_DONE) return code;
      if (const int code = remove_.run(); code != SQLITE_DONE) return code;
    }
    return SQLITE_DONE;
  });
}

int SqliteStore::Opened::write(const JobChanges& changes) {
  for (std::size_t i = 0; i < changes.added_count(); ++i) {
    if (const int code = add(changes.added(i)); code != SQLITE_DONE) return code;
  }
  for (const JobRequeued& job : changes.requeued()) {
    requeue_.bind(1, stored(job.number));
    requeue_.bind(2, stored(job.position));
    requeue_.bind(3, std::int64_t{job.attempts_lost});
    if (const int code = requeue_.run(); code != SQLITE_DONE) return code;
  }
  for (const JobNumber number : changes.removed()) {
    remove_.bind(1, stored(number));
    if (const int code = remove_.run(); code != SQLITE_DONE) return code;
  }
  return SQLITE_DONE;
}

int SqliteStore::Opened::write_and_shrink(const JobChanges& changes) {
  const int code = write(changes);
  return code == SQLITE_DONE ? shrink(changes.removed().size()) : code;
}

int SqliteStore::Opened::add(JobRecord record) {
  std::string why;
  if (record.away_bytes > 0) {
    GMAN_ASSERT(old_place_ != nullptr);
    old_place_fault_ = old_place_->complete(record, why);
    if (old_place_fault_) return SQLITE_IOERR_READ;
  }
  if (why.empty()) {
    sqlite::bind_job(add_, record);
    return add_.run();
  }
  sqlite::bind_lost_job(add_lost_, record, why);
  const int code = add_lost_.run();
  lost_.push_back({record.number, std::move(why)});
  return code;
}

/// Is more than half of the file free, and is that much? Then it is to shrink.
int SqliteStore::Opened::look_for_free_pages() {
  removed_since_look_ = 0;
  const int code = free_pages_.step();
  if (code == SQLITE_ROW) {
    const std::int64_t free = free_pages_.integer(0);
    is_shrinking_ = free > free_pages_kept && free > free_pages_.integer(1) / 2;
  }
  free_pages_.reset();
  return code == SQLITE_ROW ? SQLITE_DONE : code;
}

int SqliteStore::Opened::shrink(std::size_t removed) {
  removed_since_look_ += removed;
  if (!is_shrinking_ && removed_since_look_ < removals_between_looks) return SQLITE_DONE;
  if (const int code = look_for_free_pages(); code != SQLITE_DONE || !is_shrinking_) return code;
  const auto until = std::chrono::steady_clock::now() + settings_.shrinking_max;
  int code = SQLITE_ROW;  // one a page
  while (code == SQLITE_ROW && std::chrono::steady_clock::now() < until) code = give_back_.step();
  give_back_.reset();
  return code == SQLITE_ROW ? SQLITE_DONE : code;
}

Fault SqliteStore::Opened::commit(const JobChanges& changes) {
  if (failed_) return failed_;
  if (changes.empty() && !is_prepared_) return std::nullopt;
  const auto write_them = [&] { return write_and_shrink(changes); };
  if (!has_log_) {
    auto failed = in_transaction("writing", write_them);
    return old_place_fault_ ? std::exchange(old_place_fault_, std::nullopt) : failed;
  }
  const bool adds_jobs = is_prepared_ || changes.added_count() > 0;
  if (!is_prepared_) {
    if (auto failed = log_.before_commit(adds_jobs)) return given_up(*std::move(failed));
  }
  auto failed = in_transaction("writing", write_them);
  if (failed && failed->kind == StoreFault::Kind::full && !adds_jobs) {
    // Now with the whole log to write into, and no page to move that does not have to be.
    failed = in_transaction("writing", [&] { return write(changes); });
  }
  if (!failed) log_.after_commit();
  return failed;
}

/// What goes wrong is left to commit() to meet again, and to tell.
bool SqliteStore::Opened::prepare(const JobChanges& changes) {
  if (failed_ || !has_log_ || !log_.is_ready()) return false;
  int code = is_prepared_ ? SQLITE_DONE : begin_.run();
  if (code == SQLITE_DONE) {
    is_prepared_ = true;
    code = write_and_shrink(changes);
  }
  if (code == SQLITE_DONE) return true;
  static_cast<void>(given_up(database_.fault("writing", code)));
  return false;
}

std::variant<Imports, StoreFault> SqliteStore::Opened::imports() {
  auto there = database_.integer(
      "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
      " AND name = 'import'");
  if (auto* failed = std::get_if<StoreFault>(&there)) return std::move(*failed);
  Imports imports;
  if (std::get<std::int64_t>(there) == 0) return imports;
  Statement all;
  if (auto failed =
          database_.prepare(all, "SELECT source, since, jobs FROM import ORDER BY rowid")) {
    return *std::move(failed);
  }
  int code = SQLITE_ROW;
  while ((code = all.step()) == SQLITE_ROW) {
    auto& [source, import] = imports.emplace_back();
    source = all.bytes(0);
    import.since = all.bytes(1);
    if (all.type(2) != SQLITE_NULL) import.jobs = static_cast<std::uint64_t>(all.integer(2));
  }
  if (code != SQLITE_DONE) return database_.fault("reading the imports", code);
  return imports;
}

Fault SqliteStore::Opened::note_imports(const Imports& imports) {
  if (auto failed = database_.execute("CREATE TABLE IF NOT EXISTS import (source TEXT NOT NULL,"
                                      " since TEXT NOT NULL, jobs INTEGER)")) {
    return failed;
  }
  Statement insert;
  if (auto failed = database_.prepare(insert, "INSERT INTO import VALUES (?, ?, ?)")) {
    return failed;
  }
  return in_transaction("noting the import", [&] {
    for (const auto& [source, import] : imports) {
      insert.bind_text(1, source);
      insert.bind_text(2, import.since);
      insert.bind(
          3, import.jobs ? std::optional(static_cast<std::int64_t>(*import.jobs)) : std::nullopt);
      if (const int code = insert.run(); code != SQLITE_DONE) return code;
    }
    return SQLITE_DONE;
  });
}

Fault SqliteStore::Opened::end_import(const std::string& source, std::uint64_t jobs) {
  Statement update;
  if (auto failed = database_.prepare(
          update, "UPDATE import SET jobs = ?2 WHERE source = ?1 AND jobs IS NULL")) {
    return failed;
  }
  return in_transaction("noting the import", [&] {
    update.bind_text(1, source);
    update.bind(2, static_cast<std::int64_t>(jobs));
    return update.run();
  });
}

SqliteStore::SqliteStore(std::string path, const SqliteSettings& settings)
    : path_(std::move(path)), settings_(settings) {}

SqliteStore::~SqliteStore() = default;

std::string SqliteStore::name() const {
  return "sqlite:" + path_;
}

std::variant<std::vector<StoreStart>, StoreFault> SqliteStore::begin(
    std::string_view handle_prefix) {
  GMAN_ASSERT(!opened_);
  auto lock = std::make_unique<sqlite::LockFile>();
  if (auto failed = lock->lock(path_)) return *std::move(failed);
  auto replacement = std::make_unique<sqlite::Replacement>(path_);
  if (auto failed = replacement->settle()) return *std::move(failed);
  if (auto failed = replacement->discard_unfinished()) return *std::move(failed);
  auto opened = std::make_unique<Opened>(path_, settings_);
  if (auto failed = opened->open()) return *std::move(failed);
  auto imports = opened->imports();
  if (auto* failed = std::get_if<StoreFault>(&imports)) return std::move(*failed);
  auto starts = opened->note_start(handle_prefix);
  if (const auto* known = std::get_if<std::vector<StoreStart>>(&starts)) {
    starts_ = *known;
    imports_ = std::get<Imports>(std::move(imports));
    lock_ = std::move(lock);
    replacement_ = std::move(replacement);
    opened_ = std::move(opened);
  }
  return starts;
}

Fault SqliteStore::start_over() {
  GMAN_ASSERT(replacement_);
  if (opened_) opened_->leave_as_it_is();
  opened_.reset();
  old_place_.reset();
  // The last one may have been whole, and only not have got to its place: then it has everything.
  if (auto failed = replacement_->settle()) return failed;
  if (auto failed = replacement_->discard_unfinished()) return failed;
  old_place_ = std::make_unique<sqlite::OldPlace>(path_, settings_.busy_wait_ms_max, settings_.vfs);
  auto opened = std::make_unique<Opened>(replacement_->unfinished(), settings_);
  if (auto failed = opened->make(starts_, imports_, *old_place_)) return failed;
  opened_ = std::move(opened);
  return std::nullopt;
}

Fault SqliteStore::finish_starting_over(const SetAside& set_aside) {
  GMAN_ASSERT(opened_);
  if (auto failed = opened_->sync()) return failed;
  const auto lost = opened_->take_lost();
  opened_.reset();
  old_place_.reset();
  if (auto failed = replacement_->take_place()) return failed;
  auto opened = std::make_unique<Opened>(path_, settings_);
  if (auto failed = opened->open()) return failed;
  opened_ = std::move(opened);
  for (const auto& [number, why] : lost) set_aside(number, why);
  return std::nullopt;
}

Fault SqliteStore::fetch(std::span<const JobNumber> numbers, const Take& take,
                         const SetAside& set_aside) {
  if (!opened_) {
    return StoreFault{StoreFault::Kind::unavailable, path_ + ": has to be written anew first"};
  }
  return opened_->fetch(numbers, take, set_aside);
}

std::uint64_t SqliteStore::jobs_about() {
  GMAN_ASSERT(opened_);
  return opened_->jobs_about();
}

Fault SqliteStore::load(const Take& take, const SetAside& set_aside) {
  GMAN_ASSERT(opened_);
  return opened_->load(take, set_aside);
}

Fault SqliteStore::commit(const JobChanges& changes) {
  GMAN_ASSERT(replacement_);
  if (!opened_) {
    return StoreFault{StoreFault::Kind::failing, path_ + ": has to be written anew first"};
  }
  return opened_->commit(changes);
}

bool SqliteStore::prepare(const JobChanges& changes) {
  return opened_ && opened_->prepare(changes);
}

Store::FoundImport SqliteStore::find_import(const std::string& source) {
  GMAN_ASSERT(opened_);
  std::optional<StoreImport> last;
  for (const auto& [from, import] : imports_) {
    if (from == source) last = import;
  }
  if (last) last->since += " UTC";
  return last;
}

Fault SqliteStore::note_import(const std::string& source, std::optional<std::uint64_t> jobs) {
  GMAN_ASSERT(opened_);
  if (jobs) {
    if (auto failed = opened_->end_import(source, *jobs)) return failed;
    for (auto& [from, import] : imports_) {
      if (from == source && !import.jobs) import.jobs = jobs;
    }
    return std::nullopt;
  }
  auto now = opened_->now();
  if (auto* failed = std::get_if<StoreFault>(&now)) return std::move(*failed);
  const StoreImport begun{.since = std::get<std::string>(std::move(now)), .jobs = std::nullopt};
  if (auto failed = opened_->note_imports({{source, begun}})) return failed;
  imports_.emplace_back(source, begun);
  return std::nullopt;
}

Fault SqliteStore::look(StoreSight& sight, const Take& take, const SetAside& damaged) {
  GMAN_ASSERT(!opened_);
  sqlite::Onlooker onlooker(path_);
  if (auto failed = onlooker.open(sqlite::Onlooker::Damage::refused)) return failed;
  Database& database = onlooker.database();
  if (auto failed = database.execute("BEGIN")) return failed;
  if (onlooker.server_has_it()) sight.holder = "a server on this host";
  Statement starts;
  if (auto failed = database.prepare(starts, sqlite::select_starts)) return failed;
  int code = SQLITE_ROW;
  while ((code = starts.step()) == SQLITE_ROW) {
    sight.starts.push_back(
        {static_cast<std::uint32_t>(starts.integer(0)), std::string(starts.bytes(1))});
  }
  if (code != SQLITE_DONE) return database.fault("reading the starts", code);
  Statement jobs;
  if (auto failed = database.prepare(jobs, sqlite::select_jobs)) return failed;
  code = sqlite::for_each_job(jobs, take, damaged);
  if (code != SQLITE_DONE) return database.fault("reading the jobs", code);
  const auto aside = database.integer("SELECT count(*) FROM set_aside");
  if (const auto* failed = std::get_if<StoreFault>(&aside)) return *failed;
  sight.set_aside = static_cast<std::uint64_t>(std::get<std::int64_t>(aside));
  return std::nullopt;
}

}  // namespace gman
