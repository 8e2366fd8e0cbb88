/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman_version(): the version of the loaded library, which after an upgrade of the package may be
 * newer than the version of the extension in this database.
 */
#include "ext_postgres/glue.h"

#include <utils/builtins.h>

PG_FUNCTION_INFO_V1(pg_gman_version);

Datum pg_gman_version(PG_FUNCTION_ARGS) {
  PG_RETURN_TEXT_P(cstring_to_text(gman_library_version()));
}
