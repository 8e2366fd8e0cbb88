// SPDX-License-Identifier: BSD-3-Clause
// VolatileDisk: a disk under SQLite (a VFS) that loses power.
//
// The process sees files as any other disk shows them. Beside that, the disk knows of each file
// what a sync has made durable, and what was written since. When power fails, each 512-byte sector
// that was written to comes out as it was at the last sync or as any write since has left it, one
// sector independent of the next: writes are lost, torn and reordered. So does the file's size. A
// new file whose first sync has not ended may be gone; one that was removed may be back.
//
// It is as reliable as SQLite takes a disk to be: a sync that has ended holds, and a write changes
// no byte beside those that it writes. A sync that fails leaves the same dice behind as a power
// cut, and no later sync makes that good, which is how Linux has it.
#pragma once

#include <sqlite3.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/dice.hpp"

namespace gman::store_test {

class VolatileDisk {
 public:
  /// Of the files of one directory, for one store at a time.
  VolatileDisk(std::filesystem::path directory, std::uint64_t seed);
  ~VolatileDisk();
  VolatileDisk(const VolatileDisk&) = delete;
  VolatileDisk& operator=(const VolatileDisk&) = delete;

  /// By which SQLite knows it.
  [[nodiscard]] const char* vfs_name() const { return vfs_.zName; }

  /// Power fails at the n-th call from now that changes anything, n from 1. From then on, all fail.
  void cut_at(std::uint64_t call) { calls_left_ = call; }
  void cut() { is_cut_ = true; }
  /// Or in the n-th sync from now, before it has synced anything.
  void cut_at_sync(std::uint64_t sync) { syncs_before_cut_ = sync; }
  [[nodiscard]] bool is_cut() const { return is_cut_; }
  /// The n-th sync from now fails.
  void fail_sync(std::uint64_t sync) { syncs_left_ = sync; }
  /// It says that it has synced and has not.
  void lie_about_syncs() { lies_ = true; }
  /// For whoever syncs it past SQLite.
  void directory_is_synced();
  /// Power is back, and the files are what is left of them.
  // Requires: none of them is open.
  void come_back();
  /// It was the process that ended and not the power: what was written is there, synced or not.
  // Requires: none of the files is open.
  void go_on();

 private:
  struct Image {
    struct Change {
      bool is_write;
      std::size_t offset;  ///< or the size that the file is cut to
      std::string bytes;
    };
    std::string durable;
    std::vector<Change> since;
    bool has_durable_name = false;
  };
  struct File;
  struct Calls;

  /// One more call that changes something. False: power is gone by then.
  [[nodiscard]] bool takes();
  [[nodiscard]] std::string after_power_cut(const Image& image);
  Image* image_of(ino_t inode);

  std::filesystem::path directory_;
  sim::Dice dice_;
  sqlite3_vfs* system_;
  sqlite3_vfs vfs_;
  std::map<ino_t, Image> images_;
  std::map<std::string, Image> removed_;  ///< and maybe back after a power cut
  std::uint64_t calls_left_ = 0;          ///< 0: no power cut
  std::uint64_t syncs_before_cut_ = 0;
  std::uint64_t syncs_left_ = 0;  ///< before one fails
  bool is_cut_ = false;
  bool lies_ = false;
};

}  // namespace gman::store_test
