// SPDX-License-Identifier: BSD-3-Clause
// What the SQLite store promises beyond conformance.hpp: about its file, and about who else may
// look at it.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <utility>

#include "server/store/sqlite/sqlite_store.hpp"
#include "tests/unit/store/keeper_conformance.hpp"

namespace {

std::atomic<int> syncs{0};  // the copier has a thread of its own
std::atomic<bool> syncs_fail{false};
std::atomic<int> writes{0};
std::atomic<bool> writes_fail{false};
int renames_before_one_fails = -1;
/// Called before each call that changes what would be left after a kill.
std::function<void()> before_each_step;

void step() {
  // What it calls itself is not a step.
  if (const auto before = std::exchange(before_each_step, nullptr)) {
    before();
    before_each_step = before;
  }
}

int counted_sync(long call, int file) {
  ++syncs;
  step();
  if (!syncs_fail) return static_cast<int>(::syscall(call, file));
  errno = EIO;
  return -1;
}

}  // namespace

// SQLite calls these for the system's. Not all of its builds have the first.
extern "C" {
__attribute__((visibility("default"))) int fdatasync(int file) {
  return counted_sync(SYS_fdatasync, file);
}
__attribute__((visibility("default"))) int fsync(int file) {
  return counted_sync(SYS_fsync, file);
}
__attribute__((visibility("default"))) ssize_t pwrite64(int file, const void* bytes, size_t count,
                                                        off64_t at) {
  ++writes;
  if (!writes_fail) return ::syscall(SYS_pwrite64, file, bytes, count, at);
  errno = EIO;
  return -1;
}
__attribute__((visibility("default"))) int rename(const char* from, const char* to) noexcept {
  step();
  if (renames_before_one_fails-- != 0) {
    return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
  }
  errno = EIO;
  return -1;
}
__attribute__((visibility("default"))) int unlink(const char* path) noexcept {
  step();
  return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}
}

namespace gman::store_test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using Kind = StoreFault::Kind;

class Directory {
 public:
  Directory() {
    std::string name = (fs::temp_directory_path() / "gman_store_test.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error(name);
    path_ = name;
  }
  ~Directory() {
    fs::permissions(path_, fs::perms::owner_all);
    fs::remove_all(path_);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

class SqlitePlace : public StorePlace {
 public:
  std::unique_ptr<Store> open() override {
    auto opened = open_store("sqlite:" + (directory_.path() / "jobs.db").string());
    return std::get<std::unique_ptr<Store>>(std::move(opened));
  }

 private:
  Directory directory_;
};

constexpr auto make_place = [] { return std::make_unique<SqlitePlace>(); };
INSTANTIATE_TEST_SUITE_P(sqlite, StoreConformance, testing::Values(make_place));
INSTANTIATE_TEST_SUITE_P(sqlite, KeeperConformance, testing::Values(make_place));

std::string content(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

void write_file(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// Somebody else with the file open: an administrator's shell.
class Shell {
 public:
  explicit Shell(const fs::path& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &database_), SQLITE_OK);
  }
  ~Shell() { sqlite3_close(database_); }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  /// Each row's columns, with "|" between them.
  std::vector<std::string> run(const char* sql) {
    std::vector<std::string> rows;
    char* error = nullptr;
    const auto keep = [](void* into, int count, char** values, char**) {
      std::string row;
      for (int i = 0; i < count; ++i) {
        row.append(i == 0 ? "" : "|").append(values[i] == nullptr ? "NULL" : values[i]);
      }
      static_cast<std::vector<std::string>*>(into)->push_back(row);
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(database_, sql, keep, &rows, &error), SQLITE_OK) << error;
    sqlite3_free(error);
    return rows;
  }

 private:
  sqlite3* database_ = nullptr;
};

/// Without the rights of root for a while, which has all of them.
class AsNobody {
 public:
  AsNobody() {
    if (::geteuid() == 0) changed_ = ::seteuid(65534) == 0;
  }
  ~AsNobody() {
    if (changed_ && ::seteuid(0) != 0) ADD_FAILURE() << "still nobody";
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  bool changed_ = false;
};

/// No file may grow beyond so many bytes: the next write to the disk fails.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::uintmax_t bytes) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  sighandler_t handler_;
};

/// Runs it in a process that has a disk of its own at `mount_point`: a small one, in memory. Its
/// answer, or nullopt where this machine lets nobody mount: root may in a namespace of its own, who
/// is not root in a user namespace as well.
template <typename Run>
std::optional<int> on_a_small_disk(const fs::path& mount_point, const char* options, Run&& run) {
  constexpr int not_mounted = 77;
  const std::string user = "0 " + std::to_string(::geteuid()) + " 1";
  const std::string group = "0 " + std::to_string(::getegid()) + " 1";
  const pid_t child = ::fork();
  if (child == 0) {
    const bool is_root = ::geteuid() == 0;
    if (::unshare(CLONE_NEWNS | (is_root ? 0 : CLONE_NEWUSER)) != 0) ::_exit(not_mounted);
    if (is_root) {
      // In a chroot, "/" is no mount, and whoever made the chroot has seen to it.
      static_cast<void>(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
    } else {
      write_file("/proc/self/uid_map", user);
      write_file("/proc/self/setgroups", "deny");  // or the next is not allowed
      write_file("/proc/self/gid_map", group);
    }
    if (::mount("none", mount_point.c_str(), "tmpfs", 0, options) != 0) ::_exit(not_mounted);
    ::_exit(run());
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == not_mounted) return std::nullopt;
  return WEXITSTATUS(status);
}

class SqliteStoreTest : public testing::Test {
 protected:
  void begin(const SqliteSettings& settings = {}) {
    store_.reset();
    store_ = std::make_unique<SqliteStore>(file_.string(), settings);
    const auto begun = store_->begin("H:test");
    if (const auto* fault = std::get_if<StoreFault>(&begun)) ADD_FAILURE() << fault->text;
  }
  void end() { store_.reset(); }

  StoreFault fault_of_begin() {
    SqliteStore store(file_.string());
    auto begun = store.begin("H:test");
    if (const auto* fault = std::get_if<StoreFault>(&begun)) return *fault;
    ADD_FAILURE() << "it begins";
    return {};
  }

  std::optional<StoreFault> add(std::uint64_t first, std::uint64_t count,
                                std::size_t workload_bytes = 100) {
    JobChanges changes;
    for (std::uint64_t index = first; index < first + count; ++index) {
      changes.add(job(index, workload_bytes).whole());
    }
    return store_->commit(changes);
  }
  std::optional<StoreFault> remove(std::uint64_t first, std::uint64_t count) {
    JobChanges changes;
    for (std::uint64_t i = 0; i < count; ++i) changes.remove(numbered(first + i));
    return store_->commit(changes);
  }
  static StoredJob job(std::uint64_t index, std::size_t workload_bytes = 100) {
    StoredJob job = simple_job(numbered(index));
    job.workload = "<" + std::to_string(index) + ">";
    job.workload.resize(workload_bytes, 'w');
    return job;
  }

  /// How many are loaded, of those that add() made.
  std::uint64_t load_all() {
    std::uint64_t count = 0;
    const auto fault =
        store_->load([&](const JobRecord&) { ++count; },
                     [&](JobNumber number, const std::string&) { aside_.push_back(number); });
    if (fault) ADD_FAILURE() << fault->text;
    return count;
  }

  /// It is refused with these words, and no byte of it has changed.
  void expect_damaged(std::string_view word) {
    const std::string before = content(file_);
    const StoreFault fault = fault_of_begin();
    EXPECT_EQ(fault.kind, Kind::damaged) << fault.text;
    EXPECT_THAT(fault.text, AllOf(HasSubstr(word), HasSubstr("gmand store check sqlite:/"),
                                  HasSubstr("gmand store salvage sqlite:/")));
    EXPECT_TRUE(content(file_) == before);
  }

  Directory directory_;
  const fs::path file_ = directory_.path() / "jobs.db";
  std::unique_ptr<SqliteStore> store_;
  std::vector<JobNumber> aside_;
};

TEST_F(SqliteStoreTest, lets_no_second_server_have_the_file_and_says_who_has_it) {
  begin();
  const StoreFault fault = fault_of_begin();
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_THAT(fault.text, HasSubstr("process " + std::to_string(::getpid())));
  EXPECT_EQ(add(0, 1), std::nullopt);  // and the first one goes on
}

TEST_F(SqliteStoreTest, gives_the_file_up_at_its_end) {
  begin();
  end();
  begin();
  EXPECT_EQ(load_all(), 0u);
}

TEST_F(SqliteStoreTest, leaves_one_file_and_an_empty_lock_behind) {
  begin();
  EXPECT_EQ(add(0, 1000), std::nullopt);
  end();
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory_.path())) {
    names.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre("jobs.db", "jobs.db.lock"));
  EXPECT_EQ(fs::file_size(directory_.path() / "jobs.db.lock"), 0u);
}

TEST_F(SqliteStoreTest, makes_a_file_that_others_cannot_read) {
  begin();
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    struct stat status {};
    ASSERT_EQ(::stat((file_.string() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0007, 0u) << suffix;
  }
}

TEST_F(SqliteStoreTest, shows_its_jobs_to_a_shell_while_it_has_them) {
  begin();
  EXPECT_EQ(add(7, 1, 4), std::nullopt);
  Shell shell(file_);
  EXPECT_THAT(shell.run("SELECT number >> 40, number & 0xFFFF, due_ms, function_name,"
                        " CAST(workload AS TEXT) FROM job"),
              testing::ElementsAre("1|7|NULL|resize|<7>w"));
  EXPECT_THAT(shell.run("SELECT number, handle_prefix FROM start"),
              testing::ElementsAre("1|H:test"));
  EXPECT_THAT(shell.run("PRAGMA journal_mode"), testing::ElementsAre("wal"));
  EXPECT_THAT(shell.run("PRAGMA auto_vacuum"), testing::ElementsAre("2"));
}

TEST_F(SqliteStoreTest, goes_on_while_a_shell_reads_for_long) {
  begin({.log_bytes_max = 256 << 10});
  EXPECT_EQ(add(0, 10), std::nullopt);
  Shell shell(file_);
  shell.run("BEGIN; SELECT count(*) FROM job");
  for (std::uint64_t i = 1; i <= 30; ++i) EXPECT_EQ(add(i * 1000, 300), std::nullopt);
  EXPECT_THAT(shell.run("SELECT count(*) FROM job"), testing::ElementsAre("10"));
  EXPECT_GT(fs::file_size(file_.string() + "-wal"), 1u << 20);
  shell.run("COMMIT");
  // The log is copied once it has grown by its limit again, and then begun anew, cut.
  for (std::uint64_t i = 40; i <= 60; ++i) EXPECT_EQ(add(i * 1000, 300), std::nullopt);
  EXPECT_LT(fs::file_size(file_.string() + "-wal"), 512u << 10);
  EXPECT_EQ(load_all(), 10u + 30 * 300 + 21 * 300);
}

TEST_F(SqliteStoreTest, is_unavailable_while_a_shell_writes_and_goes_on_afterwards) {
  begin({.busy_wait_ms_max = 1});
  Shell shell(file_);
  shell.run("BEGIN IMMEDIATE");
  const auto fault = add(0, 10);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::unavailable) << fault->text;
  shell.run("COMMIT");
  EXPECT_EQ(add(0, 10), std::nullopt);
  EXPECT_EQ(load_all(), 10u);
}

TEST_F(SqliteStoreTest, gives_its_log_its_size_before_anything_is_waiting) {
  constexpr std::int64_t limit = 1 << 20;
  begin({.log_bytes_max = limit});
  const auto size = fs::file_size(file_.string() + "-wal");
  EXPECT_GE(size, std::uintmax_t{limit});
  for (std::uint64_t i = 0; i < 300; ++i) EXPECT_EQ(add(i, 1), std::nullopt);
  EXPECT_EQ(fs::file_size(file_.string() + "-wal"), size);
}

/// Jobs that share pages, that fill some, and that go over many; some of them in others' place.
/// Each one's checksum says whether it is what was written.
TEST_F(SqliteStoreTest, reads_back_what_lies_anywhere_in_a_large_file) {
  constexpr std::array<std::size_t, 6> sizes{0, 1, 500, 3'000, 70'000, 200'000};
  begin();
  for (std::uint64_t i = 0; i < 300; ++i)
    EXPECT_EQ(add(i, 1, sizes[i % sizes.size()]), std::nullopt);
  EXPECT_EQ(remove(100, 50), std::nullopt);
  for (std::uint64_t i = 300; i < 360; ++i)
    EXPECT_EQ(add(i, 1, sizes[i % sizes.size()]), std::nullopt);
  end();
  begin();
  EXPECT_EQ(load_all(), 310U);
  EXPECT_TRUE(aside_.empty());
}

TEST_F(SqliteStoreTest, keeps_its_log_within_its_limit) {
  constexpr std::int64_t limit = 1 << 20;
  begin({.log_bytes_max = limit});
  for (std::uint64_t i = 0; i < 300; ++i) EXPECT_EQ(add(i * 100, 100), std::nullopt);
  EXPECT_GT(fs::file_size(file_), std::uintmax_t{2} << 20);
  EXPECT_LT(fs::file_size(file_.string() + "-wal"), std::uintmax_t{limit} * 5 / 4);
}

TEST_F(SqliteStoreTest, sets_a_row_with_a_flipped_byte_aside_and_that_row_alone) {
  begin();
  EXPECT_EQ(add(0, 1000), std::nullopt);
  end();
  std::string bytes = content(file_);
  const std::size_t at = bytes.find("<500>");
  ASSERT_NE(at, bytes.npos);
  bytes[at + 20] ^= 1;
  write_file(file_, bytes);

  begin();
  EXPECT_EQ(load_all(), 999u);
  EXPECT_THAT(aside_, testing::ElementsAre(numbered(500)));
  EXPECT_EQ(load_all(), 999u);  // and is not seen again
  EXPECT_EQ(aside_.size(), 1u);
  EXPECT_THAT(Shell(file_).run("SELECT number & 0xFFFF, reason, length(workload), function_name,"
                               " since > '2000' FROM set_aside"),
              testing::ElementsAre("500|its checksum does not match|100|resize|1"));
}

TEST_F(SqliteStoreTest, sets_rows_aside_whose_fields_have_values_that_none_can_have) {
  begin();
  EXPECT_EQ(add(0, 4), std::nullopt);
  Shell(file_).run(
      "UPDATE job SET priority = 3 WHERE number & 0xFFFF = 0;"
      "UPDATE job SET attempts_lost = -1 WHERE number & 0xFFFF = 1;"
      "UPDATE job SET due_ms = 'soon' WHERE number & 0xFFFF = 2");
  EXPECT_EQ(load_all(), 1u);
  EXPECT_THAT(aside_, testing::ElementsAre(numbered(0), numbered(1), numbered(2)));
}

TEST_F(SqliteStoreTest, sets_damaged_jobs_aside_when_they_are_fetched_and_those_alone) {
  begin();
  EXPECT_EQ(add(0, 5), std::nullopt);
  Shell(file_).run(
      "UPDATE job SET workload = x'00' WHERE number & 0xFFFF IN (1, 4);"
      "UPDATE job SET attempts_lost = -1 WHERE number & 0xFFFF = 2");
  std::vector<JobNumber> taken;
  std::vector<std::string> aside;
  const std::vector<JobNumber> numbers{numbered(0), numbered(1), numbered(2), numbered(3)};
  const auto fault = store_->fetch(
      numbers, [&](const JobRecord& record) { taken.push_back(record.number); },
      [&](JobNumber number, const std::string& why) {
        aside.push_back(std::to_string(number & 0xFFFF) + ": " + why);
      });
  EXPECT_EQ(fault, std::nullopt);
  EXPECT_THAT(taken, testing::ElementsAre(numbered(0), numbered(3)));
  EXPECT_THAT(aside, testing::ElementsAre("1: its checksum does not match",
                                          "2: a field has a value that none can have"));
  EXPECT_THAT(Shell(file_).run("SELECT number & 0xFFFF FROM set_aside ORDER BY number"),
              testing::ElementsAre("1", "2"));
  EXPECT_THAT(Shell(file_).run("SELECT number & 0xFFFF FROM job ORDER BY number"),
              testing::ElementsAre("0", "3", "4"));
}

TEST_F(SqliteStoreTest, knows_the_handles_of_a_job_that_was_set_aside) {
  begin();
  EXPECT_EQ(add(0, 1), std::nullopt);
  Shell(file_).run("UPDATE job SET workload = x'00'");
  EXPECT_EQ(load_all(), 0u);
  end();
  SqliteStore again(file_.string());
  EXPECT_EQ(std::get<std::vector<StoreStart>>(again.begin("H:again")).size(), 2u);
}

TEST_F(SqliteStoreTest, refuses_what_is_no_database) {
  write_file(file_, std::string(10'000, 'x'));
  expect_damaged("not a database");
}

TEST_F(SqliteStoreTest, refuses_a_truncated_file) {
  begin();
  EXPECT_EQ(add(0, 1000), std::nullopt);
  end();
  for (const std::uintmax_t left : {fs::file_size(file_) - 4096, std::uintmax_t{8192},
                                    std::uintmax_t{4096}, std::uintmax_t{512}}) {
    fs::resize_file(file_, left);
    SCOPED_TRACE(left);
    expect_damaged("");
  }
  for (const std::uintmax_t left : {511, 1, 0}) {
    fs::resize_file(file_, left);
    expect_damaged("only " + std::to_string(left) + " bytes");
  }
}

TEST_F(SqliteStoreTest, refuses_a_file_whose_pages_are_damaged) {
  begin();
  EXPECT_EQ(add(0, 1000), std::nullopt);
  end();
  std::string bytes = content(file_);
  const std::size_t page = bytes.find("<500>") / 4096 * 4096;
  bytes.replace(page, 100, 100, '\0');  // where a page says what is where in it
  write_file(file_, bytes);
  expect_damaged("");
}

TEST_F(SqliteStoreTest, finds_in_the_log_what_a_killed_server_had_committed) {
  begin();
  EXPECT_EQ(add(0, 1000), std::nullopt);
  const std::string database = content(file_);
  const std::string log = content(file_.string() + "-wal");
  end();
  write_file(file_, database);
  write_file(file_.string() + "-wal", log);
  begin();
  EXPECT_EQ(load_all(), 1000u);
}

TEST_F(SqliteStoreTest, leaves_the_log_of_a_damaged_file_as_it_is) {
  begin();
  EXPECT_EQ(add(0, 1000), std::nullopt);
  end();
  begin();
  EXPECT_EQ(add(1000, 10), std::nullopt);
  std::string database = content(file_);
  const std::string log = content(file_.string() + "-wal");
  end();
  const std::size_t page = database.find("<500>") / 4096 * 4096;
  database.replace(page, 100, 100, '\0');
  write_file(file_, database);
  write_file(file_.string() + "-wal", log);
  expect_damaged("");
  EXPECT_TRUE(content(file_.string() + "-wal") == log);
}

TEST_F(SqliteStoreTest, makes_no_new_file_beside_the_log_of_one_that_is_gone) {
  write_file(file_.string() + "-wal", "jobs");
  const StoreFault fault = fault_of_begin();
  EXPECT_EQ(fault.kind, Kind::damaged);
  EXPECT_THAT(fault.text, HasSubstr("jobs.db-wal"));
  EXPECT_FALSE(fs::exists(file_));
}

TEST_F(SqliteStoreTest, begins_where_an_earlier_one_ended_before_its_file_was_whole) {
  write_file(file_.string() + ".new", "half");
  write_file(file_.string() + ".new-journal", "half");
  begin();
  EXPECT_EQ(load_all(), 0u);
  EXPECT_FALSE(fs::exists(file_.string() + ".new"));
}

TEST_F(SqliteStoreTest, refuses_the_file_of_a_newer_one) {
  begin();
  end();
  Shell(file_).run("PRAGMA user_version = 2");
  const StoreFault fault = fault_of_begin();
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_THAT(fault.text, AllOf(HasSubstr("schema version 2"), HasSubstr("newer")));
}

TEST_F(SqliteStoreTest, refuses_the_database_of_something_else) {
  Shell(file_).run("CREATE TABLE job (number INTEGER)");
  const StoreFault fault = fault_of_begin();
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_THAT(fault.text, HasSubstr("not a store"));
  EXPECT_THAT(Shell(file_).run("PRAGMA journal_mode"), testing::ElementsAre("delete"));
}

TEST_F(SqliteStoreTest, says_that_a_directory_is_missing) {
  fs::remove(directory_.path() / "none");
  SqliteStore store((directory_.path() / "none" / "jobs.db").string());
  const auto begun = store.begin("H:test");
  const auto& fault = std::get<StoreFault>(begun);
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_THAT(fault.text, AllOf(HasSubstr("none"), HasSubstr("No such file or directory")));
}

TEST_F(SqliteStoreTest, says_that_it_has_no_right_to_the_directory) {
  fs::permissions(directory_.path(), fs::perms(0555));
  const AsNobody nobody;
  const StoreFault fault = fault_of_begin();
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_THAT(fault.text, AllOf(HasSubstr("jobs.db"), HasSubstr("Permission denied")));
}

TEST_F(SqliteStoreTest, says_that_it_has_no_right_to_write_to_the_file) {
  begin();
  end();
  fs::remove(file_.string() + ".lock");
  fs::permissions(directory_.path(), fs::perms(0777));
  fs::permissions(file_, fs::perms(0444));
  const AsNobody nobody;
  const StoreFault fault = fault_of_begin();
  EXPECT_EQ(fault.kind, Kind::refused);
  EXPECT_THAT(fault.text, HasSubstr("no right to write"));
}

TEST_F(SqliteStoreTest, says_that_a_directory_is_no_file) {
  fs::create_directory(file_);
  EXPECT_THAT(fault_of_begin().text, HasSubstr("is not a file"));
}

TEST_F(SqliteStoreTest, takes_a_path_that_looks_like_a_uri_for_a_path) {
  const fs::path before = fs::current_path();
  fs::current_path(directory_.path());
  {
    SqliteStore store("file:jobs?mode=memory");
    EXPECT_TRUE(std::holds_alternative<std::vector<StoreStart>>(store.begin("H:test")));
  }
  EXPECT_TRUE(fs::exists("file:jobs?mode=memory"));
  fs::current_path(before);
}

TEST_F(SqliteStoreTest, goes_on_after_the_disk_was_full_with_all_of_a_batch_or_none) {
  begin({.pages_max = 100});
  std::uint64_t stored = 0;
  std::optional<StoreFault> fault;
  while (!fault && stored < 10'000) {
    fault = add(stored, 100);
    if (!fault) stored += 100;
  }
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::full) << fault->text;
  EXPECT_GT(stored, 1000u);
  EXPECT_EQ(load_all(), stored);
  EXPECT_EQ(remove(0, 200), std::nullopt);
  EXPECT_EQ(add(stored, 100), std::nullopt);
  EXPECT_EQ(load_all(), stored - 100);
}

TEST_F(SqliteStoreTest, removes_jobs_on_a_full_disk_and_adds_some_when_that_has_made_room) {
  const auto failures = on_a_small_disk(directory_.path(), "size=16m", [&] {
    // To give back as many pages as that allows would need more of the log than there is.
    begin({.log_bytes_max = 1 << 20, .shrinking_max = std::chrono::milliseconds{20}});
    std::uint64_t stored = 0;
    std::optional<StoreFault> fault;
    while (!fault && stored < 1'000'000) {
      fault = add(stored, 500);
      if (!fault) stored += 500;
    }
    EXPECT_GT(stored, 20'000u);
    EXPECT_TRUE(fault && fault->kind == Kind::full) << (fault ? fault->text : "not full");
    EXPECT_TRUE(add(stored, 1));  // it stays so
    EXPECT_EQ(load_all(), stored);
    // Scattered over the file: each batch changes so many pages that the log has no room for two.
    const std::uint64_t stride = stored / 200;
    for (std::uint64_t i = 0; i < stride; ++i) {
      JobChanges changes;
      for (std::uint64_t at = i; at < stored; at += stride) changes.remove(numbered(at));
      if (const auto failed = store_->commit(changes)) {
        ADD_FAILURE() << i << " of " << stride << ": " << failed->text;
        break;
      }
    }
    EXPECT_EQ(load_all(), 0u);
    EXPECT_EQ(add(stored, 1000), std::nullopt);
    EXPECT_EQ(load_all(), 1000u);
    end();
    return testing::Test::HasFailure() ? 1 : 0;
  });
  EXPECT_EQ(failures, 0) << "nullopt: this machine lets nobody mount";
}

TEST_F(SqliteStoreTest, adds_no_job_that_the_disk_may_have_no_room_to_keep) {
  const auto failures = on_a_small_disk(directory_.path(), "size=2m", [&] {
    begin({.log_bytes_max = 1 << 20});
    const auto fault = add(0, 1);
    EXPECT_TRUE(fault && fault->kind == Kind::full);
    end();
    return testing::Test::HasFailure() ? 1 : 0;
  });
  EXPECT_EQ(failures, 0) << "nullopt: this machine lets nobody mount";
}

TEST_F(SqliteStoreTest, syncs_once_a_commit) {
  begin();
  for (const std::uint64_t count : {1, 1000}) {
    const int before = syncs;
    EXPECT_EQ(add(count, count), std::nullopt);
    EXPECT_EQ(syncs.load(), before + 1);
  }
  const int before = syncs;
  EXPECT_EQ(remove(1, 1), std::nullopt);
  EXPECT_EQ(syncs.load(), before + 1);
}

TEST_F(SqliteStoreTest, writes_its_log_once_a_commit_and_before_it_is_synced) {
  begin();
  EXPECT_EQ(add(0, 256), std::nullopt);
  const Directory kill;
  for (const std::uint64_t count : {1, 256}) {
    const int before = writes;
    before_each_step = [&] {
      fs::remove_all(kill.path());
      fs::copy(directory_.path(), kill.path(), fs::copy_options::recursive);
    };
    EXPECT_EQ(add(count * 1000, count), std::nullopt);
    before_each_step = nullptr;
    EXPECT_EQ(writes.load(), before + 1);
  }
  EXPECT_THAT(Shell(kill.path() / "jobs.db").run("SELECT count(*) FROM job"),
              testing::ElementsAre("513"));
}

TEST_F(SqliteStoreTest, is_failing_when_a_write_fails_and_has_what_was_written_before) {
  begin();
  EXPECT_EQ(add(0, 100), std::nullopt);
  writes_fail = true;
  const auto fault = add(100, 100);
  writes_fail = false;
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::failing) << fault->text;
  EXPECT_THAT(fault->text, HasSubstr("in a write"));
  EXPECT_TRUE(add(200, 1));
  begin();
  EXPECT_EQ(load_all(), 100u);
}

TEST_F(SqliteStoreTest, commits_a_batch_larger_than_what_it_keeps_in_memory) {
  begin();
  EXPECT_EQ(add(0, 60, 1'000'001), std::nullopt);
  EXPECT_EQ(load_all(), 60u);
  EXPECT_EQ(remove(0, 60), std::nullopt);
  EXPECT_EQ(add(100, 600, 100'003), std::nullopt);
  EXPECT_THAT(Shell(file_).run("SELECT count(*), sum(length(workload)) FROM job"),
              testing::ElementsAre("600|60001800"));
  begin();
  EXPECT_EQ(load_all(), 600u);
  EXPECT_TRUE(aside_.empty());
}

TEST_F(SqliteStoreTest, is_failing_when_a_sync_fails_and_has_what_was_synced_before) {
  begin();
  EXPECT_EQ(add(0, 100), std::nullopt);
  syncs_fail = true;
  const auto fault = add(100, 100);
  syncs_fail = false;
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::failing) << fault->text;
  EXPECT_THAT(fault->text, HasSubstr("in a sync (Input/output error)"));
  EXPECT_TRUE(add(200, 1));  // it is not trusted with more
  begin();
  EXPECT_THAT(load_all(), testing::AnyOf(100u, 200u));
}

/// A store whose file is not trusted any more, with 1000 jobs that were acknowledged.
class SqliteStartsOver : public SqliteStoreTest {
 protected:
  void SetUp() override {
    begin({.log_bytes_max = 256 << 10, .copier_has_thread = false});
    EXPECT_EQ(add(0, 1000), std::nullopt);
    syncs_fail = true;
    EXPECT_TRUE(add(1000, 1));
  }
  void TearDown() override {
    syncs_fail = false;
    renames_before_one_fails = -1;
    before_each_step = nullptr;
  }

  std::optional<StoreFault> start_over() {
    if (auto fault = store_->start_over()) return fault;
    if (auto fault = add(0, 600)) return fault;
    if (auto fault = add(600, 401)) return fault;
    return store_->finish_starting_over([&](JobNumber number, const std::string& why) {
      aside_.push_back(number);
      why_.push_back(why);
    });
  }
  /// The same, where all workloads but ten are in the old file alone.
  std::optional<StoreFault> start_over_with_workloads_away(std::uint64_t here = 10) {
    if (auto fault = store_->start_over()) return fault;
    JobChanges changes;
    for (std::uint64_t index = 0; index < 1000; ++index) {
      const StoredJob whole = job(index);
      JobRecord record = whole.whole();
      record.position = numbered(5000 + index);  // they have been queued again
      if (index >= here) {
        record.away_bytes = static_cast<std::uint32_t>(record.workload.size());
        record.workload = {};
      }
      changes.add(record);
    }
    if (auto fault = store_->commit(changes)) return fault;
    return store_->finish_starting_over([&](JobNumber number, const std::string& why) {
      aside_.push_back(number);
      why_.push_back(why);
    });
  }
  std::vector<std::string> why_;
  void expect_all_and_that_it_goes_on() {
    EXPECT_EQ(add(1001, 1), std::nullopt);
    EXPECT_EQ(load_all(), 1002u);
    begin();
    EXPECT_EQ(load_all(), 1002u);
    EXPECT_TRUE(aside_.empty());
  }
};

TEST_F(SqliteStartsOver, and_still_knows_what_was_imported) {
  syncs_fail = false;
  EXPECT_EQ(store_->note_import("a queue", std::nullopt), std::nullopt);
  EXPECT_EQ(store_->note_import("a queue", 17), std::nullopt);
  EXPECT_EQ(start_over(), std::nullopt);
  EXPECT_THAT(Shell(file_).run("SELECT source, jobs FROM import"),
              testing::ElementsAre("a queue|17"));
}

TEST_F(SqliteStartsOver, in_a_new_file_and_has_every_job_after_reopening) {
  EXPECT_TRUE(start_over());  // the disk is as it was
  syncs_fail = false;
  EXPECT_EQ(start_over(), std::nullopt);
  EXPECT_THAT(Shell(file_).run("SELECT number, handle_prefix FROM start"),
              testing::ElementsAre("1|H:test"));
  EXPECT_THAT(Shell(file_).run("PRAGMA journal_mode"), testing::ElementsAre("wal"));
  EXPECT_EQ(add(1001, 1), std::nullopt);
  const int before = syncs;
  EXPECT_EQ(remove(1001, 1), std::nullopt);
  EXPECT_EQ(syncs.load(), before + 1);
  expect_all_and_that_it_goes_on();
}

TEST_F(SqliteStartsOver, and_acknowledges_nothing_before_it_is_synced) {
  EXPECT_TRUE(store_->start_over());
  syncs_fail = false;
  EXPECT_EQ(store_->start_over(), std::nullopt);
  EXPECT_EQ(add(0, 1001), std::nullopt);
  syncs_fail = true;
  const auto fault = store_->finish_starting_over([](JobNumber, const std::string&) {});
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::failing) << fault->text;
  syncs_fail = false;
  EXPECT_EQ(start_over(), std::nullopt);
  expect_all_and_that_it_goes_on();
}

TEST_F(SqliteStartsOver, and_keeps_the_old_file_with_its_log_and_the_lock) {
  const std::string database = content(file_);
  const std::string log = content(file_.string() + "-wal");
  ASSERT_FALSE(log.empty());
  syncs_fail = false;
  EXPECT_EQ(start_over(), std::nullopt);
  EXPECT_TRUE(content(file_.string() + ".untrusted") == database);
  EXPECT_TRUE(content(file_.string() + ".untrusted-wal") == log);
  EXPECT_EQ(fault_of_begin().kind, Kind::refused);  // it is still ours
  EXPECT_THAT(Shell(file_.string() + ".untrusted").run("SELECT count(*) >= 1000 FROM job"),
              testing::ElementsAre("1"));
}

TEST_F(SqliteStartsOver, and_takes_what_was_left_out_from_the_old_file) {
  EXPECT_TRUE(start_over_with_workloads_away());  // the disk is as it was
  syncs_fail = false;
  EXPECT_EQ(start_over_with_workloads_away(), std::nullopt);
  EXPECT_TRUE(aside_.empty());
  begin();
  std::uint64_t index = 0;
  const auto fault = store_->load(
      [&](const JobRecord& record) {
        StoredJob expected = job(index);
        expected.record.position = numbered(5000 + index);
        EXPECT_EQ(StoredJob::of(record), expected);
        ++index;
      },
      [&](JobNumber number, const std::string& why) { ADD_FAILURE() << number << ": " << why; });
  EXPECT_EQ(fault, std::nullopt);
  EXPECT_EQ(index, 1000u);
}

TEST_F(SqliteStartsOver, and_sets_aside_what_the_old_file_does_not_have_as_it_was) {
  syncs_fail = false;
  Shell(file_).run(
      "UPDATE job SET workload = x'00' WHERE number & 0xFFFF = 100;"
      "DELETE FROM job WHERE number & 0xFFFF = 200;"
      "UPDATE job SET workload = x'00' WHERE number & 0xFFFF = 5");  // which is in memory
  EXPECT_EQ(start_over_with_workloads_away(), std::nullopt);
  EXPECT_THAT(aside_, testing::ElementsAre(numbered(100), numbered(200)));
  ASSERT_EQ(why_.size(), 2u);
  EXPECT_THAT(why_[0], HasSubstr("its checksum does not match"));
  EXPECT_THAT(why_[1], HasSubstr("the old file does not have it"));
  EXPECT_EQ(load_all(), 998u);
  EXPECT_EQ(aside_.size(), 2u);
  EXPECT_THAT(Shell(file_).run("SELECT number & 0xFFFF, function_name, workload IS NULL, reason !="
                               " '' FROM set_aside ORDER BY number"),
              testing::ElementsAre("100|resize|1|1", "200|resize|1|1"));
  EXPECT_EQ(add(1001, 1), std::nullopt);
}

TEST_F(SqliteStartsOver, with_what_was_left_out_after_a_failure_at_any_rename) {
  syncs_fail = false;
  for (int at = 0; at < 20; ++at) {
    renames_before_one_fails = at;
    if (!start_over_with_workloads_away()) break;
    renames_before_one_fails = -1;
  }
  renames_before_one_fails = -1;
  EXPECT_TRUE(aside_.empty());
  begin();
  EXPECT_EQ(load_all(), 1000u);
}

TEST_F(SqliteStartsOver, more_than_once) {
  for (int i = 0; i < 3; ++i) {
    syncs_fail = false;
    EXPECT_EQ(start_over(), std::nullopt);
    syncs_fail = true;
    EXPECT_TRUE(add(1001, 1));
  }
  syncs_fail = false;
  EXPECT_EQ(start_over(), std::nullopt);
  expect_all_and_that_it_goes_on();
}

TEST_F(SqliteStartsOver, again_after_a_failure_at_any_rename) {
  syncs_fail = false;
  int failures = 0;
  for (int at = 0; at < 20; ++at) {
    renames_before_one_fails = at;
    if (!start_over()) break;
    ++failures;
    renames_before_one_fails = -1;
    EXPECT_TRUE(add(0, 1));
    EXPECT_EQ(start_over(), std::nullopt);
  }
  EXPECT_EQ(failures, 4);
  renames_before_one_fails = -1;
  expect_all_and_that_it_goes_on();
}

TEST_F(SqliteStartsOver, and_a_kill_at_any_step_leaves_the_old_or_the_new_one_whole) {
  const Directory kills;
  int steps = 0;
  syncs_fail = false;
  before_each_step = [&] {
    fs::copy(directory_.path(), kills.path() / std::to_string(steps++),
             fs::copy_options::recursive);
  };
  EXPECT_EQ(start_over(), std::nullopt);
  before_each_step();
  before_each_step = nullptr;
  EXPECT_GE(steps, 10);
  end();
  for (int i = 0; i < steps; ++i) {
    SCOPED_TRACE(i);
    const fs::path place = kills.path() / std::to_string(i);
    const std::string path = (place / "jobs.db").string();
    store_ = std::make_unique<SqliteStore>(path);
    const auto begun = store_->begin("H:again");
    if (const auto* fault = std::get_if<StoreFault>(&begun)) {
      ADD_FAILURE() << fault->text;
      continue;
    }
    EXPECT_EQ(std::get<std::vector<StoreStart>>(begun).front().handle_prefix, "H:test");
    EXPECT_THAT(load_all(), testing::AnyOf(1000u, 1001u));
    EXPECT_EQ(add(5000, 1), std::nullopt);
    store_.reset();
    EXPECT_FALSE(fs::exists(path + ".complete"));
    EXPECT_FALSE(fs::exists(path + ".anew"));
  }
}

TEST_F(SqliteStartsOver, and_leaves_its_log_alone_when_a_shell_on_the_old_file_ends) {
  {
    Shell shell(file_);
    shell.run("SELECT count(*) FROM job");
    syncs_fail = false;
    EXPECT_EQ(start_over(), std::nullopt);
    EXPECT_EQ(add(1001, 1), std::nullopt);
    EXPECT_TRUE(fs::exists(file_.string() + "-wal"));
  }
  EXPECT_TRUE(fs::exists(file_.string() + "-wal"));
  EXPECT_TRUE(fs::exists(file_.string() + "-shm"));
  EXPECT_EQ(remove(1001, 1), std::nullopt);
  expect_all_and_that_it_goes_on();
}

TEST_F(SqliteStoreTest, trusts_the_file_no_more_after_a_failed_write_until_it_is_opened_anew) {
  begin({.log_bytes_max = 64 << 10});
  EXPECT_EQ(add(0, 100), std::nullopt);
  {
    const FileSizeLimit limit(fs::file_size(file_.string() + "-wal"));
    const auto fault = add(100, 1000);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, Kind::failing) << fault->text;
  }
  const auto fault = add(100, 1);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, Kind::failing);
  begin();
  EXPECT_EQ(load_all(), 100u);
  EXPECT_EQ(add(100, 1000), std::nullopt);
  EXPECT_EQ(load_all(), 1100u);
}

TEST_F(SqliteStoreTest, keeps_a_commit_whose_log_could_not_be_copied_and_refuses_the_next) {
  begin({.log_bytes_max = 2 << 20});
  EXPECT_EQ(add(0, 1000), std::nullopt);
  std::uint64_t stored = 1000;
  {
    // The database cannot grow, the log can: it is begun anew within what it has.
    const FileSizeLimit limit(3 << 20);
    std::optional<StoreFault> fault;
    while (!fault && stored < 100'000) {
      fault = add(stored, 1000);
      if (!fault) stored += 1000;
    }
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, Kind::failing) << fault->text;
    EXPECT_THAT(fault->text, HasSubstr("copying the log"));
  }
  begin();
  EXPECT_EQ(load_all(), stored);
}

TEST_F(SqliteStoreTest, gives_space_back_when_a_backlog_is_done) {
  begin({.log_bytes_max = 1 << 20});
  constexpr std::uint64_t jobs = 40'000;
  for (std::uint64_t i = 0; i < jobs; i += 1000) EXPECT_EQ(add(i, 1000, 500), std::nullopt);
  EXPECT_GT(fs::file_size(file_), std::uintmax_t{20} << 20);
  for (std::uint64_t i = 0; i < jobs; i += 200) EXPECT_EQ(remove(i, 200), std::nullopt);
  // What comes and goes from then on gives back the rest, little by little.
  for (std::uint64_t i = 0; i < 2000 && fs::file_size(file_) > std::uintmax_t{6} << 20; ++i) {
    EXPECT_EQ(add(jobs + i, 1), std::nullopt);
    EXPECT_EQ(remove(jobs + i, 1), std::nullopt);
  }
  EXPECT_LE(fs::file_size(file_), std::uintmax_t{6} << 20);
  EXPECT_EQ(load_all(), 0u);
}

}  // namespace
}  // namespace gman::store_test
