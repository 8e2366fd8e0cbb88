/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Loading: the settings come into being, and the ends of statements are looked at (outbox_soon.c).
 * No descriptor is opened, so the library may also be named in shared_preload_libraries.
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
  outbox_soon_hook();
}
