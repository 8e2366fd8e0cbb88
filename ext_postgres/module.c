/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Loading: the settings come into being, and nothing else happens. No descriptor is opened, so the
 * library may also be named in shared_preload_libraries.
 */
#include "ext_postgres/glue.h"

#if PG_VERSION_NUM >= 180000
PG_MODULE_MAGIC_EXT(.name = "gman", .version = GMAN_VERSION);
#else
PG_MODULE_MAGIC;
#endif

PGDLLEXPORT void _PG_init(void);

void _PG_init(void) {
  settings_define();
}
