/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the files of the extension share: PostgreSQL's headers, the differences between its major
 * versions, and the few functions that more than one file calls.
 *
 * The extension is C because PostgreSQL's errors are long jumps, which run no C++ destructors. All
 * knowledge of the protocol is C++ behind <gman/gman.h>, which neither throws nor calls back, so
 * no jump ever crosses a C++ frame.
 *
 *   SQL function  do.c, do_many.c, aggregate.c, ask.c, ping.c, version.c, settings.c, trigger.c
 *   its options   options.c: jsonb to what they mean
 *   a job's way   deliver.c: now, at COMMIT (at_commit.c), by the outbox (outbox.c; those of rows
 *                 together, outbox_soon.c), or into this session's memory (recorded.c)
 *   many at once  foreground.c: those that are waited for; batches.c: those that are not
 *   a call        call.c: start it, wait for it by the latch, end it on every way out
 *                 (waiting.c: what a process waits for)
 *   its client    client.c: one for the life of the backend, as the settings say
 *   its failure   error.c: a status of the library as an SQLSTATE
 *   the relay     relay.h: processes of the server's own that ship the outbox
 */
#pragma once

#include <postgres.h>

#include <datatype/timestamp.h>
#include <fmgr.h>
#include <gman/gman.h>
#include <lib/ilist.h>
#include <portability/instr_time.h>
#include <utils/guc.h>
#include <utils/jsonb.h>
#if PG_VERSION_NUM >= 160000
#include <varatt.h>
#endif

#if PG_VERSION_NUM < 150000
#error "gman needs PostgreSQL 15 or later"
#endif

/* How a background job leaves the session. */
typedef enum Delivery { DELIVERY_IMMEDIATE, DELIVERY_COMMIT, DELIVERY_OUTBOX } Delivery;
#define DELIVERY_COUNT 3

/* Background jobs that have all but unique and workload in common: as many as one packet holds, so
   at most GMAN_JOBS_MAX with GMAN_WORKLOAD_BYTES_MAX bytes. */
typedef struct JobBatch {
  gman_job common;
  gman_job_part* parts;
  size_t count;
} JobBatch;

/* settings.c */

/* What a background job that cannot be sent is. */
typedef enum OnError { ON_ERROR_ERROR, ON_ERROR_WARNING, ON_ERROR_OUTBOX } OnError;

/* Whether anything is sent at all. */
typedef enum Enabled { ENABLED_ON, ENABLED_OFF, ENABLED_RECORD } Enabled;

void settings_define(void);

/* The check hook of a list of job servers. */
bool settings_check_servers(char** new_value, void** extra, GucSource source);

/* The settings as they are now. `servers` points into them: use it before anything else runs. */
void settings_read(gman_settings* settings);

/* Another number each time that a setting of the client has changed. */
uint64 settings_generation(void);

/* Raises when gman.allowed_servers does not name each of these. */
void settings_check_allowed(const char* servers);

Delivery settings_delivery(void);
OnError settings_on_error(void);
Enabled settings_enabled(void);
int settings_deadline_ms(void);
int settings_commit_budget_ms(void);
int settings_commit_jobs_max(void);
uint32 settings_workload_bytes_max(void);

/* "immediate" and so on. A constant. */
const char* delivery_name(Delivery delivery);
bool delivery_parse(const char* name, Delivery* delivery);

/* client.c */

/* This backend's client, configured as the settings are now. Raises in a parallel worker. */
gman_client* client_get(void);

/* waiting.c */

/* The process's latch, the postmaster's death and this descriptor. Lives until it is freed. */
struct WaitEventSet* waiting_set_new(int fd);

/* `known` is kept by the caller, 0 at first. */
uint32 waiting_event(uint32* known, const char* name);

/* call.c */

/* Makes a call and waits for its end, which is a good one: everything else is raised. The result
   belongs to the client: use it before the next call. */
const gman_result_data* call_job(const gman_job* job);
const gman_result_data* call_ping(void);

/* The same for whoever goes on after a failure: only an interrupt and settings that are wrong are
   raised, any other end is returned. */
gman_status call_try_job(const gman_job* job);
gman_status call_try_query(const gman_query* query);

/* Looks for a server that answers, for so long at most, whatever the settings allow to a call. */
gman_status call_try_ping(int32 total_ms);

/* Runs jobs in the foreground: gman_job_outcomes() says what came of each. */
gman_status call_try_foreground(const JobBatch* batch);

/* Sends a batch. GMAN_OK: the server answered each job, if only by a refusal; how many it has
   accepted is told in any case. To a server that does not know unique_mode the jobs go without
   uniques, which the parts have lost then. */
gman_status call_try_batch(JobBatch* batch, size_t* accepted);

/* A time that several calls share. */
typedef struct Countdown {
  instr_time start;
  int32 total_ms; /* 0: without limit */
} Countdown;

/* From now on. */
Countdown countdown_start(int32 total_ms);

bool countdown_is_over(const Countdown* countdown);

/* The deadline of the next call: what is left, and at least 1; 0 without limit. */
int32 countdown_left_ms(const Countdown* countdown);

/* The job's own deadline, or that of the settings; 0: none. */
int32 call_deadline_ms(const gman_job* job);

/* Raises what gman_start_job() would refuse to send. */
void call_check(const gman_job* job);

/* The same for a job that is to be part of a batch. */
void call_check_in_batch(const gman_job* job);

/* error.c */

/* Raises what ended the client's last call. `job` may be NULL. */
_Noreturn void raise_failure(gman_client* client, const gman_job* job);

/* Raises what ended one of many jobs badly. */
_Noreturn void raise_outcome(const gman_job_outcome* outcome, size_t number, size_t count);

/* Tells what ended it, at a level such as WARNING. */
void report_failure(int level, gman_client* client, const gman_job* job);

/* Whether a call ended so for reasons that lie outside of the request. */
bool is_failure_of_the_way(gman_status status);

/* Raises the warnings that a worker sent, if it sent any. */
void raise_warnings(const gman_result_data* result, const gman_job* job);

/* options.c */

/* What the options of a call or of a trigger say; what they leave out keeps its value. */
typedef struct JobOptions {
  Delivery delivery;
  gman_priority priority;
  int64 run_at_ms; /* 0: now */
  int32 deadline_ms;
  bool has_unique;   /* of triggers: whether their jobs coalesce */
  bool only_changed; /* of triggers: whether an UPDATE must change the workload */
} JobOptions;

typedef enum OptionsOf { OPTIONS_OF_CALL, OPTIONS_OF_CALL_AT, OPTIONS_OF_TRIGGER } OptionsOf;
#define OPTIONS_OF_COUNT 3

/* Raises, naming the key, what is no option or has a value of another type; and a deadline for a
   delivery in which the call does not wait for a server. */
void options_read(Jsonb* jsonb, OptionsOf whose, JobOptions* options);

/* Milliseconds since 1970, or 0 for what is not in the future; raises what is no time. */
int64 options_run_at_ms(TimestampTz run_at);

TimestampTz options_time_of_ms(int64 run_at_ms);

/* "high" and so on. A constant. */
const char* priority_name(gman_priority priority);

/* A deadline in milliseconds; raises what is not longer than zero. */
int32 options_deadline_ms(const Interval* interval);

/* deliver.c */

/* Brings a background job on its way, and returns its handle (immediate) or its unique; NULL when
   gman.enabled or gman.on_error have it that nothing was sent. */
text* deliver_job(gman_job* job, Delivery delivery);

/* The same for a batch, of which nobody asks what its jobs are called. */
void deliver_batch(JobBatch* batch, Delivery delivery);

/* Runs a foreground job. NULL when gman.enabled has it that nothing is sent. */
const gman_result_data* deliver_foreground(const gman_job* job);

/* foreground.c */

/* What has come of the job at that place, the first being 0. Its bytes are the client's. */
typedef void (*TakeOutcome)(void* taker, size_t place, const gman_job_outcome* outcome);

/* Runs jobs that have all but unique and workload in common, and hands over what came of each in
   their order. Raises what is wrong with one, and when none could be sent. False: gman.enabled has
   it that nothing is sent. */
bool foreground_run(const gman_job* common, gman_job_part* parts, size_t count, TakeOutcome take,
                    void* taker);

/* at_commit.c */

/* Keeps a job until COMMIT sends it. */
void at_commit_add(const gman_job* job);

/* outbox.c */

/* Puts a job into gman.outbox and returns its unique; raises when there is no outbox. */
text* outbox_put(const gman_job* job);
void outbox_put_batch(const JobBatch* batch);
bool outbox_exists(void);

/* InvalidOid: there is none. */
Oid outbox_table(void);
/* Raises when there is none. */
Oid owner_of_outbox(void);

/* outbox_soon.c */

/* To be called when the library is loaded. */
void outbox_soon_hook(void);

/* Puts jobs of rows into the outbox, by the end of the statement that changes the rows. */
void outbox_soon_put(const JobBatch* batch);

/* Inserts what waits for the end of the statement, if it may be inserted here. */
void outbox_soon_flush(void);

/* recorded.c */

/* Keeps a job for this session to look at, in place of sending it. */
void record_job(const gman_job* job, Delivery delivery);

/* counters.c */

/* What this session's background jobs came to, by delivery. */
void count_sent(Delivery delivery, int64 jobs);
void count_failed(Delivery delivery, int64 jobs);
void count_dropped(Delivery delivery, int64 jobs);

/* job_list.c */

/* A job that belongs to a subtransaction until the transaction has ended. */
typedef struct HeldJob {
  dlist_node node;
  SubTransactionId subtransaction; /* InvalidSubTransactionId: none, a rollback leaves it alone */
  Delivery delivery;
  gman_job job; /* its bytes follow the struct */
} HeldJob;

/* Jobs in the order in which they were asked for, in a memory context of their own. */
typedef struct JobList {
  MemoryContext context;
  dlist_head jobs;
  int64 count;
} JobList;

void job_list_add(JobList* list, const gman_job* job, Delivery delivery, SubTransactionId owner);

/* A subtransaction has ended well: its jobs are its parent's. */
void job_list_hand_over(JobList* list, SubTransactionId from, SubTransactionId to);

/* It was rolled back: its jobs never were. Returns how many. */
int64 job_list_drop(JobList* list, SubTransactionId owner);

/* Forgets all jobs and their memory. */
void job_list_clear(JobList* list);

/* batches.c */

/* The list's jobs, in as few batches as there can be. They live as long as its memory. */
JobBatch* job_list_batches(JobList* list, size_t* batch_count);

/* text.c */

/* Raises when an argument is NULL. */
void check_not_null(FunctionCallInfo fcinfo, int number, const char* name);

/* The bytes of a text or bytea argument; raises when it is NULL. */
gman_bytes text_argument(FunctionCallInfo fcinfo, int number, const char* name);

/* The bytes of a C string. */
gman_bytes bytes_of(const char* string);

/* Whether the database's encoding allows these bytes as a text. */
bool is_text(gman_bytes bytes);

/* A text made of bytes that are `what`; raises when the database's encoding does not allow them. */
text* text_from_bytes(gman_bytes bytes, const char* what);

/* A bytea, or a text that is known to be one. */
text* varlena_from_bytes(gman_bytes bytes);

/* Bytes for a message: cut when long, and what the database's encoding does not allow is replaced,
   so that telling of one failure never ends in another. */
char* printable(gman_bytes bytes);
