// SPDX-License-Identifier: BSD-3-Clause
#include "server/process/account.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "server/process/error.hpp"

namespace gman {

Account::Account(const std::string& user) : user_(user) {
  const passwd* const found = ::getpwnam(user.c_str());
  if (found == nullptr) throw StartError("--user: there is no user '" + user + "'");
  uid_ = found->pw_uid;
  gid_ = found->pw_gid;
  if (::geteuid() != 0 && ::geteuid() != uid_) {
    throw StartError("--user: only root can become '" + user + "'");
  }
}

void Account::give_path(const std::string& path) const {
  [[maybe_unused]] const int given = ::lchown(path.c_str(), uid_, gid_);
}

void Account::give_file(int fd) const {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return;
  [[maybe_unused]] const int given = ::fchown(fd, uid_, gid_);
}

void Account::become() const {
  if (::geteuid() != 0) return;  // it is this user already
  if (::setgroups(0, nullptr) != 0 || ::setresgid(gid_, gid_, gid_) != 0 ||
      ::setresuid(uid_, uid_, uid_) != 0) {
    throw StartError("--user: cannot become '" + user_ + "': " + std::strerror(errno));
  }
  if (uid_ != 0 && ::setuid(0) == 0) {
    throw StartError("--user: '" + user_ + "' could become root again");
  }
}

}  // namespace gman
