// SPDX-License-Identifier: BSD-3-Clause
// Onlooker: a store's database that is looked at and left as it is, whether or not a server has it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/store/sqlite/database.hpp"
#include "server/store/sqlite/lock_file.hpp"

namespace gman::sqlite {

class Onlooker {
 public:
  explicit Onlooker(std::string path);
  ~Onlooker();
  Onlooker(const Onlooker&) = delete;
  Onlooker& operator=(const Onlooker&) = delete;

  /// Borne: a file that is shorter than it says is taken for what there is of it.
  enum class Damage : std::uint8_t { refused, borne };
  /// `refused`: there is none, or it is no store. No server can begin while we look, unless one has
  /// it already.
  [[nodiscard]] std::optional<StoreFault> open(Damage damage);
  [[nodiscard]] bool server_has_it() const { return server_has_it_; }
  [[nodiscard]] Database& database() { return *database_; }

 private:
  std::string path_;
  LockFile lock_;
  std::optional<Database> database_;
  bool server_has_it_ = false;
  bool makes_index_ = false;  ///< of the log, beside it: gone when we are
};

}  // namespace gman::sqlite
