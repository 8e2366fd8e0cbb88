// SPDX-License-Identifier: BSD-3-Clause
// (function, workload [, unique]): the arguments that all functions that run a job have in common.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <gman/gman.h>

#include "udf_mysql/abi.hpp"

namespace gman::udf {

/// In `x_init`: has the server hand over every argument as a string. The first must be one by
/// itself: a number in its place is a mistake. Throws SqlError.
void accept_strings(UDF_ARGS& args);

/// The same for two or three of them: function, workload[, unique]. Throws SqlError.
void accept_job_arguments(UDF_ARGS& args);

/// At a row: the job that its values ask for, without priority. The bytes stay the server's.
/// A NULL unique is no unique; a NULL function or workload throws SqlError, since a job that says
/// "empty" where the row says "unknown" would be another job.
[[nodiscard]] gman_job job_of_row(const UDF_ARGS& args, std::size_t unique_index = 2);

/// At a row: an argument's bytes; nothing when it is NULL.
[[nodiscard]] std::optional<gman_bytes> argument(const UDF_ARGS& args, std::size_t index);

[[nodiscard]] inline std::string_view view_of(const gman_bytes& bytes) {
  return bytes.size == 0 ? std::string_view() : std::string_view(bytes.data, bytes.size);
}

}  // namespace gman::udf
