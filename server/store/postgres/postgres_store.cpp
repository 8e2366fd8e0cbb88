// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/postgres/postgres_store.hpp"

#include <unistd.h>

#include <array>
#include <bit>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "server/store/checksum.hpp"
#include "server/store/missing.hpp"
#include "server/store/postgres/connection.hpp"
#include "server/store/postgres/schema.hpp"
#include "server/store/requeues.hpp"

namespace gman {
namespace {

using postgres::Array;
using postgres::Connection;
using postgres::Element;
using postgres::Rows;
using Fault = std::optional<StoreFault>;

/// Of the texts in one statement. The server wants it whole in its memory, several times.
constexpr std::size_t statement_bytes_max = std::size_t{8} << 20;

// It waits until lock_timeout: a server learns a moment later that a session has ended.
// "gmand" as a number; pg_locks shows its halves.
constexpr const char* take_lock = "SELECT pg_advisory_lock(444216733284)";
constexpr const char* lock_holder =
    "SELECT pid, pid = $1::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND classid = 103 AND objid = 1835101796 AND objsubid = 1";
constexpr const char* owner =
    "SELECT 'process ' || process_id || ' on ' || host || ', since '"
    " || to_char(since, 'YYYY-MM-DD HH24:MI:SS TZ'), start_number FROM gmand.store";

/// What gmand.require_session fails with.
constexpr std::string_view fenced_sqlstate = "GM001";

constexpr const char* start_has_jobs =
    "SELECT EXISTS (SELECT FROM gmand.job WHERE number BETWEEN $1 AND $2)"
    " OR EXISTS (SELECT FROM gmand.set_aside WHERE number BETWEEN $1 AND $2)";

#define GMAN_SELECT_JOBS                                                               \
  "SELECT number, position, handle_number, due_ms, attempts_lost, priority, checksum," \
  " function_name, unique_key, reducer, workload FROM gmand.job "
constexpr const char* load_jobs = GMAN_SELECT_JOBS "WHERE number BETWEEN $1 AND $2 ORDER BY number";
constexpr const char* fetch_jobs =
    GMAN_SELECT_JOBS "WHERE number = ANY($1::bigint[]) ORDER BY number";
#undef GMAN_SELECT_JOBS

constexpr std::array<std::pair<const char*, const char*>, 7> statements{{
    {"begin", "BEGIN"},
    {"commit", "COMMIT"},
    {"require_session", "SELECT gmand.require_session(($1::bigint[])[1], ($1::bigint[])[2])"},
    {"add",
     "INSERT INTO gmand.job (number, position, handle_number, due_ms, attempts_lost, priority,"
     " checksum, function_name, unique_key, reducer, workload)"
     " SELECT unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::bigint[]),"
     " unnest($4::bigint[]), unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::bigint[]),"
     " unnest($8::bytea[]), unnest($9::bytea[]), unnest($10::bytea[]), unnest($11::bytea[])"
     " ON CONFLICT (number) DO NOTHING"},
    {"requeue",
     "UPDATE gmand.job SET position = again.position, attempts_lost = again.attempts_lost,"
     " due_ms = NULL FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])"
     " AS again(number, position, attempts_lost) WHERE job.number = again.number"},
    {"remove", "DELETE FROM gmand.job WHERE number = ANY($1::bigint[])"},
    {"set_aside",
     "WITH gone AS (DELETE FROM gmand.job WHERE number = ANY($1::bigint[]) RETURNING *)"
     " INSERT INTO gmand.set_aside (reason, number, position, handle_number, due_ms,"
     " attempts_lost, priority, checksum, function_name, unique_key, reducer, workload)"
     " SELECT why.reason, gone.number, position, handle_number, due_ms, attempts_lost, priority,"
     " checksum, function_name, unique_key, reducer, workload"
     " FROM unnest($1::bigint[], $2::text[]) AS why(number, reason)"
     " JOIN gone ON gone.number = why.number"},
}};

std::string stored(std::uint64_t number) {
  return std::to_string(std::bit_cast<std::int64_t>(number));
}

std::uint64_t number_in(const PGresult* rows, int row, int column) {
  const std::string_view text = PQgetvalue(rows, row, column);
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// Columns of a row in binary form.
class Row {
 public:
  explicit Row(const PGresult* result) : result_(result) {}

  [[nodiscard]] bool is_null(int column) const { return PQgetisnull(result_, 0, column) != 0; }
  [[nodiscard]] std::string_view bytes(int column) const {
    return {PQgetvalue(result_, 0, column),
            static_cast<std::size_t>(PQgetlength(result_, 0, column))};
  }
  [[nodiscard]] std::int64_t integer(int column) const {
    const std::string_view bytes_of_it = bytes(column);
    std::uint64_t value = 0;
    for (const char byte : bytes_of_it) value = value << 8 | static_cast<unsigned char>(byte);
    if (bytes_of_it.size() == 2) return static_cast<std::int16_t>(value);
    return std::bit_cast<std::int64_t>(value);
  }

 private:
  const PGresult* result_;
};

/// What there is to be said against a row of either; nullptr: nothing.
const char* read(const Row& row, JobRecord& record) {
  const std::int64_t attempts_lost = row.integer(4);
  const std::int64_t priority = row.integer(5);
  record.number = std::bit_cast<std::uint64_t>(row.integer(0));
  record.position = std::bit_cast<std::uint64_t>(row.integer(1));
  record.handle_number = std::bit_cast<std::uint64_t>(row.integer(2));
  record.due_ms = row.is_null(3) ? std::nullopt : std::optional(row.integer(3));
  if (attempts_lost < 0 || attempts_lost > std::numeric_limits<std::uint32_t>::max() ||
      priority < 0 || priority >= std::int64_t{priority_count}) {
    return "a field has a value that none can have";
  }
  record.attempts_lost = static_cast<std::uint32_t>(attempts_lost);
  record.priority = static_cast<Priority>(priority);
  record.function = row.bytes(7);
  record.unique = row.bytes(8);
  record.reducer = row.bytes(9);
  record.workload = row.bytes(10);
  if (checksum_of(record) != std::bit_cast<std::uint64_t>(row.integer(6))) {
    return "its checksum does not match";
  }
  return nullptr;
}

/// The connection, and what this start of the server may do with it.
class PostgresStore final : public Store {
 public:
  explicit PostgresStore(Connection connection) : connection_(std::move(connection)) {}

  [[nodiscard]] std::string name() const override {
    return "postgresql://" + connection_.address();
  }
  [[nodiscard]] std::variant<std::vector<StoreStart>, StoreFault> begin(
      std::string_view handle_prefix) override;
  [[nodiscard]] std::uint64_t jobs_about() override;
  [[nodiscard]] Fault load(const Take& take, const SetAside& set_aside) override;
  [[nodiscard]] Fault fetch(std::span<const JobNumber> numbers, const Take& take,
                            const SetAside& set_aside) override;
  [[nodiscard]] Fault commit(const JobChanges& changes) override;

 private:
  struct Damaged {
    JobNumber number;
    const char* why;
  };

  Fault connect();
  Fault lock();
  StoreFault is_taken(const std::string& holder);
  Fault prepare();
  std::variant<std::vector<StoreStart>, StoreFault> note_start(std::string_view handle_prefix);
  Fault forget_starts_without_jobs(std::vector<StoreStart>& starts);
  /// Connected, with the lock and the newest session number.
  Fault resume();
  StoreFault fence();

  Fault read_jobs(const char* sql, std::span<const std::string> values, const Take& take,
                  std::vector<Damaged>& damaged);
  Fault move_aside(const std::vector<Damaged>& damaged);

  /// A transaction of this session; `send` sends its statements.
  template <typename Send>
  Fault in_transaction(const char* doing, Send&& send);
  bool send(const JobChanges& changes);
  bool send_added(const JobChanges& changes);
  bool send_requeued(std::span<const JobRequeued> requeued);
  bool send_removed(std::span<const JobNumber> removed);

  Connection connection_;
  std::uint64_t start_ = 0;    ///< 0: has not begun
  std::uint64_t session_ = 0;  ///< 0: not of the newest connection
  int backend_ = 0;            ///< the last process of the database's server that was ours
  Fault fenced_;
  std::array<Array, 7> numbers_{Array(Element::int8), Array(Element::int8), Array(Element::int8),
                                Array(Element::int8), Array(Element::int8), Array(Element::int8),
                                Array(Element::int8)};
  std::array<Array, 4> texts_{Array(Element::bytea), Array(Element::bytea), Array(Element::bytea),
                              Array(Element::bytea)};
};

Fault PostgresStore::connect() {
  session_ = 0;
  if (auto failed = connection_.open()) return failed;
  return lock();
}

Fault PostgresStore::lock() {
  auto failed_to_lock = connection_.execute("locking", take_lock);
  if (!failed_to_lock) {
    backend_ = PQbackendPID(connection_.get());
    return std::nullopt;
  }
  if (connection_.sqlstate() != postgres::lock_timeout_sqlstate) return failed_to_lock;
  const std::array last{std::to_string(backend_)};
  auto holder = connection_.query("looking for who has it", lock_holder, last);
  if (auto* failed = std::get_if<StoreFault>(&holder)) return std::move(*failed);
  const PGresult* rows = std::get<Rows>(holder).get();
  if (PQntuples(rows) == 0) {
    return connection_.fault(StoreFault::Kind::unavailable, "the lock is changing hands");
  }
  const std::string pid = PQgetvalue(rows, 0, 0);
  const bool is_ours = *PQgetvalue(rows, 0, 1) == 't';
  StoreFault taken = is_taken(pid);
  if (!is_ours || taken.kind != StoreFault::Kind::unavailable) return taken;
  // The server has not noticed yet that this session of ours was cut off.
  const std::array lingering{pid};
  if (auto failed = connection_.execute(
          "ending the lost session", "SELECT pg_terminate_backend($1::integer, 5000)", lingering)) {
    return failed;
  }
  return connection_.fault(StoreFault::Kind::unavailable, "ended the session that was cut off");
}

/// Unavailable where nobody else has begun.
StoreFault PostgresStore::is_taken(const std::string& holder) {
  const std::string way_out =
      "; if that server is no more, end its session: SELECT "
      "pg_terminate_backend(" +
      holder + ")";
  auto row = connection_.query("looking for who has it", owner);
  if (std::holds_alternative<StoreFault>(row) || PQntuples(std::get<Rows>(row).get()) == 0) {
    return connection_.fault(StoreFault::Kind::refused,
                             "another server is about to begin" + way_out);
  }
  const PGresult* rows = std::get<Rows>(row).get();
  const std::string who = PQgetvalue(rows, 0, 0);
  if (start_ != 0 && number_in(rows, 0, 1) == start_) {
    return connection_.fault(StoreFault::Kind::unavailable,
                             "another session has the lock" + way_out);
  }
  return connection_.fault(StoreFault::Kind::refused, "in use by another server: " + who + way_out);
}

Fault PostgresStore::prepare() {
  for (const auto& [name, sql] : statements) {
    if (auto failed = connection_.prepare(name, sql)) return failed;
  }
  return std::nullopt;
}

std::variant<std::vector<StoreStart>, StoreFault> PostgresStore::begin(
    std::string_view handle_prefix) {
  GMAN_ASSERT(start_ == 0);
  auto failed = connect();
  if (!failed) failed = postgres::open_schema(connection_);
  if (!failed) failed = prepare();
  if (!failed) {
    auto starts = note_start(handle_prefix);
    if (std::holds_alternative<std::vector<StoreStart>>(starts)) return starts;
    failed = std::get<StoreFault>(std::move(starts));
  }
  connection_.close();
  return *std::move(failed);
}

std::variant<std::vector<StoreStart>, StoreFault> PostgresStore::note_start(
    std::string_view handle_prefix) {
  constexpr const char* doing = "noting the start";
  if (auto failed = connection_.execute(doing, "BEGIN")) return *std::move(failed);
  // Waits for a commit of a server that was cut off; from here on it can make no other.
  auto newest =
      connection_.query(doing, "SELECT start_number, session FROM gmand.store FOR UPDATE");
  if (auto* failed = std::get_if<StoreFault>(&newest)) return std::move(*failed);
  auto known =
      connection_.query(doing, "SELECT number, handle_prefix FROM gmand.start ORDER BY number");
  if (auto* failed = std::get_if<StoreFault>(&known)) return std::move(*failed);

  std::uint64_t number = number_in(std::get<Rows>(newest).get(), 0, 0);
  const std::uint64_t session = number_in(std::get<Rows>(newest).get(), 0, 1) + 1;
  std::vector<StoreStart> starts;
  const PGresult* rows = std::get<Rows>(known).get();
  for (int row = 0; row < PQntuples(rows); ++row) {
    const std::uint64_t start = number_in(rows, row, 0);
    if (start < 1 || start > store_starts_max) {
      return connection_.fault(StoreFault::Kind::damaged,
                               "gmand.start has a number that none can have; nothing was changed");
    }
    number = std::max(number, start);
    starts.push_back({static_cast<std::uint32_t>(start), PQgetvalue(rows, row, 1)});
  }
  if (++number > store_starts_max) {
    return connection_.fault(StoreFault::Kind::refused,
                             "was begun " + std::to_string(store_starts_max) +
                                 " times, and there are no more numbers for another");
  }
  if (auto failed = forget_starts_without_jobs(starts)) return *std::move(failed);
  starts.push_back({static_cast<std::uint32_t>(number), std::string(handle_prefix)});
  const std::array start{std::to_string(number), starts.back().handle_prefix};
  const std::array mine{start[0], std::to_string(session), host_name(), std::to_string(::getpid())};
  auto failed =
      connection_.execute(doing, "INSERT INTO gmand.start VALUES ($1::bigint, $2)", start);
  if (!failed) {
    failed = connection_.execute(doing,
                                 "UPDATE gmand.store SET start_number = $1::bigint,"
                                 " session = $2::bigint, host = $3, process_id = $4::bigint,"
                                 " since = now()",
                                 mine);
  }
  if (!failed) failed = connection_.execute(doing, "COMMIT");
  if (failed) return *std::move(failed);
  start_ = number;
  session_ = session;
  return starts;
}

Fault PostgresStore::forget_starts_without_jobs(std::vector<StoreStart>& starts) {
  constexpr const char* doing = "forgetting starts";
  std::vector<StoreStart> kept;
  for (StoreStart& start : starts) {
    const std::uint64_t first = std::uint64_t{start.number} << job_number_start_shift;
    const std::array range{stored(first),
                           stored(first | ((std::uint64_t{1} << job_number_start_shift) - 1))};
    auto found = connection_.query(doing, start_has_jobs, range);
    if (auto* failed = std::get_if<StoreFault>(&found)) return std::move(*failed);
    if (*PQgetvalue(std::get<Rows>(found).get(), 0, 0) == 't') {
      kept.push_back(std::move(start));
      continue;
    }
    const std::array number{std::to_string(start.number)};
    if (auto failed = connection_.execute(
            doing, "DELETE FROM gmand.start WHERE number = $1::bigint", number)) {
      return failed;
    }
  }
  starts = std::move(kept);
  return std::nullopt;
}

Fault PostgresStore::resume() {
  if (fenced_) return fenced_;
  if (connection_.is_open() && session_ != 0) return std::nullopt;
  connection_.close();
  auto failed = connect();
  if (!failed) failed = prepare();
  if (!failed) {
    const std::array start{std::to_string(start_)};
    auto next = connection_.query("taking it up again",
                                  "UPDATE gmand.store SET session = session + 1"
                                  " WHERE start_number = $1::bigint RETURNING session",
                                  start);
    if (auto* why = std::get_if<StoreFault>(&next)) {
      failed = std::move(*why);
    } else if (const PGresult* rows = std::get<Rows>(next).get(); PQntuples(rows) != 0) {
      session_ = number_in(rows, 0, 0);
    } else {
      return fence();
    }
  }
  if (failed) connection_.close();
  return failed;
}

/// For good, and without the lock: it is for servers that may still write.
StoreFault PostgresStore::fence() {
  std::string who = "another server";
  if (auto row = connection_.query("looking for who has it", owner);
      std::holds_alternative<Rows>(row) && PQntuples(std::get<Rows>(row).get()) != 0) {
    who = PQgetvalue(std::get<Rows>(row).get(), 0, 0);
  }
  fenced_ = connection_.fault(
      StoreFault::Kind::refused,
      "another server has begun since, and this one may change nothing any more: " + who);
  connection_.close();
  return *fenced_;
}

std::uint64_t PostgresStore::jobs_about() {
  GMAN_ASSERT(start_ != 0);
  if (resume()) return 0;
  auto count = connection_.query("counting the jobs", "SELECT count(*) FROM gmand.job");
  if (std::holds_alternative<StoreFault>(count)) return 0;
  return number_in(std::get<Rows>(count).get(), 0, 0);
}

Fault PostgresStore::load(const Take& take, const SetAside& set_aside) {
  GMAN_ASSERT(start_ != 0);
  using Limits = std::numeric_limits<std::int64_t>;
  if (auto failed = resume()) return failed;
  std::vector<Damaged> damaged;
  for (const auto& [first, last] :
       {std::pair(std::int64_t{0}, Limits::max()), std::pair(Limits::min(), std::int64_t{-1})}) {
    const std::array limits{std::to_string(first), std::to_string(last)};
    if (auto failed = read_jobs(load_jobs, limits, take, damaged)) return failed;
  }
  if (damaged.empty()) return std::nullopt;
  if (auto failed = move_aside(damaged)) return failed;
  for (const Damaged& job : damaged) set_aside(job.number, job.why);
  return std::nullopt;
}

Fault PostgresStore::fetch(std::span<const JobNumber> numbers, const Take& take,
                           const SetAside& set_aside) {
  GMAN_ASSERT(start_ != 0);
  if (auto failed = resume()) return failed;
  std::string list = "{";
  for (const JobNumber number : numbers) list += (list.size() > 1 ? "," : "") + stored(number);
  list += '}';
  std::vector<JobNumber> told;
  std::vector<Damaged> damaged;
  auto failed = read_jobs(
      fetch_jobs, std::array{list},
      [&](const JobRecord& record) {
        told.push_back(record.number);
        take(record);
      },
      damaged);
  if (failed) return failed;
  if (!damaged.empty()) {
    if (auto not_moved = move_aside(damaged)) return not_moved;
  }
  for (const Damaged& job : damaged) {
    told.push_back(job.number);
    set_aside(job.number, job.why);
  }
  for (const JobNumber number : missing_of(numbers, std::move(told))) set_aside(number, not_there);
  return std::nullopt;
}

Fault PostgresStore::read_jobs(const char* sql, std::span<const std::string> values,
                               const Take& take, std::vector<Damaged>& damaged) {
  constexpr const char* doing = "reading the jobs";
  std::vector<const char*> texts;
  for (const std::string& value : values) texts.push_back(value.c_str());
  if (PQsendQueryParams(connection_.get(), sql, static_cast<int>(texts.size()), nullptr,
                        texts.data(), nullptr, nullptr, 1) == 0 ||
      PQsetSingleRowMode(connection_.get()) == 0) {
    StoreFault failed = connection_.fault(doing, nullptr);
    connection_.close();
    return failed;
  }
  Fault failed;
  for (Rows result; result.reset(PQgetResult(connection_.get())), result != nullptr;) {
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_SINGLE_TUPLE) {
      JobRecord record;
      if (const char* why = read(Row(result.get()), record)) {
        damaged.push_back({record.number, why});
      } else {
        take(record);
      }
    } else if (status != PGRES_TUPLES_OK && !failed) {
      failed = connection_.fault(doing, result.get());
    }
  }
  return failed;
}

Fault PostgresStore::move_aside(const std::vector<Damaged>& damaged) {
  Array numbers(Element::int8), reasons(Element::text);
  for (const Damaged& job : damaged) {
    numbers.add(job.number);
    reasons.add(std::string_view(job.why));
  }
  return in_transaction("setting damaged jobs aside",
                        [&] { return connection_.send("set_aside", numbers, reasons); });
}

template <typename Send>
Fault PostgresStore::in_transaction(const char* doing, Send&& send) {
  Array mine(Element::int8);
  mine.add(start_);
  mine.add(session_);
  const bool is_sent = connection_.send("begin") && connection_.send("require_session", mine) &&
                       send() && connection_.send("commit");
  auto failed = connection_.finish(doing);
  if (!failed && !is_sent) failed = connection_.fault(doing, nullptr);
  if (!failed) return std::nullopt;
  const bool is_fenced = connection_.sqlstate() == fenced_sqlstate;
  connection_.recover();
  if (is_fenced) return fence();
  return failed;
}

bool PostgresStore::send(const JobChanges& changes) {
  return send_added(changes) && send_requeued(changes.requeued()) &&
         send_removed(changes.removed());
}

bool PostgresStore::send_added(const JobChanges& changes) {
  const std::size_t count = changes.added_count();
  for (std::size_t next = 0; next < count;) {
    for (Array& array : numbers_) array.clear();
    for (Array& array : texts_) array.clear();
    for (std::size_t bytes = 0; next < count && bytes < statement_bytes_max; ++next) {
      const JobRecord job = changes.added(next);
      numbers_[0].add(job.number);
      numbers_[1].add(job.position);
      numbers_[2].add(job.handle_number);
      if (job.due_ms) {
        numbers_[3].add(std::bit_cast<std::uint64_t>(*job.due_ms));
      } else {
        numbers_[3].add_null();
      }
      numbers_[4].add(job.attempts_lost);
      numbers_[5].add(static_cast<std::uint64_t>(job.priority));
      numbers_[6].add(checksum_of(job));
      texts_[0].add(job.function);
      texts_[1].add(job.unique);
      texts_[2].add(job.reducer);
      texts_[3].add(job.workload);
      bytes += job.function.size() + job.unique.size() + job.reducer.size() + job.workload.size();
    }
    if (!connection_.send("add", numbers_[0], numbers_[1], numbers_[2], numbers_[3], numbers_[4],
                          numbers_[5], numbers_[6], texts_[0], texts_[1], texts_[2], texts_[3])) {
      return false;
    }
  }
  return true;
}

bool PostgresStore::send_requeued(std::span<const JobRequeued> requeued) {
  if (requeued.empty()) return true;
  for (std::size_t i = 0; i < 3; ++i) numbers_[i].clear();
  for (const JobRequeued& job : last_requeues(requeued)) {
    numbers_[0].add(job.number);
    numbers_[1].add(job.position);
    numbers_[2].add(job.attempts_lost);
  }
  return connection_.send("requeue", numbers_[0], numbers_[1], numbers_[2]);
}

bool PostgresStore::send_removed(std::span<const JobNumber> removed) {
  if (removed.empty()) return true;
  numbers_[0].clear();
  for (const JobNumber number : removed) numbers_[0].add(number);
  return connection_.send("remove", numbers_[0]);
}

Fault PostgresStore::commit(const JobChanges& changes) {
  GMAN_ASSERT(start_ != 0);
  if (changes.empty()) return fenced_;
  if (auto failed = resume()) return failed;
  return in_transaction("writing", [&] { return send(changes); });
}

}  // namespace

OpenedStore open_postgres_store(std::string url) {
  auto connection = Connection::to(std::move(url));
  if (!connection) {
    // libpq would repeat the part that it does not like, which may hold the password.
    return StoreFault{StoreFault::Kind::refused,
                      "postgresql: this is no URL that libpq can read: write "
                      "postgresql://user:password@host:port/database"};
  }
  return std::make_unique<PostgresStore>(*std::move(connection));
}

}  // namespace gman
