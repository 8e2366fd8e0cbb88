/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One client for the life of a backend. It keeps its connections between calls, so that a trigger
 * that fires for many rows connects once. It ends with the backend, also with one that is
 * terminated in the middle of a call.
 */
#include "ext_postgres/glue.h"

#include <access/parallel.h>
#include <storage/fd.h>
#include <storage/ipc.h>

static gman_client* client;
static uint64 configured_generation;

static void free_client(int code, Datum argument) {
  gman_client_free(client);
  client = NULL;
}

static void create_client(const gman_settings* settings) {
  static bool registered;
  if (!registered) on_proc_exit(free_client, 0);
  registered = true;
  /* The client holds an epoll descriptor and a connection: PostgreSQL counts what is open, to
     leave room for its own files. */
  int descriptors = 0;
  while (descriptors < 2 && AcquireExternalFD()) descriptors++;
  char reason[512] = "too many open files";
  if (descriptors == 2) client = gman_client_new(settings, reason, sizeof reason);
  if (client != NULL) return;
  for (; descriptors > 0; descriptors--) ReleaseExternalFD();
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
                  errmsg("could not create a client of the job servers: %s", reason)));
}

gman_client* client_get(void) {
  /* The functions are PARALLEL UNSAFE; this is for a wrapper that wrongly claims to be safe. */
  if (IsParallelWorker())
    ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
                    errmsg("cannot call job servers in a parallel worker"),
                    errhint("Mark functions that call gman as PARALLEL UNSAFE.")));
  gman_settings settings;
  settings_read(&settings);
  if (client == NULL || configured_generation != settings_generation())
    settings_check_allowed(settings.servers);
  if (client == NULL)
    create_client(&settings);
  else if (configured_generation != settings_generation() &&
           gman_client_configure(client, &settings) != GMAN_OK)
    raise_failure(client, NULL);
  configured_generation = settings_generation();
  return client;
}
