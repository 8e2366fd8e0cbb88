/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Loading: the settings come into being, and the ends of statements are looked at (outbox_soon.c).
 * No descriptor is opened. In shared_preload_libraries the library also has the server run relays
 * (relay.h).
 */
#include "ext_postgres/relay.h"

#include <miscadmin.h>

#if PG_VERSION_NUM >= 180000
PG_MODULE_MAGIC_EXT(.name = "gman", .version = GMAN_VERSION);
#else
PG_MODULE_MAGIC;
#endif

PGDLLEXPORT void _PG_init(void);

void _PG_init(void) {
  relay_settings_define();
  settings_define();
  outbox_soon_hook();
  /* pg_upgrade wants its databases for itself. */
  if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade) return;
  relay_slots_register();
  relay_launcher_register();
}
