/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which databases the server ships itself, and to which job servers.
 */
#include "ext_postgres/relay.h"

#include <utils/varlena.h>

static char* databases;
static char* servers;

static bool check_databases(char** new_value, void** extra, GucSource source) {
  char* copy = pstrdup(*new_value);
  List* names;
  bool is_list = SplitIdentifierString(copy, ',', &names);
  int count = list_length(names);
  list_free(names);
  pfree(copy);
  if (!is_list) {
    GUC_check_errdetail("It is no list of names.");
    GUC_check_errhint("Write database names as in SQL, parted by commas: shop, \"Shop 2\".");
    return false;
  }
  if (count > RELAYS_MAX) {
    GUC_check_errdetail("It names %d databases, and %d are the most.", count, RELAYS_MAX);
    GUC_check_errhint("Run gman-relay for the others.");
    return false;
  }
  return true;
}

void relay_settings_define(void) {
  DefineCustomStringVariable(
      "gman.relay_databases", "Databases whose outbox the server ships itself.",
      "Names as in SQL, parted by commas. Works only while gman is in "
      "shared_preload_libraries.",
      &databases, "", PGC_SIGHUP, GUC_LIST_INPUT, check_databases, NULL, NULL);
  DefineCustomStringVariable("gman.relay_servers",
                             "Job servers to which the server ships outboxes.",
                             "Written as gman.servers, and the same for all relays. Empty: "
                             "gman.servers.",
                             &servers, "", PGC_SIGHUP, 0, settings_check_servers, NULL, NULL);
}

List* relay_databases(void) {
  List* names;
  /* It was checked, and the names point into the copy. */
  if (!SplitIdentifierString(pstrdup(databases), ',', &names))
    elog(ERROR, "gman.relay_databases is no list of names");
  return names;
}

const char* relay_servers(void) {
  gman_settings settings;
  settings_read(&settings);
  const char* chosen = servers[0] != '\0' ? servers : settings.servers;
  settings_check_allowed(chosen);
  return chosen;
}
