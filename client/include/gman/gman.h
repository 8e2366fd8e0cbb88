/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman.h: the client side of the Gearman protocol as a C interface that never blocks and never
 * calls back. It exists for programs that own their waiting: a PostgreSQL backend waits on its
 * latch, a MySQL session polls its kill flag.
 *
 * A call is a small loop:
 *
 *     status = gman_start_job(client, &job);
 *     while (status == GMAN_AGAIN) {
 *       wait until gman_fd(client) is readable or gman_timeout_ms(client) has passed;
 *       status = gman_step(client);
 *     }
 *     if (status == GMAN_OK)  use gman_result(client);
 *     else                    tell the user gman_error_get(client)->message;
 *
 * One client makes one call at a time and keeps its connections between calls. A client may be
 * used by one thread at a time and moved between threads between calls. No function throws, ends
 * the process, installs a signal handler or starts a thread; memory that runs out is
 * GMAN_OUT_OF_MEMORY. Strings given to the library are copied before the function returns;
 * pointers that it returns belong to the client and live until the next call that takes the client.
 */
#ifndef GMAN_GMAN_H
#define GMAN_GMAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Longest parts of a job, in bytes; longer ones are refused with GMAN_INVALID_ARGUMENT. */
#define GMAN_FUNCTION_BYTES_MAX 512
#define GMAN_UNIQUE_BYTES_MAX 64
#define GMAN_WORKLOAD_BYTES_MAX (64u << 20)

/* Most jobs of one gman_start_jobs(), in the background and in the foreground; their uniques and
   workloads together have at most GMAN_WORKLOAD_BYTES_MAX bytes. */
#define GMAN_JOBS_MAX 1000
#define GMAN_FOREGROUND_JOBS_MAX 10000

/* So many of them are at the server at a time unless the settings say otherwise, and at most. */
#define GMAN_JOBS_IN_FLIGHT 64
#define GMAN_JOBS_IN_FLIGHT_MAX 1000

/* What one call may bring, in bytes: the result of a job, and what the data, the warnings and the
   exceptions of many foreground jobs are together. */
#define GMAN_RESULT_BYTES_MAX ((64u << 20) + (64u << 10))

/* The line of a GMAN_QUERY_ADMIN, without its end, and the answer to it, in bytes. */
#define GMAN_ADMIN_LINE_BYTES_MAX 8191
#define GMAN_ADMIN_ANSWER_BYTES_MAX (16u << 20)

/* Latest run time of a job: the end of the year 9999, UTC, in ms since 1970. */
#define GMAN_RUN_AT_MS_MAX 253402300799999

typedef struct gman_client gman_client;

typedef enum gman_status {
  GMAN_OK = 0,           /* the call has ended well: see gman_result() */
  GMAN_AGAIN,            /* not yet: wait on gman_fd(), then gman_step() */
  GMAN_INVALID_ARGUMENT, /* the request breaks a rule; the message names it and the limit */
  GMAN_NO_SERVERS,       /* no job server is configured */
  GMAN_UNREACHABLE,      /* every server of the list was tried in vain */
  GMAN_CONNECTION_LOST,  /* the server went away after the job was sent: its fate is unknown */
  GMAN_PROTOCOL_ERROR,   /* the server answered something that the protocol does not allow */
  GMAN_SERVER_ERROR,     /* the server answered ERROR: the message quotes its code and text */
  GMAN_JOB_FAILED,       /* WORK_FAIL: the worker gave up on the job, or the server did */
  GMAN_JOB_EXCEPTION,    /* WORK_EXCEPTION: the message quotes the worker's exception */
  GMAN_DEADLINE,         /* the deadline passed; the message says what was known of the job */
  GMAN_CANCELLED,        /* gman_cancel_call() was called */
  GMAN_OUT_OF_MEMORY,
  GMAN_INTERNAL_ERROR /* a fault of this library; the message says where */
} gman_status;

typedef enum gman_priority {
  GMAN_PRIORITY_NORMAL = 0,
  GMAN_PRIORITY_HIGH,
  GMAN_PRIORITY_LOW
} gman_priority;

/* Which job of the same function and unique a submit joins instead of making one of its own. */
typedef enum gman_unique_mode {
  GMAN_UNIQUE_ALIVE = 0,   /* one that waits or runs */
  GMAN_UNIQUE_UNTIL_START, /* one that no worker has: what is submitted because something changed is
                              always run after that change. Needs a server that knows it */
} gman_unique_mode;

/* Bytes with a length; they need not end in NUL and may contain it. */
typedef struct gman_bytes {
  const char* data; /* may be NULL when size is 0 */
  size_t size;
} gman_bytes;

/* How a client behaves. Take the defaults from gman_settings_default(), then change fields. */
typedef struct gman_settings {
  /* "host:port,host:port,unix:/path": tried in turn, first to last. "host" alone means port 4730;
     an IPv6 address with a port stands in brackets. NULL or empty: GMAN_NO_SERVERS at each call. */
  const char* servers;
  /* For each server: resolving its name, connecting and the first answer, together. In ms. */
  int32_t connect_timeout_ms; /* default 2000 */
  /* For the whole call, counted from its start. 0: none, a foreground job may take for ever. */
  int32_t deadline_ms; /* default 0 */
  /* A background submit, a status request or a ping that gets no answer. 0: none. A foreground
     job uses it until JOB_CREATED has come. */
  int32_t answer_timeout_ms; /* default 10000 */
  /* A server that failed is left alone for so long, unless every server of the list failed. */
  int32_t retry_after_ms; /* default 5000 */
  /* Refuse larger workloads before anything is sent. Bytes. */
  uint32_t workload_bytes_max; /* default and upper limit GMAN_WORKLOAD_BYTES_MAX */

  /* How many jobs of a gman_start_jobs() in the foreground are at the server at a time, and so how
     many workers they can keep busy. Came later: 0 means the default. */
  uint32_t jobs_in_flight; /* default GMAN_JOBS_IN_FLIGHT, at most GMAN_JOBS_IN_FLIGHT_MAX */
} gman_settings;

typedef struct gman_job {
  gman_bytes function; /* 1 to GMAN_FUNCTION_BYTES_MAX bytes, no NUL */
  gman_bytes unique;   /* 0 to GMAN_UNIQUE_BYTES_MAX bytes, no NUL; empty: never coalesced */
  gman_bytes workload; /* any bytes */
  int priority;        /* a gman_priority; an int, as anything may come from C and is checked */
  int background;      /* not 0: the call ends at JOB_CREATED; 0: it ends with the job */
  int32_t deadline_ms; /* overrides the settings' deadline when not 0 */

  /* These two came later, hence stand at the end: 0 is what was meant before. gmand knows both. Of
     other servers, those with SUBMIT_JOB_EPOCH can run a background job of normal priority at a
     time, rounded up to the second; what they cannot do ends the call with GMAN_SERVER_ERROR and
     the server's name, and no job is made. */
  int unique_mode;   /* a gman_unique_mode */
  int64_t run_at_ms; /* not before this time, in ms since 1970 UTC; 0: now */
} gman_job;

/* What is its own in one of many jobs. */
typedef struct gman_job_part {
  gman_bytes unique;
  gman_bytes workload;
} gman_job_part;

/* What came of one of many jobs. */
typedef struct gman_job_outcome {
  gman_bytes handle;  /* empty: no server acknowledged it */
  gman_bytes refusal; /* the server's code and text; empty: it was not refused */

  /* These came later. `status` is GMAN_OK for a background job that has a handle and for a
     foreground job that was completed, and else says what came of this one job:
       GMAN_SERVER_ERROR     it was refused; no server has it
       GMAN_JOB_FAILED       WORK_FAIL
       GMAN_JOB_EXCEPTION    WORK_EXCEPTION: `exception` is the worker's text
       GMAN_CONNECTION_LOST  its server went away: its fate is unknown
       GMAN_PROTOCOL_ERROR   its server broke the protocol, or its result does not fit into what is
                             left of GMAN_RESULT_BYTES_MAX
       GMAN_UNREACHABLE      no server could be reached to give it to
       GMAN_DEADLINE, GMAN_CANCELLED, GMAN_NO_SERVERS   as for the call */
  gman_status status;
  int sent;             /* 0: it certainly was not run, so that it may be submitted again */
  gman_bytes data;      /* foreground: the bytes of WORK_DATA and WORK_COMPLETE, in order */
  gman_bytes warning;   /* WORK_WARNING bytes, one after the other, each ended by a line feed */
  gman_bytes exception; /* any bytes; cut where GMAN_RESULT_BYTES_MAX is reached */
  const char* message;  /* as gman_error_data's: one line, empty when `status` is GMAN_OK */
  const char* hint;     /* may be empty, never NULL */
} gman_job_outcome;

typedef enum gman_query_kind {
  GMAN_QUERY_PING = 0,      /* what gman_start_ping() asks; `text` is empty */
  GMAN_QUERY_STATUS,        /* what gman_start_status() asks; `text` is the handle */
  GMAN_QUERY_STATUS_UNIQUE, /* the status of a job by its unique, which is `text`. A server that
                               does not know GET_STATUS_UNIQUE ends the call with GMAN_SERVER_ERROR,
                               and gearmand leaves a unique of 64 bytes without an answer */
  GMAN_QUERY_ADMIN /* `text` is an admin command as "status" or "cancel job H:box:7", on one
                      line without its end. The result's data is the answer: rows that each
                      end with a line feed, without the "." after them, or one line without
                      its end. An answer that begins with ERR is in the data as well, and
                      the call ends with GMAN_SERVER_ERROR */
} gman_query_kind;

/* A question to a job server. */
typedef struct gman_query {
  int kind; /* a gman_query_kind */
  /* 1 to gman_server_count(): this server of the list alone, whether it failed lately or not. 0:
     those of the list are tried in turn until one answers. */
  size_t server;
  gman_bytes text;
  int32_t deadline_ms; /* overrides the settings' deadline when not 0 */

  /* Came later. For each server that is tried, when not 0: bounds the settings' connect_timeout_ms
     and answer_timeout_ms, so that the deadline does not find the call at the first of several
     servers that are silent. */
  int32_t server_timeout_ms;
} gman_query;

/* What a client knows of a server of its list, without asking anyone. */
typedef struct gman_server_data {
  const char* name;       /* as the list names it */
  int connected;          /* not 0: there is a connection to it, which may have ended unnoticed */
  int32_t cooling_off_ms; /* it failed, and is left alone for so much longer; 0: it is not */
  const char* last_error; /* why it failed last; empty when it never did, or has answered since */
} gman_server_data;

/* What a client has done since it was made. Calls that ran out of memory, and jobs that were
   refused for their arguments, are not counted. */
typedef struct gman_counters {
  uint64_t connections; /* made */
  uint64_t jobs_sent;   /* that a server acknowledged by a handle */
  uint64_t jobs_failed; /* that did not end well, whether they were sent or not: a background job
                           that has no handle, a foreground job that was not completed */
} gman_counters;

/* What is known when a call has ended with GMAN_OK (and, in part, when it failed). */
typedef struct gman_result_data {
  gman_bytes handle;  /* as the server named the job; empty before JOB_CREATED */
  gman_bytes data;    /* foreground: the bytes of WORK_DATA and WORK_COMPLETE, in order */
  gman_bytes warning; /* WORK_WARNING bytes, one after the other, each ended by a line feed */
  const char* server; /* the server that answered, as the list names it; NULL when none did */
  uint32_t numerator, denominator; /* the last WORK_STATUS, also while the call still runs; of
                                      many foreground jobs how many have ended, and all */
  int known, running;              /* gman_start_status(): what STATUS_RES said */
  double elapsed_ms;               /* from start to end */
  double round_trip_ms;            /* gman_start_ping(): the echo alone, without connecting */

  uint32_t clients; /* came later. GMAN_QUERY_STATUS_UNIQUE: how many wait for the job */
} gman_result_data;

typedef struct gman_error_data {
  gman_status status;
  const char* message; /* what failed, where, for how long it was tried; UTF-8, one line */
  const char* hint;    /* what to do about it; may be empty, never NULL */
} gman_error_data;

/* "0.1.0". A constant. Not named gman_version: the SQL function of that name is a C symbol of the
   same name, with other arguments, in the shared object that a database server loads. */
const char* gman_library_version(void);

/* "GMAN_UNREACHABLE" and so on. A constant. */
const char* gman_status_name(gman_status status);

void gman_settings_default(gman_settings* settings);

/* Checks the text of a server list without opening anything. GMAN_OK, or GMAN_INVALID_ARGUMENT with
   a one-line reason in `message` (always ended by NUL, at most `message_bytes`). */
gman_status gman_servers_check(const char* servers, char* message, size_t message_bytes);

/* Whether every server of one list is in another, however each writes it. As above; names are
   compared, not looked up. */
gman_status gman_servers_within(const char* servers, const char* allowed, char* message,
                                size_t message_bytes);

/* A new client that opens nothing yet, but owns one epoll descriptor. NULL with the reason in
   `message` when the settings are wrong or descriptors or memory have run out. */
gman_client* gman_client_new(const gman_settings* settings, char* message, size_t message_bytes);

/* Ends a running call as gman_cancel_call() does, closes everything. NULL is allowed. */
void gman_client_free(gman_client* client);

/* Replaces settings between calls. Connections to servers that stay in the list are kept. */
gman_status gman_client_configure(gman_client* client, const gman_settings* settings);

/* Checks a job as gman_start_job() does, with the client's limits, and sends nothing: GMAN_OK, or
   GMAN_INVALID_ARGUMENT with the reason in gman_error_get(). */
gman_status gman_job_check(gman_client* client, const gman_job* job);

/* Start a call: GMAN_AGAIN, or how it ended at once. GMAN_INTERNAL_ERROR while one is running. */
gman_status gman_start_job(gman_client* client, const gman_job* job);

/* Many jobs that have all but unique and workload in common. `common` says function, priority,
   background and deadline_ms, for background jobs also unique_mode and run_at_ms; its unique and
   workload are empty.

   In the background they are submitted by as few packets as the server allows. GMAN_OK: the server
   answered each of them, if only by a refusal. After any other end the jobs that were answered
   before it are known, and the message says what is known of the others.

   In the foreground they are run over one connection, `jobs_in_flight` at a time, by all workers of
   that server that are free, and end in any order. GMAN_OK: each of them was completed, failed,
   raised an exception or was refused. After any other end, too, each job has an outcome of its own
   (but none after GMAN_INVALID_ARGUMENT and GMAN_OUT_OF_MEMORY), and none hides another's: when a
   server goes away, the jobs that it has are lost, and those that were not sent yet go to the next
   one; the call then ends with GMAN_CONNECTION_LOST. Jobs of one call with the same unique are one
   job, sent once, and share its outcome ("-" is the unique that is made of the workload, as on the
   server).

   See gman_job_outcomes(). */
gman_status gman_start_jobs(gman_client* client, const gman_job* common, const gman_job_part* parts,
                            size_t count);
gman_status gman_start_status(gman_client* client, gman_bytes handle);
gman_status gman_start_ping(gman_client* client);

/* The same questions and some more, to any server or to one. Admin commands have a connection of
   their own, which is closed after the answer: the text has no length, so where it ends is told by
   its content, which is made of names that others chose, and nothing that might come after it may
   be taken for an answer about a job. */
gman_status gman_start_query(gman_client* client, const gman_query* query);

/* The descriptor to wait on, for reading: an epoll descriptor that stands for every socket and
   name look-up of this client. The same one for the client's whole life. */
int gman_fd(const gman_client* client);

/* At most so long may be waited before gman_step() must be called again; -1: no limit. */
int gman_timeout_ms(const gman_client* client);

/* Does what can be done without waiting. */
gman_status gman_step(gman_client* client);

/* What the last call brought. Valid until the next start, configure or free. */
const gman_result_data* gman_result(const gman_client* client);

/* After gman_start_jobs() has ended: one outcome for each of the first `*count` jobs, in their
   order; of foreground jobs for all. Valid as gman_result() is. NULL and 0 for other calls. */
const gman_job_outcome* gman_job_outcomes(const gman_client* client, size_t* count);

/* Why the last call failed; status GMAN_OK and an empty message when it did not. */
const gman_error_data* gman_error_get(const gman_client* client);

/* Ends a running call now. A connection in the middle of a reply is closed, since what is still to
   come on it belongs to nobody, and so that the server drops the foreground jobs that wait. Does
   nothing when no call is running. */
void gman_cancel_call(gman_client* client); /* not gman_cancel, as with gman_version */

/* How many servers the list names. */
size_t gman_server_count(const gman_client* client);

/* What is known of server 1 to gman_server_count(), without any I/O, also while a call runs.
   GMAN_OK or, when there is no such server, GMAN_INVALID_ARGUMENT. */
gman_status gman_server_get(const gman_client* client, size_t server, gman_server_data* data);

gman_counters gman_counters_get(const gman_client* client);

#ifdef __cplusplus
}
#endif

#endif
