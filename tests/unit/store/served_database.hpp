// SPDX-License-Identifier: BSD-3-Clause
// The private database server that a test's Python half has started, and what lies between a store
// and it: a wire that can be cut.
//
//   GMAN_TEST_DSN      the store's URL: an ordinary account with a password, a Unix socket
//   GMAN_TEST_ADMIN    the same database, for an administrator
//   GMAN_TEST_SOCKET   the server's Unix socket
//   GMAN_TEST_CONTROL  "3,4": descriptors to ask the Python half by, and to hear that it is done
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "db/connection.hpp"

namespace gman::store_test {

inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

/// Returns when the server is there again.
inline void restart_server() {
  int ask = -1;
  int hear = -1;
  ASSERT_EQ(std::sscanf(environment("GMAN_TEST_CONTROL").c_str(), "%d,%d", &ask, &hear), 2);
  ASSERT_EQ(::write(ask, "restart\n", 8), 8);
  std::array<char, 5> done{};
  ASSERT_EQ(::read(hear, done.data(), done.size()), 5);
}

/// Somebody else in the database: an administrator.
class Shell {
 public:
  Shell() {
    auto opened = db::connect(environment("GMAN_TEST_ADMIN"));
    if (!opened) throw std::runtime_error(opened.error().message);
    connection_ = std::move(*opened);
  }

  /// Each row's columns, with "|" between them.
  std::vector<std::string> run(const std::string& sql) {
    const auto rows = connection_->execute(sql);
    if (!rows) {
      ADD_FAILURE() << sql << ": " << rows.error().message;
      return {};
    }
    std::vector<std::string> lines;
    for (std::size_t row = 0; row < rows->size(); ++row) {
      lines.emplace_back();
      for (std::size_t column = 0; column < rows->columns; ++column) {
        if (column != 0) lines.back() += '|';
        lines.back() += rows->at(row, column).value_or("NULL");
      }
    }
    return lines;
  }
  std::string value(const std::string& sql) {
    const auto rows = run(sql);
    return rows.empty() ? "" : rows.front();
  }
  /// Asks again and again until the answer is `wanted`.
  void wait_for(const std::string& sql, const std::string& wanted) {
    std::string got;
    for (int i = 0; i < 100'000 && got != wanted; ++i) got = value(sql);
    EXPECT_EQ(got, wanted) << sql;
  }

 private:
  std::unique_ptr<db::Connection> connection_;
};

/// Carries what goes between a client and the server, by a Unix socket at `path`.
class Wire {
 public:
  explicit Wire(const std::filesystem::path& path) : path_(path) {
    std::filesystem::create_directories(path.parent_path());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(path);
    ::unlink(path.c_str());
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 8) != 0) {
      throw std::runtime_error("no wire at " + path.string());
    }
    thread_ = std::thread([this] { carry(); });
  }
  ~Wire() {
    ending_ = true;
    thread_.join();
    for (const Pair& pair : pairs_) {
      ::close(pair.server);
      if (pair.client >= 0) ::close(pair.client);
    }
    ::close(listener_);
    std::filesystem::remove_all(path_.parent_path());
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// The clients there are lose their connections, and the server does not notice.
  void cut() {
    cut_now_ = true;
    while (cut_now_) std::this_thread::yield();
  }
  /// The next COMMIT reaches the server. Its answer reaches nobody: the client is cut off.
  void cut_after_commit() { cut_after_commit_ = true; }

 private:
  struct Pair {
    int client, server;  ///< -1: that client is gone
  };

  static sockaddr_un address_of(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.string().size() >= sizeof address.sun_path) throw std::runtime_error("a long path");
    std::strcpy(address.sun_path, path.c_str());
    return address;
  }

  void accept() {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(environment("GMAN_TEST_SOCKET"));
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ::close(client);
      ::close(server);
      return;
    }
    pairs_.push_back({client, server});
  }

  bool copy(int from, int to) {
    std::array<char, 65536> bytes;
    const ssize_t got = ::read(from, bytes.data(), bytes.size());
    if (got <= 0) return false;
    const std::string_view text(bytes.data(), static_cast<std::size_t>(got));
    // PostgreSQL's is a prepared statement of this name.
    has_commit_ = text.find("COMMIT") != text.npos || text.find("commit") != text.npos;
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t now =
          ::send(to, bytes.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
      if (now <= 0) return false;
      sent += now;
    }
    return true;
  }

  static void hang_up(int& client) {
    ::close(client);
    client = -1;
  }

  void carry() {
    while (!ending_) {
      if (cut_now_) {
        for (Pair& pair : pairs_) {
          if (pair.client >= 0) hang_up(pair.client);
        }
        cut_now_ = false;
      }
      std::vector<pollfd> sockets{{listener_, POLLIN, 0}};
      for (const Pair& pair : pairs_) {
        sockets.push_back({pair.client, POLLIN, 0});
        sockets.push_back({pair.client < 0 ? -1 : pair.server, POLLIN, 0});
      }
      ::poll(sockets.data(), sockets.size(), 5);
      std::vector<std::size_t> ended;
      for (std::size_t i = 0; i < pairs_.size(); ++i) {
        Pair& pair = pairs_[i];
        bool goes_on = true;
        if (sockets[1 + 2 * i].revents != 0) goes_on = copy(pair.client, pair.server);
        if (goes_on && sockets[2 + 2 * i].revents != 0) {
          if (cut_after_commit_ && has_commit_) {
            cut_after_commit_ = false;
            hang_up(pair.client);
          } else {
            goes_on = copy(pair.server, pair.client);
          }
        }
        if (!goes_on) ended.push_back(i);
      }
      for (auto i = ended.rbegin(); i != ended.rend(); ++i) {
        ::close(pairs_[*i].client);
        ::close(pairs_[*i].server);
        pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(*i));
      }
      if (sockets[0].revents != 0) accept();
    }
  }

  std::filesystem::path path_;
  int listener_ = -1;
  std::vector<Pair> pairs_;
  std::atomic<bool> ending_{false}, cut_now_{false}, cut_after_commit_{false};
  bool has_commit_ = false;  ///< what was carried last
  std::thread thread_;
};

}  // namespace gman::store_test
