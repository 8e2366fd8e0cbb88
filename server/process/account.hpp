// SPDX-License-Identifier: BSD-3-Clause
// Account: the user that the process becomes, for good.
#pragma once

#include <sys/types.h>

#include <string>

namespace gman {

class Account {
 public:
  /// There is such a user (ServerConfig::mistake saw to it). Throws StartError: we may not become
  /// it.
  explicit Account(const std::string& user);

  /// So that it can be removed, or opened again. What is not there is nobody's fault.
  void give_path(const std::string& path) const;
  void give_file(int fd) const;

  /// Takes the user's id and group, and no other group; nothing of root is left. Throws StartError.
  void become() const;

 private:
  std::string user_;
  uid_t uid_ = 0;
  gid_t gid_ = 0;
};

}  // namespace gman
