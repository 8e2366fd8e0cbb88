/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the files of the relay inside of the server share:
 *
 *   relay_settings.c  which databases, which job servers
 *   relay_slots.c     what all processes know of the relays, and how a COMMIT wakes one
 *   relay_launcher.c  the process that starts a worker for each database
 *   relay_worker.c    the process that ships one database's outbox
 *   relay_engine.cpp  the rules and the job servers' sockets, behind relay_engine.h
 */
#pragma once

#include "ext_postgres/glue.h"
#include "ext_postgres/relay_engine.h"

#include <nodes/pg_list.h>

/* More databases than this are not shipped from one cluster. */
#define RELAYS_MAX 64

/* Of a reason that gman_relays() shows. */
#define RELAY_REASON_BYTES 256

/* relay_settings.c */

/* Before settings_define(), which reserves the prefix. */
void relay_settings_define(void);

/* The databases' names, as a list of strings in the current memory context. */
List* relay_databases(void);

/* gman.relay_servers, or else gman.servers. Within a transaction; raises what is not allowed. */
const char* relay_servers(void);

/* relay_slots.c */

/* While the library is preloaded: asks for shared memory, and looks at commits. */
void relay_slots_register(void);

/* For the launcher: nobody is there yet. */
void relay_slots_clear(void);
/* It has no worker now, and why. */
void relay_slot_waits(int slot, const char* database, const char* reason);
void relay_slot_free(int slot);

/* For a worker: from now on commits in this database wake it. */
void relay_slot_attach(int slot);
/* Whether rows were committed since it was asked last. */
bool relay_slot_was_woken(int slot);
void relay_slot_tell(int slot, const relay_counters* counters);
void relay_slot_tell_warning(int slot, const char* text);

/* relay_launcher.c */
void relay_launcher_register(void);

/* relay_worker.c: the name under which PostgreSQL finds it. */
#define RELAY_WORKER_MAIN "pg_gman_relay_worker"
