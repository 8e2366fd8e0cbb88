-- SPDX-License-Identifier: BSD-3-Clause
-- The objects of the extension gman. docs/POSTGRESQL.md tells how to use them.
\echo Use "CREATE EXTENSION gman" to load this file. \quit

-- Every function that talks to a job server, or writes the outbox, is
--   VOLATILE          each call is an effect of its own and may not be folded away or repeated;
--   PARALLEL UNSAFE   a parallel worker has no session whose connections it could use;
--   COST 1000         so that the planner evaluates cheaper conditions first;
--   not STRICT        a NULL function or workload is an error that names it, not a silent NULL.
-- And nobody but a superuser may call it until it is granted, since it sends data away:
-- sql/postgres/roles.sql makes roles that may. It is no part of this script, since roles belong to
-- the whole cluster: DROP EXTENSION could not take them away, a role that happens to be there
-- already must not gain rights unasked, and pg_dump keeps grants only if no extension made them.

-- API: Public

-- Waiting for the result -------------------------------------------------------------------------

CREATE FUNCTION gman_do(
  function text, workload text, unique_key text DEFAULT NULL, deadline interval DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_do'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do(text, text, text, interval) IS
  'Runs a job and waits for its result. Not transactional: ROLLBACK does not recall the job. '
  'Raises query_canceled (57014) at the deadline, null_value_not_allowed (22004) for a NULL '
  'function or workload.';

CREATE FUNCTION gman_do_high(
  function text, workload text, unique_key text DEFAULT NULL, deadline interval DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_do_high'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_high(text, text, text, interval) IS
  'As gman_do, before all jobs of normal and low priority.';

CREATE FUNCTION gman_do_low(
  function text, workload text, unique_key text DEFAULT NULL, deadline interval DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_do_low'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_low(text, text, text, interval) IS
  'As gman_do, after all jobs of high and normal priority.';

CREATE FUNCTION gman_do(
  function text, workload bytea, unique_key text DEFAULT NULL, deadline interval DEFAULT NULL)
RETURNS bytea AS 'MODULE_PATHNAME', 'pg_gman_do_bytea'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do(text, bytea, text, interval) IS
  'The same for bytes, and with bytes as the result, whatever the database''s encoding.';

CREATE FUNCTION gman_do_high(
  function text, workload bytea, unique_key text DEFAULT NULL, deadline interval DEFAULT NULL)
RETURNS bytea AS 'MODULE_PATHNAME', 'pg_gman_do_high_bytea'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_high(text, bytea, text, interval) IS
  'The same for bytes, before all jobs of normal and low priority.';

CREATE FUNCTION gman_do_low(
  function text, workload bytea, unique_key text DEFAULT NULL, deadline interval DEFAULT NULL)
RETURNS bytea AS 'MODULE_PATHNAME', 'pg_gman_do_low_bytea'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_low(text, bytea, text, interval) IS
  'The same for bytes, after all jobs of high and normal priority.';

CREATE FUNCTION gman_do_many(
  function text, workloads text[], deadline interval DEFAULT NULL,
  OUT number bigint, OUT result text, OUT error text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'pg_gman_do_many'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_many(text, text[], interval) IS
  'Runs a job for each workload, as many at a time as there are workers (up to 64), and returns a '
  'row for each in their order: its result, or the error that it ended with. The deadline is for '
  'all of them together. Raises what is wrong with a workload, and when none could be sent.';

-- The parts of the aggregates below, which nobody else can call: no value is of type internal.
CREATE FUNCTION gman_group_add(internal, function text, workload text)
RETURNS internal AS 'MODULE_PATHNAME', 'pg_gman_group_add'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION gman_group_add(internal, text, text) IS 'Behind gman_map and gman_sum.';
CREATE FUNCTION gman_group_add(internal, function text, workload text, unique_key text)
RETURNS internal AS 'MODULE_PATHNAME', 'pg_gman_group_add'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION gman_group_add(internal, text, text, text) IS 'Behind gman_map and gman_sum.';
CREATE FUNCTION gman_group_add(internal, function text, workload bytea)
RETURNS internal AS 'MODULE_PATHNAME', 'pg_gman_group_add'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION gman_group_add(internal, text, bytea) IS 'Behind gman_map.';
CREATE FUNCTION gman_group_map(internal)
RETURNS text[] AS 'MODULE_PATHNAME', 'pg_gman_group_map'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_group_map(internal) IS 'Behind gman_map.';
CREATE FUNCTION gman_group_map_bytea(internal)
RETURNS bytea[] AS 'MODULE_PATHNAME', 'pg_gman_group_map_bytea'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_group_map_bytea(internal) IS 'Behind gman_map.';
CREATE FUNCTION gman_group_sum(internal)
RETURNS bigint AS 'MODULE_PATHNAME', 'pg_gman_group_sum'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_group_sum(internal) IS 'Behind gman_sum.';

-- READ_WRITE: the last step runs the jobs, so it must come once. It keeps them from being window
-- functions, where it would come for each row.
CREATE AGGREGATE gman_map(function text, workload text) (
  SFUNC = gman_group_add, STYPE = internal, FINALFUNC = gman_group_map,
  FINALFUNC_MODIFY = READ_WRITE, PARALLEL = UNSAFE);
COMMENT ON AGGREGATE gman_map(text, text) IS
  'gman_map(function, workload ORDER BY …) runs a job for each row of the group, as many at a time '
  'as there are workers (up to 64), and returns their results in that order; {} without rows. '
  'Raises what one of them ended with: gman_do_many tells results and errors apart.';

CREATE AGGREGATE gman_map(function text, workload text, unique_key text) (
  SFUNC = gman_group_add, STYPE = internal, FINALFUNC = gman_group_map,
  FINALFUNC_MODIFY = READ_WRITE, PARALLEL = UNSAFE);
COMMENT ON AGGREGATE gman_map(text, text, text) IS
  'The same with a unique key for each job: those that have the same are one.';

CREATE AGGREGATE gman_map(function text, workload bytea) (
  SFUNC = gman_group_add, STYPE = internal, FINALFUNC = gman_group_map_bytea,
  FINALFUNC_MODIFY = READ_WRITE, PARALLEL = UNSAFE);
COMMENT ON AGGREGATE gman_map(text, bytea) IS 'The same for bytes, and with bytes as the results.';

CREATE AGGREGATE gman_sum(function text, workload text) (
  SFUNC = gman_group_add, STYPE = internal, FINALFUNC = gman_group_sum,
  FINALFUNC_MODIFY = READ_WRITE, PARALLEL = UNSAFE);
COMMENT ON AGGREGATE gman_sum(text, text) IS
  'Runs a job for each row of the group, as gman_map does, and adds up their results, which must '
  'be 64-bit integers and nothing else; 0 without rows.';

CREATE AGGREGATE gman_sum(function text, workload text, unique_key text) (
  SFUNC = gman_group_add, STYPE = internal, FINALFUNC = gman_group_sum,
  FINALFUNC_MODIFY = READ_WRITE, PARALLEL = UNSAFE);
COMMENT ON AGGREGATE gman_sum(text, text, text) IS
  'The same with a unique key for each job. Those that have the same are one job, whose result is '
  'added for each of their rows.';

-- Not waiting --------------------------------------------------------------------------------

CREATE FUNCTION gman_do_background(
  function text, workload text, unique_key text DEFAULT NULL, options jsonb DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_do_background'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_background(text, text, text, jsonb) IS
  'Queues a job. Delivery immediate sends it at once, whatever becomes of the transaction, and '
  'returns its handle; commit sends it when the transaction has committed, and outbox by a row in '
  'gman.outbox: both return its unique. options: delivery, priority, run_at, deadline.';

CREATE FUNCTION gman_do_high_background(
  function text, workload text, unique_key text DEFAULT NULL, options jsonb DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_do_high_background'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_high_background(text, text, text, jsonb) IS
  'As gman_do_background, before all jobs of normal and low priority.';

CREATE FUNCTION gman_do_low_background(
  function text, workload text, unique_key text DEFAULT NULL, options jsonb DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_do_low_background'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_low_background(text, text, text, jsonb) IS
  'As gman_do_background, after all jobs of high and normal priority.';

CREATE FUNCTION gman_do_background(
  function text, workload bytea, unique_key text DEFAULT NULL, options jsonb DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_do_background'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_background(text, bytea, text, jsonb) IS
  'The same for bytes.';

CREATE FUNCTION gman_do_high_background(
  function text, workload bytea, unique_key text DEFAULT NULL, options jsonb DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_do_high_background'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_high_background(text, bytea, text, jsonb) IS
  'The same for bytes, before all jobs of normal and low priority.';

CREATE FUNCTION gman_do_low_background(
  function text, workload bytea, unique_key text DEFAULT NULL, options jsonb DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_do_low_background'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_low_background(text, bytea, text, jsonb) IS
  'The same for bytes, after all jobs of high and normal priority.';

CREATE FUNCTION gman_do_at(
  function text, workload text, run_at timestamptz, unique_key text DEFAULT NULL,
  options jsonb DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_do_at'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_at(text, text, timestamptz, text, jsonb) IS
  'Queues a job that runs at a time, or soon after. As gman_do_background otherwise.';

CREATE FUNCTION gman_do_at(
  function text, workload bytea, run_at timestamptz, unique_key text DEFAULT NULL,
  options jsonb DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_do_at'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_at(text, bytea, timestamptz, text, jsonb) IS
  'The same for bytes.';

-- Jobs of rows -----------------------------------------------------------------------------------

CREATE FUNCTION gman_trigger()
RETURNS trigger AS 'MODULE_PATHNAME', 'pg_gman_trigger'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_trigger() IS
  'AFTER … EXECUTE FUNCTION gman_trigger(''function'', what) queues a background job for each row. '
  'what is a column, whose text is the workload (NULL sends nothing), or #pk, #row or #diff. '
  'A third argument has options in JSON: delivery, priority, unique, only_changed. EXECUTE is '
  'needed to create the trigger, not to fire it.';

-- Names and operators are pg_catalog's, whatever else the extension's schema has by the same name.
-- Arguments end with a NUL, which the escaped form of a backslash must not look like. Options are
-- text, since those of a trigger that was made by hand may be no JSON.
CREATE VIEW gman_watches AS
SELECT tg.tgrelid::regclass AS watched,
       argument[1] AS function_name,
       argument[2] AS what,
       CASE WHEN kind.bits & 1 = 1 THEN 'row' ELSE 'statement' END AS level,
       pg_catalog.array_remove(ARRAY[CASE WHEN kind.bits & 4 = 4 THEN 'insert' END,
                                     CASE WHEN kind.bits & 16 = 16 THEN 'update' END,
                                     CASE WHEN kind.bits & 8 = 8 THEN 'delete' END],
                               NULL) AS events,
       argument[3] AS options,
       tg.tgenabled <> 'D' AS is_enabled,
       tg.tgname AS trigger_name
  FROM pg_catalog.pg_trigger AS tg
 CROSS JOIN LATERAL (SELECT tg.tgtype::integer) AS kind (bits)
 CROSS JOIN LATERAL (
       SELECT pg_catalog.array_agg(
                pg_catalog.convert_from(pg_catalog.decode(piece, 'escape'),
                                        pg_catalog.getdatabaseencoding())
                ORDER BY number) AS argument
         FROM pg_catalog.unnest(pg_catalog.string_to_array(
                pg_catalog.replace(pg_catalog.encode(tg.tgargs, 'escape'), '\\', '\134'), '\000'))
              WITH ORDINALITY AS pieces (piece, number)
        WHERE number <= tg.tgnargs) AS arguments
 WHERE tg.tgfoid = 'gman_trigger()'::regprocedure::oid AND tg.tgparentid = 0::oid;
COMMENT ON VIEW gman_watches IS
  'The triggers that queue jobs, by gman_watch() or by CREATE TRIGGER.';

CREATE FUNCTION gman_unwatch(watched regclass, function text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  made     record;
  wanted   bytea := convert_to($2, getdatabaseencoding()) || '\x00';  -- each argument ends so
  is_found boolean := false;
BEGIN
  FOR made IN
    SELECT tg.tgname
      FROM pg_trigger AS tg
      JOIN pg_proc AS p ON p.oid = tg.tgfoid
      JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                         AND d.deptype = 'e'
      JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
     WHERE tg.tgrelid = $1 AND tg.tgparentid = 0 AND e.extname = 'gman'
       AND p.proname = 'gman_trigger' AND tg.tgname ^@ 'gman_watch_'
       AND substring(tg.tgargs, 1, octet_length(wanted)) = wanted
  LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', made.tgname, $1);
    is_found := true;
  END LOOP;
  RETURN is_found;
END $$;
COMMENT ON FUNCTION gman_unwatch(regclass, text) IS
  'Drops what gman_watch() has made; false: there was nothing. Needs to own the table.';

CREATE FUNCTION gman_trigger_options(options jsonb)
RETURNS jsonb AS 'MODULE_PATHNAME', 'pg_gman_trigger_options'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION gman_trigger_options(jsonb) IS
  'Returns options of gman_trigger, or raises what is wrong with them.';

-- SECURITY INVOKER: triggers are made by whoever may make them on that table.
CREATE FUNCTION gman_watch(
  watched regclass, function text, what text DEFAULT '#pk', options jsonb DEFAULT '{}')
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  home    text := (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'gman');
  level   text := coalesce($4 ->> 'level', 'row');
  events  jsonb := coalesce($4 -> 'events', CASE WHEN $3 IN ('#pk', '#row', '#diff')
                                                 THEN '["insert", "update", "delete"]'
                                                 ELSE '["insert", "update"]' END::jsonb);
  told    jsonb := $4 - '{level,events}'::text[];
  event   text;
BEGIN
  IF $1 IS NULL OR $2 IS NULL OR $3 IS NULL OR $4 IS NULL THEN
    RAISE null_value_not_allowed USING
      MESSAGE = 'gman_watch: table, function, what and options must not be NULL';
  END IF;
  IF level NOT IN ('row', 'statement') THEN
    RAISE invalid_parameter_value USING
      MESSAGE = format('gman_watch: option "level" is %L', level),
      HINT = 'Give row or statement.';
  END IF;
  IF jsonb_typeof(events) <> 'array' OR jsonb_array_length(events) = 0
     OR NOT events <@ '["insert", "update", "delete"]' THEN
    RAISE invalid_parameter_value USING
      MESSAGE = format('gman_watch: option "events" is %s', events),
      HINT = 'Give an array of insert, update and delete.';
  END IF;
  IF $3 = '#pk' AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = $1 AND i.indisprimary)
  THEN
    RAISE undefined_object USING
      MESSAGE = format('gman_watch: table %s has no primary key', $1),
      HINT = 'Name a column, or #row or #diff.';
  END IF;
  IF $3 NOT IN ('#pk', '#row', '#diff') AND NOT EXISTS (
       SELECT FROM pg_attribute AS a
        WHERE a.attrelid = $1 AND a.attname = $3 AND a.attnum > 0 AND NOT a.attisdropped) THEN
    RAISE undefined_column USING
      MESSAGE = format('gman_watch: table %s has no column %I', $1, $3),
      HINT = 'Name one, or #pk, #row or #diff.';
  END IF;
  EXECUTE format('SELECT %s.gman_trigger_options($1)', home) USING told;
  -- A column says where to look, so a row whose column stays needs no new look.
  IF $3 NOT IN ('#pk', '#row', '#diff') THEN
    told := '{"only_changed": true}'::jsonb || told;
  END IF;
  EXECUTE format('SELECT %s.gman_unwatch($1, $2)', home) USING $1, $2;
  FOR event IN SELECT DISTINCT jsonb_array_elements_text(events) LOOP
    EXECUTE format(
      'CREATE TRIGGER %I AFTER %s ON %s%s FOR EACH %s '
      'EXECUTE FUNCTION %s.gman_trigger(%L, %L, %L)',
      'gman_watch_' || CASE WHEN octet_length($2) <= 40 THEN $2 ELSE md5($2) END || '_' || event,
      upper(event), $1,
      CASE WHEN level = 'row' THEN ''
           WHEN event = 'insert' THEN ' REFERENCING NEW TABLE AS new_rows'
           WHEN event = 'delete' THEN ' REFERENCING OLD TABLE AS old_rows'
           ELSE ' REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows' END,
      upper(level), home, $2, $3, told);
  END LOOP;
END $$;
COMMENT ON FUNCTION gman_watch(regclass, text, text, jsonb) IS
  'Makes triggers that queue a job of a function for each row that is new or changed. what: a '
  'column, or #pk, #row, #diff. options: events, level (row, statement), and those of '
  'gman_trigger. Called again it replaces them.';

-- Looking ----------------------------------------------------------------------------------------

CREATE FUNCTION gman_ping()
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_ping'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_ping() IS
  'The first job server that answers and its round trip: 127.0.0.1:4730 0.091 ms.';

CREATE FUNCTION gman_servers(
  OUT server text, OUT is_reachable boolean, OUT version text, OUT latency_ms double precision,
  OUT cooling_off_ms integer, OUT error text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'pg_gman_servers'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_servers() IS
  'Asks each job server of gman.servers: whether it answers, its version, its round trip, for how '
  'long it would have been left alone because it had failed, and why it does not answer.';

CREATE FUNCTION gman_functions(
  OUT server text, OUT function_name text, OUT jobs bigint, OUT running bigint, OUT workers bigint)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'pg_gman_functions'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_functions() IS
  'The functions that each job server knows: jobs that wait or run, those that run, and workers. A '
  'server that cannot be asked is a warning.';

CREATE FUNCTION gman_workers(
  OUT server text, OUT address text, OUT client_id text, OUT functions text[])
RETURNS SETOF record AS 'MODULE_PATHNAME', 'pg_gman_workers'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_workers() IS
  'The workers of each job server and the functions that they offer. A server that cannot be asked '
  'is a warning.';

CREATE FUNCTION gman_job_status(
  job text, OUT is_known boolean, OUT is_running boolean, OUT numerator bigint,
  OUT denominator bigint, OUT server text)
RETURNS record AS 'MODULE_PATHNAME', 'pg_gman_job_status'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_job_status(text) IS
  'What the job servers know of a job, by its handle or by its unique: whether it waits or runs, '
  'how far it is, and where. A job that has ended is not known.';

CREATE FUNCTION gman_cancel(handle text)
RETURNS boolean AS 'MODULE_PATHNAME', 'pg_gman_cancel'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_cancel(text) IS
  'Cancels a job, at whichever server of the list has it; false: none does. One that runs goes on '
  'unheard.';

CREATE FUNCTION gman_delivery_counters(
  OUT delivery text, OUT sent bigint, OUT failed bigint, OUT dropped bigint)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'pg_gman_delivery_counters'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 3;
COMMENT ON FUNCTION gman_delivery_counters() IS 'Behind the view gman_deliveries.';

CREATE VIEW gman_deliveries AS SELECT * FROM gman_delivery_counters();
COMMENT ON VIEW gman_deliveries IS
  'What became of the background jobs that this session has made since it began, by delivery: sent '
  '(to a job server, or into the outbox), failed, and dropped by a rollback before COMMIT.';

CREATE FUNCTION gman_held_jobs()
RETURNS bigint AS 'MODULE_PATHNAME', 'pg_gman_held_jobs'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION gman_held_jobs() IS 'How many jobs this transaction will send at COMMIT.';

CREATE FUNCTION gman_relays(
  OUT database text, OUT pid integer, OUT since timestamptz, OUT leased bigint,
  OUT delivered bigint, OUT returned bigint, OUT died bigint, OUT under_way bigint,
  OUT last_warning text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'pg_gman_relays'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION gman_relays() IS
  'The relays that the server runs itself, for the databases of gman.relay_databases: the process '
  '(NULL: none at the moment), what it has shipped since when, and its last warning. Raises '
  'object_not_in_prerequisite_state (55000) while gman is not in shared_preload_libraries.';

CREATE FUNCTION gman_recorded_jobs(
  OUT number bigint, OUT function_name text, OUT workload bytea, OUT unique_key text,
  OUT priority text, OUT run_at timestamptz, OUT is_background boolean, OUT delivery text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'pg_gman_recorded_jobs'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION gman_recorded_jobs() IS 'Behind the view gman_recorded.';

CREATE VIEW gman_recorded AS SELECT * FROM gman_recorded_jobs();
COMMENT ON VIEW gman_recorded IS
  'The jobs of this session that were not sent, because gman.enabled is record; a rollback takes '
  'back those of delivery commit and outbox. gman_recorded_reset() forgets them.';

CREATE FUNCTION gman_recorded_reset()
RETURNS bigint AS 'MODULE_PATHNAME', 'pg_gman_recorded_reset'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION gman_recorded_reset() IS 'Forgets recorded jobs, and returns how many.';

-- No effect, no arguments and the same answer as long as the library is loaded: open to everybody.
CREATE FUNCTION gman_version()
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_version'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION gman_version() IS
  'The version of the loaded library, which may be newer than the extension''s.';

CREATE VIEW gman_status AS
SELECT gman_version() AS library_version,
       (SELECT extversion FROM pg_extension WHERE extname = 'gman') AS extension_version,
       current_setting('gman.servers') AS servers,
       current_setting('gman.enabled') AS enabled,
       current_setting('gman.delivery') AS delivery,
       current_setting('gman.on_error') AS on_error,
       -- By the catalogue, since nobody needs USAGE on the outbox's schema to put jobs into it.
       EXISTS (SELECT FROM pg_catalog.pg_class AS c
                 JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                WHERE n.nspname = 'gman' AND c.relname = 'outbox') AS has_outbox,
       gman_held_jobs() AS held_jobs;
COMMENT ON VIEW gman_status IS
  'How this session sends jobs, and how many its transaction will send at COMMIT. Asks no server: '
  'gman_ping() does.';

-- Administering ----------------------------------------------------------------------------------

CREATE FUNCTION gman_servers_set(servers text)
RETURNS boolean AS 'MODULE_PATHNAME', 'pg_gman_servers_set'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_servers_set(text) IS
  'Sets gman.servers for this session and returns true. Who is granted EXECUTE may make the '
  'database server connect wherever gman.allowed_servers lets it.';

CREATE FUNCTION gman_outbox_install()
RETURNS void AS 'MODULE_PATHNAME', 'pg_gman_outbox_install'
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION gman_outbox_install() IS
  'Makes schema gman with the outbox, as sql/postgres/outbox.sql does. May be called again. It is '
  'no member of the extension, so DROP EXTENSION leaves its jobs alone.';

-- Nothing to PUBLIC but what has no effect and tells nothing. Views are their owner's alone.
DO $$
DECLARE
  made record;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  FOR made IN
    SELECT p.oid::regprocedure AS function
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_proc'::regclass
                                    AND d.objid = p.oid AND d.deptype = 'e'
      JOIN pg_catalog.pg_extension AS e ON d.refclassid = 'pg_catalog.pg_extension'::regclass
                                       AND d.refobjid = e.oid
     WHERE e.extname = 'gman' AND p.proname NOT IN ('gman_version', 'gman_trigger_options')
  LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', made.function);
  END LOOP;
END $$;
