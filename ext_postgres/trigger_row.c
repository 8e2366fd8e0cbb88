/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A row as a workload:
 *
 *   column   its text, as the session would show it; a NULL sends nothing
 *   #pk      the primary key: its text, or of several columns a JSON array of their texts
 *   #row     a JSON object, as row_to_json() makes it
 *   #diff    {"op": "update", "key": {…}, "old": {…}, "new": {…}}, where old and new have what has
 *            changed; an UPDATE that changes nothing sends nothing
 *
 * and the unique of its job. A job may join another that no worker has taken only if that one does
 * the same: #pk jobs of one row do, since their worker reads the row when it runs, and so do jobs
 * of one row with one value. What #row and #diff say is of the moment, so each is a job of its own.
 */
#include "ext_postgres/trigger.h"

#include <access/htup_details.h>
#include <catalog/pg_index.h>
#include <catalog/pg_type.h>
#include <executor/spi.h>
#include <lib/stringinfo.h>
#include <nodes/makefuncs.h>
#include <utils/builtins.h>
#include <utils/fmgroids.h>
#include <utils/fmgrprotos.h>
#include <utils/json.h>
#include <utils/lsyscache.h>
#include <utils/rel.h>
#include <utils/syscache.h>

static Column column_of(TupleDesc description, int number) {
  Column column = {.number = number};
  Oid output;
  bool is_varlena;
  getTypeOutputInfo(TupleDescAttr(description, number - 1)->atttypid, &output, &is_varlena);
  fmgr_info(output, &column.output);
  return column;
}

/* to_json() asks the expression that it is called from for the type of its argument. */
static void prepare_json(Column* column, TupleDesc description) {
  Form_pg_attribute attribute = TupleDescAttr(description, column->number - 1);
  Const* argument =
      makeNullConst(attribute->atttypid, attribute->atttypmod, attribute->attcollation);
  FuncExpr* call = makeFuncExpr(F_TO_JSON, JSONOID, list_make1(argument), InvalidOid, InvalidOid,
                                COERCE_EXPLICIT_CALL);
  fmgr_info(F_TO_JSON, &column->to_json);
  fmgr_info_set_expr((Node*)call, &column->to_json);
}

static void prepare_key_of(TriggerPlan* plan, TupleDesc description, Form_pg_index index) {
  plan->key_count = index->indnkeyatts;
  plan->key = palloc0(sizeof(Column) * (Size)plan->key_count);
  for (int i = 0; i < plan->key_count; i++) {
    plan->key[i] = column_of(description, index->indkey.values[i]);
    if (plan->what == WHAT_DIFF) prepare_json(&plan->key[i], description);
  }
}

static void prepare_key(TriggerPlan* plan, Relation table) {
  ListCell* cell;
  foreach (cell, RelationGetIndexList(table)) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
    if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for an index");
    Form_pg_index index = (Form_pg_index)GETSTRUCT(tuple);
    if (index->indisprimary) prepare_key_of(plan, RelationGetDescr(table), index);
    ReleaseSysCache(tuple);
  }
}

static void prepare_all(TriggerPlan* plan, TupleDesc description) {
  plan->all = palloc0(sizeof(Column) * (Size)description->natts);
  for (int number = 1; number <= description->natts; number++) {
    if (TupleDescAttr(description, number - 1)->attisdropped) continue;
    Column* column = &plan->all[plan->all_count++];
    column->number = number;
    prepare_json(column, description);
  }
}

static void prepare_column(TriggerPlan* plan, const TriggerData* data, const char* name) {
  TupleDesc description = RelationGetDescr(data->tg_relation);
  int number = SPI_fnumber(description, name);
  if (number <= 0)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("column \"%s\" of relation \"%s\" does not exist", name,
                           RelationGetRelationName(data->tg_relation)),
                    errdetail("Trigger \"%s\" names it.", data->tg_trigger->tgname)));
  plan->column_name = psprintf("%s.%s", plan->table, quote_identifier(name));
  plan->column = palloc(sizeof(Column));
  *plan->column = column_of(description, number);
}

static What what_of(const char* name) {
  if (strcmp(name, "#pk") == 0) return WHAT_PK;
  if (strcmp(name, "#row") == 0) return WHAT_ROW;
  if (strcmp(name, "#diff") == 0) return WHAT_DIFF;
  return WHAT_COLUMN;
}

void trigger_row_prepare(TriggerPlan* plan, const TriggerData* data, const char* what) {
  Relation table = data->tg_relation;
  plan->what = what_of(what);
  plan->table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
                                           RelationGetRelationName(table));
  prepare_key(plan, table);
  switch (plan->what) {
    case WHAT_COLUMN: return prepare_column(plan, data, what);
    case WHAT_PK:
      if (plan->key_count > 0) return;
      ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                      errmsg("table %s has no primary key for trigger \"%s\" to send", plan->table,
                             data->tg_trigger->tgname)));
    case WHAT_ROW: return;
    case WHAT_DIFF: return prepare_all(plan, RelationGetDescr(table));
  }
}

/* NULL for NULL. */
static char* text_of(Column* column, TupleTableSlot* row) {
  bool is_null;
  Datum value = slot_getattr(row, column->number, &is_null);
  return is_null ? NULL : OutputFunctionCall(&column->output, value);
}

static char* json_of(Column* column, TupleTableSlot* row) {
  bool is_null;
  Datum value = slot_getattr(row, column->number, &is_null);
  if (is_null) return "null";
  return TextDatumGetCString(FunctionCall1(&column->to_json, value));
}

/* The columns of a primary key are never NULL. */
static char* key_text(const TriggerPlan* plan, TupleTableSlot* row) {
  if (plan->key_count == 1) return text_of(&plan->key[0], row);
  StringInfoData json;
  initStringInfo(&json);
  for (int i = 0; i < plan->key_count; i++) {
    appendStringInfoString(&json, i == 0 ? "[" : ",");
    escape_json(&json, text_of(&plan->key[i], row));
  }
  appendStringInfoChar(&json, ']');
  return json.data;
}

static char* row_json(TupleTableSlot* row) {
  return TextDatumGetCString(DirectFunctionCall1(row_to_json, ExecFetchSlotHeapTupleDatum(row)));
}

static void append_member(StringInfo object, TupleDesc description, const Column* column,
                          const char* json) {
  if (object->len > 0) appendStringInfoChar(object, ',');
  escape_json(object, NameStr(TupleDescAttr(description, column->number - 1)->attname));
  appendStringInfo(object, ":%s", json);
}

static const char* operation(TupleTableSlot* before, TupleTableSlot* after) {
  if (before == NULL) return "insert";
  return after == NULL ? "delete" : "update";
}

/* NULL: nothing has changed. */
static char* diff_json(const TriggerPlan* plan, TupleTableSlot* before, TupleTableSlot* after) {
  TupleTableSlot* row = after != NULL ? after : before;
  TupleDesc description = row->tts_tupleDescriptor;
  StringInfoData key, old, new;
  initStringInfo(&key);
  initStringInfo(&old);
  initStringInfo(&new);
  for (int i = 0; i < plan->key_count; i++)
    append_member(&key, description, &plan->key[i], json_of(&plan->key[i], row));
  for (int i = 0; i < plan->all_count; i++) {
    Column* column = &plan->all[i];
    const char* was = before != NULL ? json_of(column, before) : NULL;
    const char* is = after != NULL ? json_of(column, after) : NULL;
    if (was != NULL && is != NULL && strcmp(was, is) == 0) continue;
    if (was != NULL) append_member(&old, description, column, was);
    if (is != NULL) append_member(&new, description, column, is);
  }
  if (old.len == 0 && new.len == 0) return NULL;
  return psprintf("{\"op\":\"%s\",\"key\":{%s},\"old\":{%s},\"new\":{%s}}",
                  operation(before, after), key.data, old.data, new.data);
}

/* What one state of a row says, by all but #diff; NULL for nothing. */
static char* state_text(const TriggerPlan* plan, TupleTableSlot* row) {
  switch (plan->what) {
    case WHAT_COLUMN: return text_of(plan->column, row);
    case WHAT_PK: return key_text(plan, row);
    case WHAT_ROW: return row_json(row);
    case WHAT_DIFF: break;
  }
  return NULL;
}

static bool is_same(const char* one, const char* other) {
  return one != NULL && other != NULL && strcmp(one, other) == 0;
}

bool trigger_row_workload(const TriggerPlan* plan, TupleTableSlot* before, TupleTableSlot* after,
                          gman_bytes* workload) {
  char* says;
  if (plan->what == WHAT_DIFF) {
    says = diff_json(plan, before, after);
  } else {
    says = state_text(plan, after != NULL ? after : before);
    bool is_update = before != NULL && after != NULL;
    if (plan->options.only_changed && is_update && is_same(says, state_text(plan, before)))
      return false;
  }
  if (says == NULL) return false;
  *workload = bytes_of(says);
  return true;
}

/* A unique that is too long is hashed, never cut: two rows must not become one. */
static gman_bytes fitting(const char* unique) {
  gman_bytes bytes = bytes_of(unique);
  if (bytes.size <= GMAN_UNIQUE_BYTES_MAX) return bytes;
  Datum hash = DirectFunctionCall1(sha256_bytea, PointerGetDatum(varlena_from_bytes(bytes)));
  Datum hex = DirectFunctionCall2(binary_encode, hash, CStringGetTextDatum("hex"));
  return bytes_of(TextDatumGetCString(hex));
}

/* No two rows, and no two tables or columns, have the same: names are quoted where they must be,
   and where a key ends and a text begins is told by the key's length in bytes. */
gman_bytes trigger_row_unique(const TriggerPlan* plan, TupleTableSlot* row, gman_bytes workload) {
  gman_bytes none = {.data = NULL, .size = 0};
  if (!plan->options.has_unique || plan->key_count == 0) return none;
  switch (plan->what) {
    case WHAT_PK: return fitting(psprintf("%s:%s", plan->table, workload.data));
    case WHAT_COLUMN: {
      const char* key = key_text(plan, row);
      return fitting(psprintf("%s:%zu:%s:%s", plan->column_name, strlen(key), key, workload.data));
    }
    case WHAT_ROW:
    case WHAT_DIFF: break;
  }
  return none;
}
