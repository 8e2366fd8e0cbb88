/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman_outbox_install(): what sql/postgres/outbox.sql does, from within SQL. The script is compiled
 * in, so that it fits the library wherever its files lie. It runs with the rights of the caller,
 * and what it makes is no member of the extension: DROP EXTENSION must not drop unsent jobs.
 */
#include "ext_postgres/glue.h"

#include <executor/spi.h>

static const char script[] =
#include "outbox_sql.inc"
    ;

PG_FUNCTION_INFO_V1(pg_gman_outbox_install);

Datum pg_gman_outbox_install(PG_FUNCTION_ARGS) {
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  int done = SPI_execute(script, false, 0);
  if (done < 0) elog(ERROR, "could not run the outbox's script: %s", SPI_result_code_string(done));
  SPI_finish();
  PG_RETURN_VOID();
}
