// SPDX-License-Identifier: BSD-3-Clause
// The waiting that all calls to a job server have in common.
#pragma once

#include <gman/gman.h>

namespace gman::udf {

/// Waits for the end of the call that `started` told of; returns only when it ended well. Throws
/// SqlError with what the client knows of the failure, and Killed.
const gman_result_data& finish(gman_client* client, gman_status started);

}  // namespace gman::udf
