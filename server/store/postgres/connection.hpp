// SPDX-License-Identifier: BSD-3-Clause
// Connection: one session of libpq, owned; how it is set up; and what PostgreSQL's error codes mean
// to a store.
//
// It comes and goes with the server at its other end: whoever has it opens it again after a fault
// that closed it. No text that it makes holds a password.
#pragma once

#include <libpq-fe.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/store/postgres/array.hpp"
#include "server/store/store.hpp"

namespace gman::postgres {

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Rows = std::unique_ptr<PGresult, Clear>;

inline constexpr std::string_view lock_timeout_sqlstate = "55P03";

/// How long connecting may take, over all hosts that the URL names.
inline constexpr std::chrono::seconds connect_max{10};

class Connection {
 public:
  /// nullopt: libpq cannot read the URL.
  [[nodiscard]] static std::optional<Connection> to(std::string url);

  /// "me@host:5432/database", of what the URL says.
  [[nodiscard]] const std::string& address() const { return address_; }

  [[nodiscard]] std::optional<StoreFault> open();
  void close() { handle_.reset(); }
  [[nodiscard]] bool is_open() const { return PQstatus(handle_.get()) == CONNECTION_OK; }
  [[nodiscard]] PGconn* get() const { return handle_.get(); }

  /// One statement; parameters and results are text.
  [[nodiscard]] std::variant<Rows, StoreFault> query(const char* doing, const char* sql,
                                                     std::span<const std::string> values = {});
  [[nodiscard]] std::optional<StoreFault> execute(const char* doing, const char* sql,
                                                  std::span<const std::string> values = {});
  [[nodiscard]] std::optional<StoreFault> prepare(const char* name, const char* sql);

  /// Sends a statement that is prepared, to be run behind what was sent before. False: the
  /// connection is lost, which reading the results will tell.
  template <typename... Arrays>
  bool send(const char* name, const Arrays&... arrays) {
    const std::array<const char*, sizeof...(arrays)> values{arrays.bytes().data()...};
    const std::array<int, sizeof...(arrays)> lengths{static_cast<int>(arrays.bytes().size())...};
    return send_prepared(name, values, lengths);
  }
  /// Ends what was sent and reads all results: the first error among them.
  [[nodiscard]] std::optional<StoreFault> finish(const char* doing);
  /// Of what the last statement, or finish(), failed with; empty when no server said it.
  [[nodiscard]] const std::string& sqlstate() const { return sqlstate_; }

  /// After a fault: ends the transaction, or closes what is not to be used again. Where a server
  /// took no writes, another one behind the same name may.
  void recover();

  /// `result` is null, or the one that failed.
  [[nodiscard]] StoreFault fault(std::string_view doing, const PGresult* result) const;
  [[nodiscard]] StoreFault fault(StoreFault::Kind kind, const std::string& what) const;

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  struct Host {
    std::string name, port;
  };

  Connection() = default;
  [[nodiscard]] std::optional<StoreFault> connect_to(const Host& host,
                                                     std::chrono::milliseconds time);
  [[nodiscard]] std::optional<StoreFault> set_up();
  [[nodiscard]] StoreFault connect_fault() const;
  bool send_prepared(const char* name, std::span<const char* const> values,
                     std::span<const int> lengths);

  std::string url_;
  std::string address_;
  std::vector<Host> hosts_;
  std::unique_ptr<PGconn, Finish> handle_;
  std::string sqlstate_;
};

}  // namespace gman::postgres
