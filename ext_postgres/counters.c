/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman_delivery_counters(), behind the view gman_deliveries: what became of this session's
 * background jobs. Numbers of what happened do not go back in a rollback.
 */
#include "ext_postgres/glue.h"

#include <funcapi.h>
#include <utils/builtins.h>

typedef struct Counters {
  int64 sent, failed, dropped;
} Counters;

static Counters counters[DELIVERY_COUNT];

void count_sent(Delivery delivery, int64 jobs) {
  counters[delivery].sent += jobs;
}

void count_failed(Delivery delivery, int64 jobs) {
  counters[delivery].failed += jobs;
}

void count_dropped(Delivery delivery, int64 jobs) {
  counters[delivery].dropped += jobs;
}

PG_FUNCTION_INFO_V1(pg_gman_delivery_counters);

Datum pg_gman_delivery_counters(PG_FUNCTION_ARGS) {
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* rows = (ReturnSetInfo*)fcinfo->resultinfo;
  for (int which = 0; which < DELIVERY_COUNT; which++) {
    const Counters* row = &counters[which];
    Datum values[] = {CStringGetTextDatum(delivery_name((Delivery)which)), Int64GetDatum(row->sent),
                      Int64GetDatum(row->failed), Int64GetDatum(row->dropped)};
    bool nulls[lengthof(values)] = {false};
    tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
  }
  return (Datum)0;
}
