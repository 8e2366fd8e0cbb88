// SPDX-License-Identifier: BSD-3-Clause
// SqliteStore: the embedded store. One file, which an administrator can look into with the sqlite3
// shell while the server runs; a commit is one transaction and one fdatasync of SQLite's log.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "server/store/store.hpp"

namespace gman {

namespace sqlite {
class LockFile;
class OldPlace;
class Replacement;
}  // namespace sqlite

struct SqliteSettings {
  /// How long SQLite's log may get before it is copied into the database. The disk must have two
  /// and a quarter times that free before a job is added.
  std::int64_t log_bytes_max = std::int64_t{8} << 20;
  /// How large the database may get; 0: as large as the disk.
  std::int64_t pages_max = 0;
  /// How long somebody else may be writing to it, such as an administrator with a shell, before a
  /// commit gives up.
  int busy_wait_ms_max = 2000;
  /// The log is copied beside the commits; else between them, in an order that can be repeated.
  bool copier_has_thread = true;
  /// Giving pages back is part of the commit that it follows, and makes that wait.
  std::chrono::milliseconds shrinking_max{1};
  /// What SQLite reaches the disk through, by the name that it is registered by; empty: the
  /// system's. Tests have disks that lose power.
  std::string vfs{};
};

class SqliteStore : public Store {
 public:
  /// Touches no file: that begins with begin().
  explicit SqliteStore(std::string path, const SqliteSettings& settings = {});
  ~SqliteStore() override;

  [[nodiscard]] std::string name() const override;
  [[nodiscard]] std::variant<std::vector<StoreStart>, StoreFault> begin(
      std::string_view handle_prefix) override;
  [[nodiscard]] std::uint64_t jobs_about() override;
  [[nodiscard]] std::optional<StoreFault> load(const Take& take,
                                               const SetAside& set_aside) override;
  [[nodiscard]] std::optional<StoreFault> fetch(std::span<const JobNumber> numbers,
                                                const Take& take,
                                                const SetAside& set_aside) override;
  /// After a fault `failing`, it refuses to go on until it has started over. While it is `full`,
  /// changes that add no job still get through.
  [[nodiscard]] std::optional<StoreFault> commit(const JobChanges& changes) override;
  /// In the transaction that commit() ends.
  [[nodiscard]] bool prepare(const JobChanges& changes) override;
  /// In a new file beside the old one, which is kept as `<path>.untrusted`: replacement.hpp.
  [[nodiscard]] std::optional<StoreFault> start_over() override;
  [[nodiscard]] std::optional<StoreFault> finish_starting_over(const SetAside& set_aside) override;
  /// What was noted before it started over is still known after that.
  [[nodiscard]] FoundImport find_import(const std::string& source) override;
  [[nodiscard]] std::optional<StoreFault> note_import(const std::string& source,
                                                      std::optional<std::uint64_t> jobs) override;
  [[nodiscard]] std::optional<StoreFault> look(StoreSight& sight, const Take& take,
                                               const SetAside& damaged) override;

 private:
  class Opened;
  std::string path_;
  SqliteSettings settings_;
  std::vector<StoreStart> starts_;
  std::vector<std::pair<std::string, StoreImport>> imports_;  ///< and from where; the last one last
  std::unique_ptr<sqlite::LockFile> lock_;  ///< given back after the database is closed
  std::unique_ptr<sqlite::Replacement> replacement_;
  std::unique_ptr<sqlite::OldPlace> old_place_;  ///< while it starts over
  std::unique_ptr<Opened> opened_;
};

}  // namespace gman
