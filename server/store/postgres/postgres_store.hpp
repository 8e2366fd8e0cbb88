// SPDX-License-Identifier: BSD-3-Clause
// A store of jobs in the schema `gmand` of a PostgreSQL database. A commit is one transaction,
// sent as one pipeline; its rows travel as binary arrays, so that a thousand are one statement.
//
// One server has it: its session holds an advisory lock. What a lock cannot promise, a fence does:
// each session of each server has a greater number than all before, which it writes to the row
// gmand.store, and each commit requires under a lock on that row that the number is still its own.
// So neither a server that was cut off nor a session that lingers, our own included, changes
// anything once another has begun.
#pragma once

#include <string>

#include "server/store/store.hpp"

namespace gman {

/// Connects to nothing: that begins with begin(). Connects again when a connection was lost. Once
/// another server has begun, every commit is refused.
/// `url` is what libpq takes: postgresql://user:password@host:port/database?option=value
[[nodiscard]] OpenedStore open_postgres_store(std::string url);

}  // namespace gman
