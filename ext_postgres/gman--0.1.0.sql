-- SPDX-License-Identifier: BSD-3-Clause
-- The functions of the extension gman. docs/POSTGRESQL.md tells how to use them.
\echo Use "CREATE EXTENSION gman" to load this file. \quit

-- Every function that talks to a job server is
--   VOLATILE          each call is an effect of its own and may not be folded away or repeated;
--   PARALLEL UNSAFE   a parallel worker has no session whose connections it could use;
--   COST 1000         so that the planner evaluates cheaper conditions first;
--   not STRICT        a NULL function or workload is an error that names it, not a silent NULL.
-- And nobody but a superuser may call it until it is granted, since it sends data away.

-- API: Public

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

CREATE FUNCTION gman_do_background(function text, workload text, unique_key text DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_do_background'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_background(text, text, text) IS
  'Queues a job at the job server, at once, and returns its handle. Not transactional: ROLLBACK '
  'does not recall the job.';

CREATE FUNCTION gman_do_high_background(function text, workload text, unique_key text DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_do_high_background'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_high_background(text, text, text) IS
  'As gman_do_background, before all jobs of normal and low priority.';

CREATE FUNCTION gman_do_low_background(function text, workload text, unique_key text DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_do_low_background'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_do_low_background(text, text, text) IS
  'As gman_do_background, after all jobs of high and normal priority.';

CREATE FUNCTION gman_trigger()
RETURNS trigger AS 'MODULE_PATHNAME', 'pg_gman_trigger'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_trigger() IS
  'AFTER … FOR EACH ROW EXECUTE FUNCTION gman_trigger(''function'', ''column'') queues a '
  'background job for each row, whose workload is the text of the column. Rows with NULL in the '
  'column send nothing. EXECUTE is needed to create the trigger, not to fire it.';

CREATE FUNCTION gman_servers_set(servers text)
RETURNS boolean AS 'MODULE_PATHNAME', 'pg_gman_servers_set'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_servers_set(text) IS
  'Sets gman.servers for this session and returns true. Who is granted EXECUTE may make the '
  'database server connect wherever it can.';

CREATE FUNCTION gman_ping()
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_ping'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION gman_ping() IS
  'The first job server that answers and its round trip: 127.0.0.1:4730 0.091 ms.';

-- No effect, no arguments and the same answer as long as the library is loaded: open to everybody.
CREATE FUNCTION gman_version()
RETURNS text AS 'MODULE_PATHNAME', 'pg_gman_version'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION gman_version() IS
  'The version of the loaded library, which may be newer than the extension''s.';

REVOKE ALL ON FUNCTION
  gman_do(text, text, text, interval),
  gman_do_high(text, text, text, interval),
  gman_do_low(text, text, text, interval),
  gman_do_background(text, text, text),
  gman_do_high_background(text, text, text),
  gman_do_low_background(text, text, text),
  gman_trigger(),
  gman_servers_set(text),
  gman_ping()
FROM PUBLIC;
