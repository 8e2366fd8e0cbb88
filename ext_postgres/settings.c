/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman.servers, gman.deadline and gman.connect_timeout, and gman_servers_set().
 *
 * Hooks only look at text and count changes: the client takes new settings at its next call
 * (client.c), so a SET never waits for the network, and a SET that is rolled back was never seen.
 */
#include "ext_postgres/glue.h"

#include <limits.h>
#include <utils/builtins.h>
#include <utils/guc.h>

static char* servers;
static int deadline_ms;
static int connect_timeout_ms;
static uint64 generation;

static bool check_servers(char** new_value, void** extra, GucSource source) {
  char reason[512];
  if (gman_servers_check(*new_value, reason, sizeof reason) == GMAN_OK) return true;
  GUC_check_errdetail("%s", reason);
  GUC_check_errhint("Write host:port, [IPv6]:port or unix:/path, parted by commas.");
  return false;
}

static void servers_changed(const char* new_value, void* extra) {
  generation++;
}

static void number_changed(int new_value, void* extra) {
  generation++;
}

void settings_define(void) {
  gman_settings defaults;
  gman_settings_default(&defaults);
  DefineCustomStringVariable("gman.servers", "Job servers, tried from first to last.",
                             "host:port, [IPv6]:port or unix:/path, parted by commas. Only "
                             "superusers may change it, since it decides where the database "
                             "server sends data.",
                             &servers, "127.0.0.1:4730", PGC_SUSET, 0, check_servers,
                             servers_changed, NULL);
  DefineCustomIntVariable("gman.deadline", "Longest time that one call may take.",
                          "A deadline given to gman_do() takes its place. Zero: no limit.",
                          &deadline_ms, defaults.deadline_ms, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS,
                          NULL, number_changed, NULL);
  DefineCustomIntVariable("gman.connect_timeout",
                          "Longest time to resolve, connect to and hear from one job server.", NULL,
                          &connect_timeout_ms, defaults.connect_timeout_ms, 1, INT_MAX, PGC_USERSET,
                          GUC_UNIT_MS, NULL, number_changed, NULL);
  MarkGUCPrefixReserved("gman");
}

void settings_read(gman_settings* settings) {
  gman_settings_default(settings);
  settings->servers = servers;
  settings->deadline_ms = deadline_ms;
  settings->connect_timeout_ms = connect_timeout_ms;
}

uint64 settings_generation(void) {
  return generation;
}

PG_FUNCTION_INFO_V1(pg_gman_servers_set);

/* Whoever was granted EXECUTE may choose the servers of the session: the grant is the permission,
   so the setting is made as a superuser would. As with SET, a ROLLBACK takes it back. */
Datum pg_gman_servers_set(PG_FUNCTION_ARGS) {
  text_argument(fcinfo, 0, "servers");
  SetConfigOption("gman.servers", text_to_cstring(PG_GETARG_TEXT_PP(0)), PGC_SUSET, PGC_S_SESSION);
  PG_RETURN_BOOL(true);
}
