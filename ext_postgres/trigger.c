/* SPDX-License-Identifier: BSD-3-Clause
 *
 * gman_trigger('function', 'column'): a background job for each row that a statement inserts,
 * updates or deletes. Its workload is the text of one column, the key by which the worker finds
 * the row (or finds it gone: after a DELETE the workload is the old row's).
 *
 * - AFTER, FOR EACH ROW only: before that, a later trigger may still change or drop the row.
 * - A NULL in the column sends nothing.
 * - The job carries no unique: it would also join a job that runs already and has read the row as
 *   it was, and the change would be lost.
 * - EXECUTE is checked when the trigger is created, not when it fires, and the job is submitted
 *   from here, not through SQL: who may change the table needs no grant on anything else.
 */
#include "ext_postgres/glue.h"

#include <commands/trigger.h>
#include <executor/spi.h>
#include <utils/lsyscache.h>
#include <utils/rel.h>

static void check_use(FunctionCallInfo fcinfo) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("gman_trigger can only be called as a trigger")));
  TriggerData* data = (TriggerData*)fcinfo->context;
  if (!TRIGGER_FIRED_AFTER(data->tg_event) || !TRIGGER_FIRED_FOR_ROW(data->tg_event))
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("trigger \"%s\" must be AFTER and FOR EACH ROW to use "
                           "gman_trigger",
                           data->tg_trigger->tgname)));
  if (data->tg_trigger->tgnargs != 2)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("gman_trigger takes two arguments, and trigger \"%s\" gives it %d",
                           data->tg_trigger->tgname, data->tg_trigger->tgnargs),
                    errhint("EXECUTE FUNCTION gman_trigger('function', 'column')")));
}

static int find_column(const TriggerData* data, const char* name) {
  int number = SPI_fnumber(data->tg_relation->rd_att, name);
  if (number <= 0)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("column \"%s\" of relation \"%s\" does not exist", name,
                           RelationGetRelationName(data->tg_relation)),
                    errdetail("Trigger \"%s\" names it.", data->tg_trigger->tgname)));
  return number;
}

/* The value as psql would show it; NULL for NULL. */
static char* column_text(HeapTuple row, TupleDesc description, int number) {
  bool is_null;
  Datum value = SPI_getbinval(row, description, number, &is_null);
  if (is_null) return NULL;
  Oid output_function;
  bool is_varlena;
  getTypeOutputInfo(SPI_gettypeid(description, number), &output_function, &is_varlena);
  return OidOutputFunctionCall(output_function, value);
}

PG_FUNCTION_INFO_V1(pg_gman_trigger);

Datum pg_gman_trigger(PG_FUNCTION_ARGS) {
  check_use(fcinfo);
  TriggerData* data = (TriggerData*)fcinfo->context;
  HeapTuple row = TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple;
  int column = find_column(data, data->tg_trigger->tgargs[1]);
  char* workload = column_text(row, data->tg_relation->rd_att, column);
  if (workload != NULL) {
    gman_job job = {.function = bytes_of(data->tg_trigger->tgargs[0]),
                    .workload = bytes_of(workload),
                    .background = 1};
    call_job(&job);
  }
  return PointerGetDatum(row);
}
