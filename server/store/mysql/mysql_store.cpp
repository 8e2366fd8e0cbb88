// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/mysql/mysql_store.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "server/store/checksum.hpp"
#include "server/store/missing.hpp"
#include "server/store/mysql/connection.hpp"
#include "server/store/mysql/schema.hpp"
#include "server/store/requeues.hpp"

namespace gman {
namespace {

using mysql::Connection;
using mysql::Rows;
using mysql::Statement;
using Columns = std::vector<std::string>;
using Fault = std::optional<StoreFault>;

/// Rows in one INSERT, which is prepared once for each of these.
constexpr std::array<std::size_t, 5> rows_at_once{256, 64, 16, 4, 1};
constexpr std::size_t columns = 11;
/// Of one INSERT of several rows; one row may be as large as the server takes.
constexpr std::uint64_t statement_bytes_max = std::uint64_t{4} << 20;
/// Of a row beside its texts, and of a request beside its rows: rounded up.
constexpr std::uint64_t row_bytes = 128, request_bytes = 1024;
/// A CASE is looked through for each row.
constexpr std::size_t requeues_at_once = 64;
constexpr std::size_t removals_at_once = 1000;

// Of the whole server, so that each database has its own; a name may have 64 characters.
#define GMAN_LOCK_NAME \
  "CONCAT('gmand.', IF(CHAR_LENGTH(DATABASE()) <= 58, DATABASE(), MD5(DATABASE())))"
// It waits, in seconds: a server learns a moment later that a session has ended.
constexpr const char* try_lock = "SELECT GET_LOCK(" GMAN_LOCK_NAME ", 2)";
constexpr const char* lock_holder = "SELECT IS_USED_LOCK(" GMAN_LOCK_NAME ")";
#undef GMAN_LOCK_NAME
constexpr const char* owner =
    "SELECT CONCAT('process ', process_id, ' on ', host, ', since ', since, ' UTC'), start_number"
    " FROM gmand_store";

constexpr const char* select_jobs =
    "SELECT number, position, handle_number, due_ms, attempts_lost, priority, checksum,"
    " function_name, unique_key, reducer, workload FROM gmand_job";

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::uint64_t bytes_of(const JobRecord& job) {
  return row_bytes + job.function.size() + job.unique.size() + job.reducer.size() +
         job.workload.size();
}

std::string insert_of(std::size_t rows) {
  std::string sql =
      "INSERT INTO gmand_job (number, position, handle_number, due_ms, attempts_lost, priority,"
      " checksum, function_name, unique_key, reducer, workload) VALUES ";
  for (std::size_t row = 0; row < rows; ++row) {
    sql += row == 0 ? "(?,?,?,?,?,?,?,?,?,?,?)" : ",(?,?,?,?,?,?,?,?,?,?,?)";
  }
  // Not INSERT IGNORE, which would also store what does not fit, cut short.
  return sql + " ON DUPLICATE KEY UPDATE number = gmand_job.number";
}

/// What there is to be said against a row of select_jobs; nullptr: nothing.
const char* read_row(MYSQL_ROW cells, const unsigned long* lengths, JobRecord& record) {
  const auto bytes = [&](std::size_t column) {
    return std::string_view(cells[column], cells[column] == nullptr ? 0 : lengths[column]);
  };
  bool is_possible = true;
  const auto read_number = [&](std::size_t column, auto& number) {
    const std::string_view text = bytes(column);
    const auto end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, number);
    is_possible = is_possible && error == std::errc() && last == end;
  };
  std::uint64_t checksum = 0;
  std::uint32_t priority = 0;
  read_number(0, record.number);
  read_number(1, record.position);
  read_number(2, record.handle_number);
  if (cells[3] != nullptr) read_number(3, record.due_ms.emplace());
  read_number(4, record.attempts_lost);
  read_number(5, priority);
  read_number(6, checksum);
  if (!is_possible || priority >= priority_count) return "a field has a value that none can have";
  record.priority = static_cast<Priority>(priority);
  record.function = bytes(7);
  record.unique = bytes(8);
  record.reducer = bytes(9);
  record.workload = bytes(10);
  if (checksum_of(record) != checksum) return "its checksum does not match";
  return nullptr;
}

/// The values of one INSERT, as libmariadb takes them: it keeps pointers to them.
class Values {
 public:
  void clear() {
    binds_.clear();
    numbers_.clear();
    numbers_.reserve(rows_at_once.front() * columns);  // what is pointed to must not move
  }
  void add(const JobRecord& job) {
    add(job.number);
    add(job.position);
    add(job.handle_number);
    if (job.due_ms) {
      add(static_cast<std::uint64_t>(*job.due_ms));
      binds_.back().is_unsigned = 0;
    } else {
      binds_.emplace_back().buffer_type = MYSQL_TYPE_NULL;
    }
    add(job.attempts_lost);
    add(static_cast<std::uint64_t>(job.priority));
    add(checksum_of(job));
    add(job.function);
    add(job.unique);
    add(job.reducer);
    add(job.workload);
  }
  [[nodiscard]] std::span<MYSQL_BIND> binds() { return binds_; }

 private:
  void add(std::uint64_t number) {
    MYSQL_BIND& bind = binds_.emplace_back();
    bind.buffer_type = MYSQL_TYPE_LONGLONG;
    bind.buffer = &numbers_.emplace_back(number);
    bind.is_unsigned = 1;
  }
  void add(std::string_view text) {
    MYSQL_BIND& bind = binds_.emplace_back();
    bind.buffer_type = MYSQL_TYPE_BLOB;
    bind.buffer = const_cast<char*>(text.data() == nullptr ? "" : text.data());
    bind.buffer_length = text.size();
  }

  std::vector<MYSQL_BIND> binds_;
  std::vector<std::uint64_t> numbers_;
};

/// "1,2,3"
template <typename Number>
std::string list_of(std::span<const Number> numbers) {
  std::string list;
  for (const Number number : numbers) {
    if (!list.empty()) list += ',';
    list += std::to_string(number);
  }
  return list;
}

/// The connection, and what this start of the server may do with it.
class MysqlStore final : public Store {
 public:
  explicit MysqlStore(db::MariadbAddress to) : connection_(std::move(to)) {}

  [[nodiscard]] std::string name() const override { return "mysql://" + connection_.address(); }
  [[nodiscard]] std::variant<std::vector<StoreStart>, StoreFault> begin(
      std::string_view handle_prefix) override;
  [[nodiscard]] std::vector<std::string> warnings() override;
  [[nodiscard]] std::uint64_t jobs_about() override;
  [[nodiscard]] Fault load(const Take& take, const SetAside& set_aside) override;
  [[nodiscard]] Fault fetch(std::span<const JobNumber> numbers, const Take& take,
                            const SetAside& set_aside) override;
  [[nodiscard]] Fault commit(const JobChanges& changes) override;
  [[nodiscard]] bool can_be_taken() const override { return true; }
  [[nodiscard]] Fault keep() override;
  [[nodiscard]] FoundImport find_import(const std::string& source) override;
  [[nodiscard]] Fault note_import(const std::string& source,
                                  std::optional<std::uint64_t> jobs) override;
  [[nodiscard]] Fault look(StoreSight& sight, const Take& take, const SetAside& damaged) override;

 private:
  struct Damaged {
    JobNumber number;
    const char* why;
  };

  Fault connect();
  void close();
  Fault lock();
  StoreFault is_taken(const std::string& holder);
  std::variant<std::vector<StoreStart>, StoreFault> note_start(std::string_view handle_prefix);
  std::variant<std::vector<StoreStart>, StoreFault> known_starts();
  Fault forget_starts_without_jobs(std::vector<StoreStart>& starts);
  /// Connected, with the lock and the newest session number.
  Fault resume();
  Fault take_next_session();
  StoreFault fence();
  /// `which` follows the SELECT. Damaged ones are set aside.
  Fault read(const std::string& which, const Take& take, const SetAside& set_aside);
  Fault read_jobs(const std::string& which, const Take& take, std::vector<Damaged>& damaged);
  std::variant<std::string, StoreFault> holder();
  Fault look_at(StoreSight& sight, const Take& take, const SetAside& damaged);
  Fault move_aside(const std::vector<Damaged>& damaged);

  /// A transaction of this session.
  template <typename Do>
  Fault in_transaction(const char* doing, Do&& act);
  /// Locks the row that says whose the store is. Its fault is only the server's.
  Fault require_session(const char* doing, bool& is_newest);
  Fault write(const JobChanges& changes);
  Fault add(const JobChanges& changes);
  Fault requeue(std::span<const JobRequeued> requeued);
  Fault remove(std::span<const JobNumber> removed);
  /// A job that is larger than a request may be.
  Fault check_sizes(const JobChanges& changes);

  Connection connection_;
  std::array<Statement, rows_at_once.size()> inserts_;
  Values values_;
  std::uint64_t start_ = 0;    ///< 0: has not begun
  std::uint64_t session_ = 0;  ///< 0: not of the newest connection
  std::uint64_t thread_ = 0;   ///< the last one of the database's server that was ours
  Fault fenced_;
};

void MysqlStore::close() {
  for (Statement& statement : inserts_) statement.reset();
  connection_.close();
  session_ = 0;
}

Fault MysqlStore::connect() {
  if (auto failed = connection_.open()) return failed;
  return lock();
}

Fault MysqlStore::lock() {
  auto tried = connection_.row("locking", try_lock);
  if (auto* failed = std::get_if<StoreFault>(&tried)) return std::move(*failed);
  if (std::get<Columns>(tried).at(0) == "1") {
    thread_ = mysql_thread_id(connection_.get());
    return std::nullopt;
  }
  auto holder = connection_.row("looking for who has it", lock_holder);
  if (auto* failed = std::get_if<StoreFault>(&holder)) return std::move(*failed);
  const std::string thread = std::get<Columns>(holder).at(0);
  if (thread.empty()) {
    return connection_.fault(StoreFault::Kind::unavailable, "the lock is changing hands");
  }
  StoreFault taken = is_taken(thread);
  if (number_in(thread) != thread_ || taken.kind != StoreFault::Kind::unavailable) return taken;
  // The server has not noticed yet that this session of ours was cut off.
  if (auto failed = connection_.execute("ending the lost session", "KILL " + thread)) {
    return failed;
  }
  return connection_.fault(StoreFault::Kind::unavailable, "ended the session that was cut off");
}

/// Unavailable where nobody else has begun.
StoreFault MysqlStore::is_taken(const std::string& holder) {
  const std::string way_out = "; if that server is no more, end its session: KILL " + holder;
  auto row = connection_.row("looking for who has it", owner);
  const auto* found = std::get_if<Columns>(&row);
  if (found == nullptr || found->empty()) {
    return connection_.fault(StoreFault::Kind::refused,
                             "another server is about to begin" + way_out);
  }
  if (start_ != 0 && number_in(found->at(1)) == start_) {
    return connection_.fault(StoreFault::Kind::unavailable,
                             "another session has the lock" + way_out);
  }
  if (start_ != 0) return fence();
  return connection_.fault(StoreFault::Kind::refused,
                           "in use by another server: " + found->at(0) + way_out);
}

std::variant<std::vector<StoreStart>, StoreFault> MysqlStore::begin(
    std::string_view handle_prefix) {
  GMAN_ASSERT(start_ == 0);
  auto failed = connect();
  if (!failed) failed = mysql::open_schema(connection_);
  if (!failed) {
    auto starts = note_start(handle_prefix);
    if (std::holds_alternative<std::vector<StoreStart>>(starts)) return starts;
    failed = std::get<StoreFault>(std::move(starts));
  }
  close();
  return *std::move(failed);
}

std::variant<std::vector<StoreStart>, StoreFault> MysqlStore::known_starts() {
  auto found = connection_.query("reading the starts",
                                 "SELECT number, handle_prefix FROM gmand_start ORDER BY number");
  if (auto* failed = std::get_if<StoreFault>(&found)) return std::move(*failed);
  MYSQL_RES* rows = std::get<Rows>(found).get();
  std::vector<StoreStart> starts;
  while (const MYSQL_ROW cells = mysql_fetch_row(rows)) {
    const std::uint64_t number = number_in(cells[0]);
    if (number < 1 || number > store_starts_max) {
      return connection_.fault(StoreFault::Kind::damaged,
                               "gmand_start has a number that none can have; nothing was changed");
    }
    starts.push_back({static_cast<std::uint32_t>(number), cells[1]});
  }
  return starts;
}

std::variant<std::vector<StoreStart>, StoreFault> MysqlStore::note_start(
    std::string_view handle_prefix) {
  constexpr const char* doing = "noting the start";
  if (auto failed = connection_.execute(doing, "START TRANSACTION")) return *std::move(failed);
  // Waits for a commit of a server that was cut off; from here on it can make no other.
  auto newest = connection_.row(
      doing, "SELECT start_number, session FROM gmand_store WHERE only_row = 1 FOR UPDATE");
  if (auto* failed = std::get_if<StoreFault>(&newest)) return std::move(*failed);
  auto known = known_starts();
  if (std::holds_alternative<StoreFault>(known)) return known;
  auto& starts = std::get<std::vector<StoreStart>>(known);

  std::uint64_t number = number_in(std::get<Columns>(newest).at(0));
  const std::uint64_t session = number_in(std::get<Columns>(newest).at(1)) + 1;
  if (!starts.empty()) number = std::max<std::uint64_t>(number, starts.back().number);
  if (++number > store_starts_max) {
    return connection_.fault(StoreFault::Kind::refused,
                             "was begun " + std::to_string(store_starts_max) +
                                 " times, and there are no more numbers for another");
  }
  if (auto failed = forget_starts_without_jobs(starts)) return *std::move(failed);
  starts.push_back({static_cast<std::uint32_t>(number), std::string(handle_prefix)});
  const std::array statements{
      "INSERT INTO gmand_start (number, handle_prefix) VALUES (" + std::to_string(number) + ", " +
          connection_.quoted(handle_prefix) + ")",
      "UPDATE gmand_store SET start_number = " + std::to_string(number) +
          ", session = " + std::to_string(session) + ", host = " + connection_.quoted(host_name()) +
          ", process_id = " + std::to_string(::getpid()) + ", since = UTC_TIMESTAMP()",
      std::string("COMMIT"),
  };
  for (const std::string& statement : statements) {
    if (auto failed = connection_.execute(doing, statement)) return *std::move(failed);
  }
  start_ = number;
  session_ = session;
  return known;
}

Fault MysqlStore::forget_starts_without_jobs(std::vector<StoreStart>& starts) {
  constexpr const char* doing = "forgetting starts";
  std::vector<StoreStart> kept;
  for (StoreStart& start : starts) {
    const std::uint64_t first = std::uint64_t{start.number} << job_number_start_shift;
    const std::uint64_t last = first | ((std::uint64_t{1} << job_number_start_shift) - 1);
    const auto has_some = [&](const char* table) {
      return std::string("EXISTS (SELECT 1 FROM ") + table + " WHERE number BETWEEN " +
             std::to_string(first) + " AND " + std::to_string(last) + ")";
    };
    auto found = connection_.row(
        doing, "SELECT " + has_some("gmand_job") + " OR " + has_some("gmand_set_aside"));
    if (auto* failed = std::get_if<StoreFault>(&found)) return std::move(*failed);
    if (std::get<Columns>(found).at(0) == "1") {
      kept.push_back(std::move(start));
      continue;
    }
    if (auto failed = connection_.execute(
            doing, "DELETE FROM gmand_start WHERE number = " + std::to_string(start.number))) {
      return failed;
    }
  }
  starts = std::move(kept);
  return std::nullopt;
}

Fault MysqlStore::resume() {
  if (fenced_) return fenced_;
  if (connection_.is_open() && session_ != 0) return std::nullopt;
  close();
  auto failed = connect();
  if (!failed) failed = take_next_session();
  if (failed) close();
  return failed;
}

Fault MysqlStore::take_next_session() {
  constexpr const char* doing = "taking it up again";
  // LAST_INSERT_ID(x) is x, and remembered.
  if (auto failed =
          connection_.execute(doing,
                              "UPDATE gmand_store SET session = LAST_INSERT_ID(session + 1)"
                              " WHERE only_row = 1 AND start_number = " +
                                  std::to_string(start_))) {
    return failed;
  }
  if (mysql_affected_rows(connection_.get()) != 1) return fence();
  session_ = mysql_insert_id(connection_.get());
  return std::nullopt;
}

/// For good, and without the lock: it is for servers that may still write.
StoreFault MysqlStore::fence() {
  std::string who = "another server";
  if (auto row = connection_.row("looking for who has it", owner);
      std::holds_alternative<Columns>(row) && !std::get<Columns>(row).empty()) {
    who = std::get<Columns>(row).front();
  }
  fenced_ = connection_.fault(
      StoreFault::Kind::fenced,
      "another server has begun since, and this one may change nothing any more: " + who);
  close();
  return *fenced_;
}

std::vector<std::string> MysqlStore::warnings() {
  GMAN_ASSERT(start_ != 0);
  std::vector<std::string> warnings;
  const auto warn = [&](const std::string& text) { warnings.push_back(name() + ": " + text); };
  auto read = connection_.row("reading its settings",
                              "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit,"
                              " @@GLOBAL.log_bin, @@GLOBAL.sync_binlog,"
                              " @@GLOBAL.innodb_doublewrite");
  if (const auto* failed = std::get_if<StoreFault>(&read)) {
    return {"cannot tell what a commit is worth: " + failed->text};
  }
  const auto& settings = std::get<Columns>(read);
  if (settings.at(0) != "1") {
    warn("a commit is not synced (innodb_flush_log_at_trx_commit " + settings.at(0) +
         "): a loss of power loses acknowledged jobs of the last second");
  }
  // After a crash the log decides which commits there have been.
  if (settings.at(1) == "1" && settings.at(2) != "1") {
    warn("the binary log is on and not synced with each commit (sync_binlog " + settings.at(2) +
         "): a loss of power loses acknowledged jobs");
  }
  for (const char* unsafe : {"0", "OFF", "DETECT_ONLY"}) {
    if (settings.at(3) != unsafe) continue;
    warn("half-written pages cannot be mended (innodb_doublewrite " + settings.at(3) +
         "): a loss of power may cost the whole database");
  }
  return warnings;
}

std::uint64_t MysqlStore::jobs_about() {
  GMAN_ASSERT(start_ != 0);
  if (resume()) return 0;
  auto count = connection_.row("counting the jobs", "SELECT COUNT(*) FROM gmand_job");
  const auto* found = std::get_if<Columns>(&count);
  if (found == nullptr && !connection_.recover()) close();
  return found == nullptr ? 0 : number_in(found->at(0));
}

Fault MysqlStore::load(const Take& take, const SetAside& set_aside) {
  return read(" ORDER BY number", take, set_aside);
}

Fault MysqlStore::fetch(std::span<const JobNumber> numbers, const Take& take,
                        const SetAside& set_aside) {
  if (numbers.empty()) return std::nullopt;
  std::vector<JobNumber> told;
  auto failed = read(
      " WHERE number IN (" + list_of(numbers) + ") ORDER BY number",
      [&](const JobRecord& record) {
        told.push_back(record.number);
        take(record);
      },
      [&](JobNumber number, const std::string& why) {
        told.push_back(number);
        set_aside(number, why);
      });
  if (failed) return failed;
  for (const JobNumber number : missing_of(numbers, std::move(told))) set_aside(number, not_there);
  return std::nullopt;
}

Fault MysqlStore::read(const std::string& which, const Take& take, const SetAside& set_aside) {
  GMAN_ASSERT(start_ != 0);
  if (auto failed = resume()) return failed;
  std::vector<Damaged> damaged;
  if (auto failed = read_jobs(which, take, damaged)) {
    if (!connection_.recover()) close();
    return failed;
  }
  if (damaged.empty()) return std::nullopt;
  if (auto failed = move_aside(damaged)) return failed;
  for (const Damaged& job : damaged) set_aside(job.number, job.why);
  return std::nullopt;
}

Fault MysqlStore::read_jobs(const std::string& which, const Take& take,
                            std::vector<Damaged>& damaged) {
  constexpr const char* doing = "reading the jobs";
  MYSQL* connection = connection_.get();
  if (mysql_query(connection, (select_jobs + which).c_str()) != 0) return connection_.fault(doing);
  const Rows rows(mysql_use_result(connection));  // row by row, as they come
  if (!rows) return connection_.fault(doing);
  while (const MYSQL_ROW cells = mysql_fetch_row(rows.get())) {
    JobRecord record;
    if (const char* why = read_row(cells, mysql_fetch_lengths(rows.get()), record)) {
      damaged.push_back({record.number, why});
    } else {
      take(record);
    }
  }
  if (mysql_errno(connection) != 0) return connection_.fault(doing);
  return std::nullopt;
}

Fault MysqlStore::move_aside(const std::vector<Damaged>& damaged) {
  constexpr const char* doing = "setting damaged jobs aside";
  return in_transaction(doing, [&]() -> Fault {
    for (const Damaged& job : damaged) {
      const std::string copy =
          "INSERT INTO gmand_set_aside (reason, number, position, handle_number, due_ms,"
          " attempts_lost, priority, checksum, function_name, unique_key, reducer, workload)"
          " SELECT " +
          connection_.quoted(job.why) +
          ", number, position, handle_number, due_ms,"
          " attempts_lost, priority, checksum, function_name, unique_key, reducer, workload"
          " FROM gmand_job WHERE number = " +
          std::to_string(job.number);
      if (auto failed = connection_.execute(doing, copy)) return failed;
      if (auto failed = remove(std::array{job.number})) return failed;
    }
    return std::nullopt;
  });
}

template <typename Do>
Fault MysqlStore::in_transaction(const char* doing, Do&& act) {
  bool is_newest = false;
  auto failed = require_session(doing, is_newest);
  if (!failed && is_newest) failed = act();
  if (!failed && is_newest) failed = connection_.execute(doing, "COMMIT");
  if (!failed && is_newest) return std::nullopt;
  if (!failed) return fence();
  if (!connection_.recover()) close();
  return failed;
}

Fault MysqlStore::require_session(const char* doing, bool& is_newest) {
  if (auto failed = connection_.execute(doing, "START TRANSACTION")) return failed;
  auto row =
      connection_.row(doing,
                      "SELECT 1 FROM gmand_store WHERE only_row = 1"
                      " AND start_number = " +
                          std::to_string(start_) + " AND session = " + std::to_string(session_) +
                          " LOCK IN SHARE MODE");
  if (auto* failed = std::get_if<StoreFault>(&row)) return std::move(*failed);
  is_newest = !std::get<Columns>(row).empty();
  return std::nullopt;
}

Fault MysqlStore::write(const JobChanges& changes) {
  if (auto failed = add(changes)) return failed;
  if (auto failed = requeue(changes.requeued())) return failed;
  return remove(changes.removed());
}

Fault MysqlStore::add(const JobChanges& changes) {
  const std::uint64_t bytes_max =
      std::min(statement_bytes_max, connection_.packet_bytes_max() - request_bytes);
  const std::size_t count = changes.added_count();
  for (std::size_t next = 0; next < count;) {
    std::size_t fitting = 0;
    for (std::uint64_t bytes = 0; next + fitting < count && fitting < rows_at_once.front();) {
      bytes += bytes_of(changes.added(next + fitting));
      if (fitting != 0 && bytes > bytes_max) break;
      ++fitting;
    }
    const auto* size =
        std::ranges::find_if(rows_at_once, [&](auto rows) { return rows <= fitting; });
    Statement& insert = inserts_[static_cast<std::size_t>(size - rows_at_once.begin())];
    if (!insert) {
      if (auto failed = connection_.prepare(insert, insert_of(*size))) return failed;
    }
    values_.clear();
    for (const std::size_t end = next + *size; next < end; ++next) {
      values_.add(changes.added(next));
    }
    if (auto failed = connection_.execute("writing", insert, values_.binds())) return failed;
  }
  return std::nullopt;
}

Fault MysqlStore::requeue(std::span<const JobRequeued> requeued) {
  const std::vector<JobRequeued> jobs = last_requeues(requeued);
  for (std::size_t next = 0; next < jobs.size();) {
    std::string positions = "UPDATE gmand_job SET due_ms = NULL, position = CASE number";
    std::string attempts = " END, attempts_lost = CASE number";
    std::vector<JobNumber> numbers;
    for (; next < jobs.size() && numbers.size() < requeues_at_once; ++next) {
      const std::string when = " WHEN " + std::to_string(jobs[next].number) + " THEN ";
      positions.append(when).append(std::to_string(jobs[next].position));
      attempts.append(when).append(std::to_string(jobs[next].attempts_lost));
      numbers.push_back(jobs[next].number);
    }
    const std::string sql =
        positions + attempts + " END WHERE number IN (" + list_of<JobNumber>(numbers) + ")";
    if (auto failed = connection_.execute("writing", sql)) return failed;
  }
  return std::nullopt;
}

Fault MysqlStore::remove(std::span<const JobNumber> removed) {
  while (!removed.empty()) {
    const auto some = removed.first(std::min(removed.size(), removals_at_once));
    removed = removed.subspan(some.size());
    if (auto failed = connection_.execute(
            "writing", "DELETE FROM gmand_job WHERE number IN (" + list_of(some) + ")")) {
      return failed;
    }
  }
  return std::nullopt;
}

Fault MysqlStore::check_sizes(const JobChanges& changes) {
  std::uint64_t largest = 0;
  if (changes.text_bytes() + row_bytes + request_bytes <= connection_.packet_bytes_max()) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < changes.added_count(); ++i) {
    largest = std::max(largest, bytes_of(changes.added(i)) + request_bytes);
  }
  if (largest <= connection_.packet_bytes_max()) return std::nullopt;
  // A session keeps the limit that it began with.
  auto limit = connection_.row("reading the limit", "SELECT @@GLOBAL.max_allowed_packet");
  if (std::holds_alternative<StoreFault>(limit)) return std::get<StoreFault>(std::move(limit));
  const std::uint64_t bytes = number_in(std::get<Columns>(limit).at(0));
  if (bytes >= largest) {
    close();
    return resume();
  }
  return connection_.fault(StoreFault::Kind::refused,
                           "a job needs a request of " + std::to_string(largest) +
                               " bytes, and the server's max_allowed_packet is " +
                               std::to_string(bytes) + ": raise it");
}

Fault MysqlStore::commit(const JobChanges& changes) {
  GMAN_ASSERT(start_ != 0);
  if (changes.empty()) return fenced_;
  if (auto failed = resume()) return failed;
  if (auto failed = check_sizes(changes)) return failed;
  return in_transaction("writing", [&] { return write(changes); });
}

Fault MysqlStore::keep() {
  GMAN_ASSERT(start_ != 0);
  if (auto failed = resume()) return failed;
  // Without a lock on the row, which would have to be written.
  auto mine = connection_.row(
      "looking whether it is still ours",
      "SELECT 1 FROM gmand_store WHERE only_row = 1 AND start_number = " + std::to_string(start_) +
          " AND session = " + std::to_string(session_));
  if (auto* failed = std::get_if<StoreFault>(&mine)) {
    if (!connection_.recover()) close();
    return std::move(*failed);
  }
  if (std::get<Columns>(mine).empty()) return fence();
  return std::nullopt;
}

Store::FoundImport MysqlStore::find_import(const std::string& source) {
  GMAN_ASSERT(start_ != 0);
  constexpr const char* doing = "looking for earlier imports";
  if (auto failed = resume()) return *std::move(failed);
  auto there = connection_.row(doing,
                               "SELECT 1 FROM information_schema.TABLES"
                               " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'gmand_import'");
  if (auto* failed = std::get_if<StoreFault>(&there)) return std::move(*failed);
  if (std::get<Columns>(there).empty()) return std::nullopt;
  auto row = connection_.row(doing,
                             "SELECT CONCAT(since, ' UTC'), jobs FROM gmand_import"
                             " WHERE source = " +
                                 connection_.quoted(source) + " ORDER BY id DESC LIMIT 1");
  if (auto* failed = std::get_if<StoreFault>(&row)) return std::move(*failed);
  const auto& cells = std::get<Columns>(row);
  if (cells.empty()) return std::nullopt;
  StoreImport import{.since = cells.at(0), .jobs = std::nullopt};
  if (!cells.at(1).empty()) import.jobs = number_in(cells.at(1));
  return import;
}

Fault MysqlStore::note_import(const std::string& source, std::optional<std::uint64_t> jobs) {
  GMAN_ASSERT(start_ != 0);
  constexpr const char* doing = "noting the import";
  if (auto failed = resume()) return failed;
  if (jobs) {
    return connection_.execute(
        doing, "UPDATE gmand_import SET jobs = " + std::to_string(*jobs) +
                   " WHERE jobs IS NULL AND source = " + connection_.quoted(source));
  }
  if (auto failed = connection_.execute(
          doing,
          "CREATE TABLE IF NOT EXISTS gmand_import ("
          "id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,"
          " source VARBINARY(1024) NOT NULL, since DATETIME NOT NULL, jobs BIGINT UNSIGNED"
          ") ENGINE = InnoDB COMMENT 'Queues of gearmand that were taken over'")) {
    return failed;
  }
  return connection_.execute(doing, "INSERT INTO gmand_import (source, since) VALUES (" +
                                        connection_.quoted(source) + ", UTC_TIMESTAMP())");
}

std::variant<std::string, StoreFault> MysqlStore::holder() {
  constexpr const char* doing = "looking for who has it";
  auto locked = connection_.row(doing, lock_holder);
  if (auto* failed = std::get_if<StoreFault>(&locked)) return std::move(*failed);
  if (std::get<Columns>(locked).at(0).empty()) return "";
  auto row = connection_.row(doing, owner);
  if (auto* failed = std::get_if<StoreFault>(&row)) return std::move(*failed);
  const auto& cells = std::get<Columns>(row);
  return cells.empty() ? "a server that is about to begin" : cells.at(0);
}

Fault MysqlStore::look_at(StoreSight& sight, const Take& take, const SetAside& damaged) {
  constexpr const char* doing = "looking at it";
  if (auto failed = connection_.open()) return failed;
  if (auto failed = mysql::check_schema(connection_)) return failed;
  // One moment of it, whatever a server does meanwhile.
  if (auto failed =
          connection_.execute(doing, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")) {
    return failed;
  }
  auto who = holder();
  if (auto* failed = std::get_if<StoreFault>(&who)) return std::move(*failed);
  sight.holder = std::get<std::string>(std::move(who));
  auto starts = known_starts();
  if (auto* failed = std::get_if<StoreFault>(&starts)) return std::move(*failed);
  sight.starts = std::get<std::vector<StoreStart>>(std::move(starts));
  std::vector<Damaged> found;
  auto failed_to_read = read_jobs(" ORDER BY number", take, found);
  for (const Damaged& job : found) damaged(job.number, job.why);
  if (failed_to_read) return failed_to_read;
  auto aside = connection_.row(doing, "SELECT COUNT(*) FROM gmand_set_aside");
  if (auto* failed = std::get_if<StoreFault>(&aside)) return std::move(*failed);
  sight.set_aside = number_in(std::get<Columns>(aside).at(0));
  return std::nullopt;
}

Fault MysqlStore::look(StoreSight& sight, const Take& take, const SetAside& damaged) {
  GMAN_ASSERT(start_ == 0);
  auto failed = look_at(sight, take, damaged);
  close();
  return failed;
}

}  // namespace

OpenedStore open_mysql_store(std::string_view url) {
  auto address = db::parse_mariadb_dsn(url);
  if (!address || address->database.empty()) {
    return StoreFault{StoreFault::Kind::refused,
                      "mysql: " + (address ? "names no database" : address.error().message) +
                          ": write mysql://user:password@host:port/database"};
  }
  return std::make_unique<MysqlStore>(*std::move(address));
}

}  // namespace gman
