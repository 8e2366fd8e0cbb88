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

/* Most jobs of one gman_start_jobs(); their uniques and workloads together have at most
   GMAN_WORKLOAD_BYTES_MAX bytes. */
#define GMAN_JOBS_MAX 1000

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
  GMAN_CANCELLED,        /* gman_cancel() was called */
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
  gman_bytes handle;  /* empty: it was refused */
  gman_bytes refusal; /* the server's code and text; empty: it was accepted */
} gman_job_outcome;

/* What is known when a call has ended with GMAN_OK (and, in part, when it failed). */
typedef struct gman_result_data {
  gman_bytes handle;  /* as the server named the job; empty before JOB_CREATED */
  gman_bytes data;    /* foreground: the bytes of WORK_DATA and WORK_COMPLETE, in order */
  gman_bytes warning; /* WORK_WARNING bytes, one after the other, each ended by a line feed */
  const char* server; /* the server that answered, as the list names it; NULL when none did */
  uint32_t numerator, denominator; /* the last WORK_STATUS, also while the call still runs */
  int known, running;              /* gman_start_status(): what STATUS_RES said */
  double elapsed_ms;               /* from start to end */
  double round_trip_ms;            /* gman_start_ping(): the echo alone, without connecting */
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

/* Ends a running call as gman_cancel() does, closes everything. NULL is allowed. */
void gman_client_free(gman_client* client);

/* Replaces settings between calls. Connections to servers that stay in the list are kept. */
gman_status gman_client_configure(gman_client* client, const gman_settings* settings);

/* Checks a job as gman_start_job() does, with the client's limits, and sends nothing: GMAN_OK, or
   GMAN_INVALID_ARGUMENT with the reason in gman_error_get(). */
gman_status gman_job_check(gman_client* client, const gman_job* job);

/* Start a call: GMAN_AGAIN, or how it ended at once. GMAN_INTERNAL_ERROR while one is running. */
gman_status gman_start_job(gman_client* client, const gman_job* job);

/* Submits many background jobs by as few packets as the server allows. `common` says function,
   priority, unique_mode, run_at_ms and deadline_ms; its unique and workload are empty and its
   `background` is not 0. GMAN_OK: the server answered each of them, if only by a refusal. After any
   other end the jobs that were answered before it are known, and the message says what is known of
   the others. See gman_job_outcomes(). */
gman_status gman_start_jobs(gman_client* client, const gman_job* common, const gman_job_part* parts,
                            size_t count);
gman_status gman_start_status(gman_client* client, gman_bytes handle);
gman_status gman_start_ping(gman_client* client);

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
   order. Valid as gman_result() is. NULL and 0 for other calls. */
const gman_job_outcome* gman_job_outcomes(const gman_client* client, size_t* count);

/* Why the last call failed; status GMAN_OK and an empty message when it did not. */
const gman_error_data* gman_error_get(const gman_client* client);

/* Ends a running call now. A connection in the middle of a reply is closed, since what is still to
   come on it belongs to nobody. Does nothing when no call is running. */
void gman_cancel(gman_client* client);

#ifdef __cplusplus
}
#endif

#endif
