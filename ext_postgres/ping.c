/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman_ping(): which job server answers, and how fast: "127.0.0.1:4730 0.091 ms".
 */
#include "ext_postgres/glue.h"

PG_FUNCTION_INFO_V1(pg_gman_ping);

Datum pg_gman_ping(PG_FUNCTION_ARGS) {
  const gman_result_data* result = call_ping();
  const char* answer = psprintf("%s %.3f ms", result->server, result->round_trip_ms);
  PG_RETURN_TEXT_P(text_from_bytes(bytes_of(answer), "the server's name"));
}
