/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a trigger was told, made once a statement (trigger.c), and what it makes of a row
 * (trigger_row.c).
 */
#pragma once

#include "ext_postgres/glue.h"

#include <commands/trigger.h>
#include <executor/tuptable.h>

/* What a job's workload is: a column's text, or #pk, #row or #diff. */
typedef enum What { WHAT_COLUMN, WHAT_PK, WHAT_ROW, WHAT_DIFF } What;

/* A column and the functions that write it. */
typedef struct Column {
  int number;
  FmgrInfo output;  /* as psql shows it */
  FmgrInfo to_json; /* for #diff only */
} Column;

typedef struct TriggerPlan {
  What what;
  gman_bytes function;
  JobOptions options;
  const char* table;       /* schema.table, quoted where SQL would */
  const char* column_name; /* schema.table.column, for WHAT_COLUMN */
  Column* column;          /* for WHAT_COLUMN */
  Column* key;             /* the primary key's columns, in its order */
  int key_count;           /* 0: the table has none */
  Column* all;             /* for WHAT_DIFF: every column */
  int all_count;
} TriggerPlan;

/* trigger_row.c */

/* Reads "column", "#pk", "#row" or "#diff" and prepares for rows of the trigger's table. */
void trigger_row_prepare(TriggerPlan* plan, const TriggerData* data, const char* what);

/* The workload for a row that was inserted (`before` is NULL), deleted (`after` is NULL) or
   updated. False: there is nothing to send. */
bool trigger_row_workload(const TriggerPlan* plan, TupleTableSlot* before, TupleTableSlot* after,
                          gman_bytes* workload);

/* The unique of its job; empty for none. */
gman_bytes trigger_row_unique(const TriggerPlan* plan, TupleTableSlot* row, gman_bytes workload);
