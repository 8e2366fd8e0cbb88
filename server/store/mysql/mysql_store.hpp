// SPDX-License-Identifier: BSD-3-Clause
// A store of jobs in tables gmand_… of a MySQL or MariaDB database. A commit is one transaction of
// a few statements, each of many rows.
//
// One server has it: its session holds a lock of GET_LOCK. What a lock cannot promise, a fence
// does: each session of each server has a greater number than all before, which it writes to the
// row gmand_store, and each commit requires under a lock on that row that the number is still its
// own. So neither a server that was cut off nor a session that lingers, our own included, changes
// anything once another has begun.
//
// A commit is as durable as the server makes one: innodb_flush_log_at_trx_commit is a setting of
// the whole server, and to be 1.
#pragma once

#include <string_view>

#include "server/store/store.hpp"

namespace gman {

/// Connects to nothing: that begins with begin(). Connects again when a connection was lost. Once
/// another server has begun, every commit is refused.
/// mysql://user:password@host:port/database, or mysql://user@localhost/database?socket=/path
[[nodiscard]] OpenedStore open_mysql_store(std::string_view url);

}  // namespace gman
