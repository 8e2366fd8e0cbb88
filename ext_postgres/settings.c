/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The settings gman.*, and gman_servers_set().
 *
 * Hooks only look at text and count changes: the client takes new settings at its next call
 * (client.c), so a SET never waits for the network, and a SET that is rolled back was never seen.
 * Whether gman.servers is within gman.allowed_servers is looked at when a call is made, since
 * either may change while the other stays.
 *
 * Whatever decides where data goes, or whether a job may be lost, is for superusers, and for roles
 * that were granted SET on it. How long a call may take and which delivery a job takes is for
 * whoever makes the call.
 */
#include "ext_postgres/glue.h"

#include <limits.h>
#include <utils/builtins.h>

#define COMMIT_BUDGET_MS_DEFAULT 500
#define COMMIT_BUDGET_MS_MAX 60000
#define COMMIT_JOBS_MAX_DEFAULT 1000

static const struct config_enum_entry deliveries[] = {{"immediate", DELIVERY_IMMEDIATE, false},
                                                      {"commit", DELIVERY_COMMIT, false},
                                                      {"outbox", DELIVERY_OUTBOX, false},
                                                      {NULL, 0, false}};
static const struct config_enum_entry error_answers[] = {{"error", ON_ERROR_ERROR, false},
                                                         {"warning", ON_ERROR_WARNING, false},
                                                         {"outbox", ON_ERROR_OUTBOX, false},
                                                         {NULL, 0, false}};
/* Also the words that PostgreSQL takes for on and off, which it does not list either. */
static const struct config_enum_entry switches[] = {
    {"on", ENABLED_ON, false},         {"off", ENABLED_OFF, false},
    {"record", ENABLED_RECORD, false}, {"true", ENABLED_ON, true},
    {"yes", ENABLED_ON, true},         {"1", ENABLED_ON, true},
    {"false", ENABLED_OFF, true},      {"no", ENABLED_OFF, true},
    {"0", ENABLED_OFF, true},          {NULL, 0, false}};

static char* servers;
static char* allowed_servers;
static int deadline_ms;
static int connect_timeout_ms;
static int workload_bytes_max;
static int delivery = DELIVERY_IMMEDIATE;
static int commit_budget_ms;
static int commit_jobs_max;
static int on_error = ON_ERROR_ERROR;
static int enabled = ENABLED_ON;
static uint64 generation;

/* Without memory to see whether it is one, the list is left to the client, which looks again when
   it takes it: a refusal here would end the session, or have it use our default in place of what
   the configuration says. */
bool settings_check_servers(char** new_value, void** extra, GucSource source) {
  char reason[512];
  gman_status status = gman_servers_check(*new_value, reason, sizeof reason);
  if (status == GMAN_OK || status == GMAN_OUT_OF_MEMORY) return true;
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

static void define_client_settings(void) {
  gman_settings defaults;
  gman_settings_default(&defaults);
  DefineCustomStringVariable("gman.servers", "Job servers, tried from first to last.",
                             "host:port, [IPv6]:port or unix:/path, parted by commas. Only "
                             "superusers may change it, since it decides where the database "
                             "server sends data.",
                             &servers, "127.0.0.1:4730", PGC_SUSET, 0, settings_check_servers,
                             servers_changed, NULL);
  DefineCustomStringVariable("gman.allowed_servers",
                             "The only job servers that gman.servers may name.",
                             "Written as gman.servers. Empty: any.", &allowed_servers, "",
                             PGC_SIGHUP, 0, settings_check_servers, servers_changed, NULL);
  DefineCustomIntVariable("gman.deadline", "Longest time that one call may take.",
                          "A deadline given to gman_do() takes its place. Zero: no limit.",
                          &deadline_ms, defaults.deadline_ms, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS,
                          NULL, number_changed, NULL);
  DefineCustomIntVariable("gman.connect_timeout",
                          "Longest time to resolve, connect to and hear from one job server.", NULL,
                          &connect_timeout_ms, defaults.connect_timeout_ms, 1, INT_MAX, PGC_USERSET,
                          GUC_UNIT_MS, NULL, number_changed, NULL);
  DefineCustomIntVariable("gman.max_workload", "Largest workload that a job may have.", NULL,
                          &workload_bytes_max, GMAN_WORKLOAD_BYTES_MAX, 1, GMAN_WORKLOAD_BYTES_MAX,
                          PGC_SUSET, GUC_UNIT_BYTE, NULL, number_changed, NULL);
}

static void define_delivery_settings(void) {
  DefineCustomEnumVariable("gman.delivery", "How a background job leaves the session.",
                           "immediate: at once; commit: at COMMIT; outbox: by a row in "
                           "gman.outbox. For calls and triggers that name none.",
                           &delivery, DELIVERY_IMMEDIATE, deliveries, PGC_USERSET, 0, NULL, NULL,
                           NULL);
  DefineCustomIntVariable("gman.commit_budget",
                          "Longest time that sending the jobs of a transaction adds to its COMMIT.",
                          "Half of it to find a server, or COMMIT fails; the rest to send. "
                          "What is not sent by then is lost, with a warning.",
                          &commit_budget_ms, COMMIT_BUDGET_MS_DEFAULT, 1, COMMIT_BUDGET_MS_MAX,
                          PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
  DefineCustomIntVariable("gman.commit_jobs_max", "Most jobs that a COMMIT sends.",
                          "The jobs of a transaction that has more go into the outbox.",
                          &commit_jobs_max, COMMIT_JOBS_MAX_DEFAULT, 0, INT_MAX, PGC_SUSET, 0, NULL,
                          NULL, NULL);
  DefineCustomEnumVariable("gman.on_error", "What a background job that cannot be sent is.",
                           "error: an error; warning: a warning, and the job is lost; outbox: a "
                           "row in gman.outbox. When it is the server's answer that was lost, the "
                           "job may be queued as well, and run twice.",
                           &on_error, ON_ERROR_ERROR, error_answers, PGC_SUSET, 0, NULL, NULL,
                           NULL);
  DefineCustomEnumVariable("gman.enabled", "Whether jobs are sent.",
                           "off: calls return NULL and triggers do nothing; record: jobs are kept "
                           "in the view gman_recorded of this session.",
                           &enabled, ENABLED_ON, switches, PGC_SUSET, 0, NULL, NULL, NULL);
}

void settings_define(void) {
  define_client_settings();
  define_delivery_settings();
  MarkGUCPrefixReserved("gman");
}

void settings_read(gman_settings* settings) {
  gman_settings_default(settings);
  settings->servers = servers;
  settings->deadline_ms = deadline_ms;
  settings->connect_timeout_ms = connect_timeout_ms;
  settings->workload_bytes_max = (uint32)workload_bytes_max;
}

uint64 settings_generation(void) {
  return generation;
}

void settings_check_allowed(const char* list) {
  char reason[512];
  if (allowed_servers[0] == '\0' ||
      gman_servers_within(list, allowed_servers, reason, sizeof reason) == GMAN_OK)
    return;
  ereport(ERROR,
          (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
           errmsg("gman.allowed_servers does not allow these job servers: %s",
                  printable(bytes_of(reason))),
           errhint("Add it to gman.allowed_servers in postgresql.conf, or correct gman.servers.")));
}

Delivery settings_delivery(void) {
  return (Delivery)delivery;
}

OnError settings_on_error(void) {
  return (OnError)on_error;
}

Enabled settings_enabled(void) {
  return (Enabled)enabled;
}

int settings_deadline_ms(void) {
  return deadline_ms;
}

int settings_commit_budget_ms(void) {
  return commit_budget_ms;
}

int settings_commit_jobs_max(void) {
  return commit_jobs_max;
}

uint32 settings_workload_bytes_max(void) {
  return (uint32)workload_bytes_max;
}

const char* delivery_name(Delivery which) {
  return deliveries[which].name;
}

bool delivery_parse(const char* name, Delivery* which) {
  for (const struct config_enum_entry* entry = deliveries; entry->name != NULL; entry++) {
    if (strcmp(entry->name, name) != 0) continue;
    *which = (Delivery)entry->val;
    return true;
  }
  return false;
}

PG_FUNCTION_INFO_V1(pg_gman_servers_set);

/* Whoever was granted EXECUTE may choose the servers of the session, within the allowed ones: the
   grant is the permission, so the setting is made as a superuser would. As with SET, a ROLLBACK
   takes it back, and so does the error for a server that is not allowed. */
Datum pg_gman_servers_set(PG_FUNCTION_ARGS) {
  text_argument(fcinfo, 0, "servers");
  const char* list = text_to_cstring(PG_GETARG_TEXT_PP(0));
  SetConfigOption("gman.servers", list, PGC_SUSET, PGC_S_SESSION);
  settings_check_allowed(list);
  PG_RETURN_BOOL(true);
}
