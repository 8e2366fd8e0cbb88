// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/store/volatile_disk.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <new>
#include <set>
#include <sstream>
#include <utility>

namespace gman::store_test {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t sector_bytes = 512;

ino_t inode_of(const char* path) {
  struct stat status {};
  return ::stat(path, &status) == 0 ? status.st_ino : 0;
}

std::string content(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

void apply(std::string& bytes, std::size_t offset, std::string_view written) {
  if (bytes.size() < offset + written.size()) bytes.resize(offset + written.size());
  bytes.replace(offset, written.size(), written);
}

}  // namespace

/// The system's file lies behind it, in the memory that SQLite gave.
struct VolatileDisk::File {
  sqlite3_file base;
  VolatileDisk* disk;
  ino_t inode;  ///< 0: a file whose bytes nobody needs after a power cut

  sqlite3_file* system() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

/// What SQLite calls.
struct VolatileDisk::Calls {
  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  static VolatileDisk& of(sqlite3_vfs* vfs) { return *static_cast<VolatileDisk*>(vfs->pAppData); }

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* got) {
    VolatileDisk& disk = of(vfs);
    auto* opened = new (file) File{{nullptr}, &disk, 0};
    if (disk.is_cut_) return SQLITE_CANTOPEN;
    if (const int code = disk.system_->xOpen(disk.system_, name, opened->system(), flags, got);
        code != SQLITE_OK) {
      return code;
    }
    opened->base.pMethods = methods();
    if (name == nullptr) return SQLITE_OK;
    opened->inode = inode_of(name);
    // An empty one is new: its number may be that of one that was removed.
    std::string bytes = content(name);
    if (bytes.empty() || !disk.images_.contains(opened->inode)) {
      disk.images_[opened->inode] = {.durable = std::move(bytes), .since = {}};
    }
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* name, int syncs_directory) {
    VolatileDisk& disk = of(vfs);
    if (!disk.takes()) return SQLITE_IOERR_DELETE;
    const ino_t inode = inode_of(name);
    const int code = disk.system_->xDelete(disk.system_, name, syncs_directory);
    const auto found = disk.images_.find(inode);
    if (code != SQLITE_OK || found == disk.images_.end()) return code;
    if (found->second.has_durable_name) disk.removed_[name] = std::move(found->second);
    disk.images_.erase(found);
    if (syncs_directory != 0) disk.directory_is_synced();
    return code;
  }

  static int close(sqlite3_file* file) {
    const int code = of(file).system()->pMethods->xClose(of(file).system());
    of(file).~File();
    return code;
  }

  static int read(sqlite3_file* file, void* into, int count, sqlite3_int64 at) {
    if (of(file).disk->is_cut_) return SQLITE_IOERR_READ;
    return of(file).system()->pMethods->xRead(of(file).system(), into, count, at);
  }

  static int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 at) {
    File& self = of(file);
    if (self.disk->is_cut_) return SQLITE_IOERR_WRITE;
    const bool is_taken = self.disk->takes();
    if (Image* image = self.disk->image_of(self.inode)) {
      image->since.push_back(
          {true, static_cast<std::size_t>(at),
           std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(count))});
    }
    if (!is_taken) return SQLITE_IOERR_WRITE;
    return self.system()->pMethods->xWrite(self.system(), bytes, count, at);
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    File& self = of(file);
    if (!self.disk->takes()) return SQLITE_IOERR_TRUNCATE;
    if (Image* image = self.disk->image_of(self.inode)) {
      image->since.push_back({false, static_cast<std::size_t>(size), {}});
    }
    return self.system()->pMethods->xTruncate(self.system(), size);
  }

  // The system's files are synced in no case: they need not outlive a real power cut.
  static int sync(sqlite3_file* file, int) {
    File& self = of(file);
    VolatileDisk& disk = *self.disk;
    if (disk.syncs_before_cut_ != 0 && --disk.syncs_before_cut_ == 0) disk.is_cut_ = true;
    if (!disk.takes()) return SQLITE_IOERR_FSYNC;
    Image* const image = disk.image_of(self.inode);
    if (disk.syncs_left_ != 0 && --disk.syncs_left_ == 0) {
      if (image != nullptr) {
        image->durable = disk.after_power_cut(*image);
        image->since.clear();
      }
      return SQLITE_IOERR_FSYNC;
    }
    if (image == nullptr || disk.lies_) return SQLITE_OK;
    for (const Image::Change& change : image->since) {
      if (change.is_write) {
        apply(image->durable, change.offset, change.bytes);
      } else {
        image->durable.resize(change.offset);
      }
    }
    image->since.clear();
    // SQLite syncs the directory with a file that it has made.
    if (!image->has_durable_name) disk.directory_is_synced();
    return SQLITE_OK;
  }

  static int size(sqlite3_file* file, sqlite3_int64* into) {
    return of(file).system()->pMethods->xFileSize(of(file).system(), into);
  }
  static int lock(sqlite3_file* file, int level) {
    return of(file).system()->pMethods->xLock(of(file).system(), level);
  }
  static int unlock(sqlite3_file* file, int level) {
    return of(file).system()->pMethods->xUnlock(of(file).system(), level);
  }
  static int is_locked(sqlite3_file* file, int* into) {
    return of(file).system()->pMethods->xCheckReservedLock(of(file).system(), into);
  }
  static int control(sqlite3_file* file, int what, void* with) {
    return of(file).system()->pMethods->xFileControl(of(file).system(), what, with);
  }
  static int sector_size(sqlite3_file*) { return static_cast<int>(sector_bytes); }
  static int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }
  static int shm_map(sqlite3_file* file, int region, int count, int extend, void volatile** at) {
    return of(file).system()->pMethods->xShmMap(of(file).system(), region, count, extend, at);
  }
  static int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    return of(file).system()->pMethods->xShmLock(of(file).system(), offset, count, flags);
  }
  static void shm_barrier(sqlite3_file* file) {
    of(file).system()->pMethods->xShmBarrier(of(file).system());
  }
  static int shm_unmap(sqlite3_file* file, int removes) {
    return of(file).system()->pMethods->xShmUnmap(of(file).system(), removes);
  }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods table = [] {
      sqlite3_io_methods all{};
      all.iVersion = 2;
      all.xClose = close;
      all.xRead = read;
      all.xWrite = write;
      all.xTruncate = truncate;
      all.xSync = sync;
      all.xFileSize = size;
      all.xLock = lock;
      all.xUnlock = unlock;
      all.xCheckReservedLock = is_locked;
      all.xFileControl = control;
      all.xSectorSize = sector_size;
      all.xDeviceCharacteristics = characteristics;
      all.xShmMap = shm_map;
      all.xShmLock = shm_lock;
      all.xShmBarrier = shm_barrier;
      all.xShmUnmap = shm_unmap;
      return all;
    }();
    return &table;
  }
};

VolatileDisk::VolatileDisk(fs::path directory, std::uint64_t seed)
    : directory_(std::move(directory)),
      dice_(seed),
      system_(sqlite3_vfs_find(nullptr)),
      vfs_(*system_) {
  vfs_.zName = "volatile";
  vfs_.pAppData = this;
  vfs_.szOsFile += static_cast<int>(sizeof(File));
  vfs_.pNext = nullptr;
  vfs_.xOpen = Calls::open;
  vfs_.xDelete = Calls::remove;
  sqlite3_vfs_register(&vfs_, 0);
}

VolatileDisk::~VolatileDisk() {
  sqlite3_vfs_unregister(&vfs_);
}

bool VolatileDisk::takes() {
  if (is_cut_) return false;
  if (calls_left_ != 0 && --calls_left_ == 0) is_cut_ = true;
  return !is_cut_;
}

VolatileDisk::Image* VolatileDisk::image_of(ino_t inode) {
  const auto found = images_.find(inode);
  return found == images_.end() ? nullptr : &found->second;
}

void VolatileDisk::directory_is_synced() {
  if (lies_ || is_cut_) return;
  for (auto& [inode, image] : images_) image.has_durable_name = true;
  removed_.clear();
}

std::string VolatileDisk::after_power_cut(const Image& image) {
  std::string now = image.durable;
  std::vector<std::size_t> sizes{now.size()};
  std::map<std::size_t, std::vector<std::string>> sectors;  // by number, as writes have left them
  for (const Image::Change& change : image.since) {
    if (!change.is_write) {
      now.resize(change.offset);
    } else if (!change.bytes.empty()) {
      apply(now, change.offset, change.bytes);
      const std::size_t last = (change.offset + change.bytes.size() - 1) / sector_bytes;
      for (std::size_t sector = change.offset / sector_bytes; sector <= last; ++sector) {
        sectors[sector].push_back(now.substr(sector * sector_bytes, sector_bytes));
      }
    }
    sizes.push_back(now.size());
  }
  // One kind of cut loses nearly all, another nearly nothing.
  const std::uint64_t kept_percent = dice_.pick(std::vector<std::uint64_t>{0, 10, 50, 90, 100});
  if (kept_percent == 100) return now;
  std::string left = image.durable;
  for (const auto& [sector, versions] : sectors) {
    if (!dice_.percent(kept_percent)) continue;
    apply(left, sector * sector_bytes, dice_.one_in(3) ? dice_.pick(versions) : versions.back());
  }
  left.resize(dice_.percent(kept_percent) ? sizes.back() : dice_.pick(sizes));
  return left;
}

void VolatileDisk::go_on() {
  calls_left_ = syncs_before_cut_ = syncs_left_ = 0;
  is_cut_ = false;
}

void VolatileDisk::come_back() {
  go_on();
  std::map<ino_t, Image> images;
  std::set<std::string> paths;  // in an order that every machine has
  for (const auto& entry : fs::directory_iterator(directory_)) paths.insert(entry.path().string());
  for (const std::string& path : paths) {
    if (path.ends_with("-shm")) {
      fs::remove(path);
      continue;
    }
    const ino_t inode = inode_of(path.c_str());
    Image* const image = image_of(inode);
    if (image == nullptr) continue;
    std::string left = after_power_cut(*image);
    // Only SQLite's log and journal are new files to it: the store makes the others.
    const bool is_new = path.ends_with("-wal") || path.ends_with("-journal");
    if (is_new && !image->has_durable_name && dice_.one_in(2)) {
      const auto earlier = removed_.find(path);
      if (earlier == removed_.end() || dice_.one_in(2)) {
        fs::remove(path);
        continue;
      }
      left = earlier->second.durable;
    }
    std::ofstream(path, std::ios::binary | std::ios::trunc) << left;
    images[inode] = {.durable = std::move(left), .since = {}, .has_durable_name = true};
  }
  for (const auto& [path, image] : removed_) {
    if (fs::exists(path) || dice_.one_in(2)) continue;
    if (!fs::exists(path.substr(0, path.rfind('-')))) continue;
    std::ofstream(path, std::ios::binary | std::ios::trunc) << image.durable;
    images[inode_of(path.c_str())] = {
        .durable = image.durable, .since = {}, .has_durable_name = true};
  }
  removed_.clear();
  images_ = std::move(images);
}

}  // namespace gman::store_test
