/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The relay's core for a process that PostgreSQL owns: C in, C out, as gman.h is for calls.
 *
 * It has the job servers' sockets, behind one descriptor, and the rules. The database is its
 * caller's: relay_engine_ask() says which statement is to be run next, and what that came to is
 * told by relay_engine_row(), and relay_engine_done() or relay_engine_failed(). Nothing throws,
 * waits or calls back, so no long jump ever crosses a C++ frame.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct relay_engine relay_engine;

/* A text or bytes; no data: NULL. */
typedef struct relay_cell {
  const char* data;
  size_t size;
} relay_cell;

/* One statement, in a transaction of its own. Its parameters are texts in UTF-8, and so are the
   cells of its rows; a bytea goes as its bytes. */
typedef struct relay_statement {
  const char* purpose; /* for whoever looks at what the process does */
  const char* sql;
  const relay_cell* parameters;
  size_t count;
} relay_statement;

/* What happened, for the log. */
typedef struct relay_event {
  bool is_warning;
  const char* text;
} relay_event;

typedef struct relay_counters {
  uint64_t leased, delivered, returned, died, under_way;
} relay_counters;

/* What a session is to have set: name and value; NULL for the name ends them. */
const char* relay_engine_setting(size_t number, const char** value);

/* `relay` is the uuid under which rows are leased. NULL, with the reason, when it cannot be. */
relay_engine* relay_engine_new(const char* servers, const char* relay, char* reason,
                               size_t reason_bytes);
void relay_engine_free(relay_engine* engine);

/* Readable when a step is due, as it is after the timeout; -1: none. */
int relay_engine_fd(const relay_engine* engine);
int relay_engine_timeout_ms(relay_engine* engine);

/* Goes on with servers and timers as far as possible. */
void relay_engine_step(relay_engine* engine);

/* The statement to be run now; NULL: none. It lives until it is answered. */
const relay_statement* relay_engine_ask(relay_engine* engine);
void relay_engine_row(relay_engine* engine, const relay_cell* cells, size_t count);
void relay_engine_done(relay_engine* engine);
void relay_engine_failed(relay_engine* engine, const char* reason);

/* Somebody has committed rows. */
void relay_engine_wake(relay_engine* engine);

/* Leases no more, and gives back what does not end in time; then it is over. */
void relay_engine_stop(relay_engine* engine);
bool relay_engine_is_over(const relay_engine* engine);

/* Why it can go no further, an error of its own; NULL: it can. */
const char* relay_engine_broken(const relay_engine* engine);

/* The next event, which lives until the call after; false: there is none. */
bool relay_engine_event(relay_engine* engine, relay_event* event);
relay_counters relay_engine_counters(const relay_engine* engine);

#ifdef __cplusplus
}
#endif
