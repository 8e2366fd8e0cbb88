/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the files of the extension share: PostgreSQL's headers, the differences between its major
 * versions, and the few functions that more than one file calls.
 *
 * The extension is C because PostgreSQL's errors are long jumps, which run no C++ destructors. All
 * knowledge of the protocol is C++ behind <gman/gman.h>, which neither throws nor calls back, so
 * no jump ever crosses a C++ frame.
 *
 *   SQL function  do.c, ping.c, version.c, settings.c, trigger.c
 *   a call        call.c: start it, wait for it by the latch, end it on every way out
 *   its client    client.c: one for the life of the backend, as the settings say
 *   its failure   error.c: a status of the library as an SQLSTATE
 */
#pragma once

#include <postgres.h>

#include <fmgr.h>
#include <gman/gman.h>
#if PG_VERSION_NUM >= 160000
#include <varatt.h>
#endif

#if PG_VERSION_NUM < 150000
#error "gman needs PostgreSQL 15 or later"
#endif

/* settings.c */

void settings_define(void);

/* The settings as they are now. `servers` points into them: use it before anything else runs. */
void settings_read(gman_settings* settings);

/* Another number each time that a setting has changed. */
uint64 settings_generation(void);

/* client.c */

/* This backend's client, configured as the settings are now. Raises in a parallel worker. */
gman_client* client_get(void);

/* call.c */

/* Makes a call and waits for its end, which is a good one: everything else is raised. The result
   belongs to the client: use it before the next call. */
const gman_result_data* call_job(const gman_job* job);
const gman_result_data* call_ping(void);

/* error.c */

/* Raises what ended the client's last call. `job` may be NULL. */
_Noreturn void raise_failure(gman_client* client, const gman_job* job);

/* Raises the warnings that a worker sent, if it sent any. */
void raise_warnings(const gman_result_data* result, const gman_job* job);

/* text.c */

/* The bytes of a text argument; raises when it is NULL. */
gman_bytes text_argument(FunctionCallInfo fcinfo, int number, const char* name);

/* The bytes of a C string. */
gman_bytes bytes_of(const char* string);

/* A text made of bytes that are `what`; raises when the database's encoding does not allow them. */
text* text_from_bytes(gman_bytes bytes, const char* what);

/* Bytes for a message: cut when long, and what the database's encoding does not allow is replaced,
   so that telling of one failure never ends in another. */
char* printable(gman_bytes bytes);
