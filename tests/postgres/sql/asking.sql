-- Questions to the job servers, and many jobs in one call. No worker takes `asked`.
SELECT is_reachable, version <> '' AS has_version, latency_ms > 0 AS has_latency,
       cooling_off_ms, error
  FROM gman_servers();
SELECT server = current_setting('gman.servers') AS named FROM gman_servers();
SELECT gman_do_background('asked', 'x', 'asked key') AS handle \gset
SELECT function_name, jobs, running, workers FROM gman_functions()
 WHERE function_name IN ('asked', 'reverse') ORDER BY function_name;
SELECT address, client_id, functions @> '{reverse,note}' AS offers FROM gman_workers()
 WHERE functions @> '{reverse}';
SELECT is_known, is_running, numerator, denominator,
       server = current_setting('gman.servers') AS named
  FROM gman_job_status(:'handle');
SELECT is_known, is_running FROM gman_job_status('asked key');
SELECT * FROM gman_job_status('H:nowhere:1');
SELECT gman_cancel(:'handle'), gman_cancel(:'handle'), gman_cancel('H:nowhere:1');
SELECT * FROM gman_job_status('asked key');
-- A unique that looks like a handle.
SELECT gman_do_background('asked', 'x', 'H:like:1') AS handle \gset
SELECT is_known FROM gman_job_status('H:like:1');
SELECT gman_cancel(:'handle');
\set VERBOSITY terse
SELECT gman_cancel('');
SELECT gman_cancel(E'H:x:1\nshutdown');
SELECT gman_cancel('H:x:1 y');
SELECT gman_cancel(NULL);
SELECT gman_job_status(NULL);
SELECT gman_job_status('');
-- A server that is away is told, and the other one's answers stand.
SELECT set_config('gman.servers', 'unix:/nowhere,' || current_setting('gman.servers'), false)
  IS NOT NULL AS set;
SELECT is_reachable, regexp_replace(error, '[0-9]+ ms', 'N ms') AS error
  FROM gman_servers() ORDER BY is_reachable;
SELECT count(*) FROM gman_functions() WHERE function_name = 'reverse';
SELECT gman_cancel('H:nowhere:1');
RESET gman.servers;
-- Once the job is cancelled no further server is asked.
SELECT set_config('gman.servers', current_setting('gman.servers') || ',unix:/nowhere', false)
  IS NOT NULL AS set;
SELECT gman_do_background('asked', 'x') AS handle \gset
SELECT gman_cancel(:'handle');
RESET gman.servers;
\set VERBOSITY default
-- Many jobs: results in their order, and one that fails hides no other.
SELECT * FROM gman_do_many('reverse', ARRAY['one', 'two', 'three']) ORDER BY number;
SELECT count(*), bool_and(result = reverse(i::text)) AS right
  FROM gman_do_many('reverse', ARRAY(SELECT i::text FROM generate_series(1, 1000) AS i))
  JOIN generate_series(1, 1000) AS i ON i = number;
SELECT number, result, regexp_replace(error, '\mH:\S+:\d+', 'HANDLE') AS error
  FROM gman_do_many('bytes', ARRAY['61', 'ff', '']) ORDER BY number;
SELECT number, result, regexp_replace(error, '\mH:\S+:\d+', 'HANDLE') AS error
  FROM gman_do_many('throw', ARRAY['/index.html']) ORDER BY number;
SELECT count(*) FROM gman_do_many('reverse', '{}');
SELECT number, result, error IS NOT NULL AS failed
  FROM gman_do_many('never_at_all', ARRAY['x', 'y'], '50 ms') ORDER BY number;
-- More than fit into one call of the library: the deadline is for all of them, and each has a row.
SELECT count(*), count(DISTINCT number), count(result) AS done, count(error) AS failed
  FROM gman_do_many('never_at_all', ARRAY(SELECT 'x' FROM generate_series(1, 10001)), '200 ms');
SELECT error FROM gman_do_many('never_at_all',
                               ARRAY(SELECT 'x' FROM generate_series(1, 10001)), '200 ms')
 WHERE number = 10001;
SET gman.deadline = '200 ms';
SELECT error FROM gman_do_many('never_at_all',
                               ARRAY(SELECT 'x' FROM generate_series(1, 10001)))
 WHERE number = 10001;
RESET gman.deadline;
\set VERBOSITY terse
-- A workload that no server would take is an error before anything is sent.
SET gman.max_workload = 4;
\set VERBOSITY default
\set SHOW_CONTEXT errors
SELECT * FROM gman_do_many('note', ARRAY['1234', '12345']);
\set SHOW_CONTEXT never
\set VERBOSITY terse
RESET gman.max_workload;
SELECT gman_do('note', '?') = '' AS nothing_sent;
SELECT * FROM gman_do_many('reverse', ARRAY['x', NULL]);
SELECT * FROM gman_do_many(NULL, ARRAY['x']);
SELECT * FROM gman_do_many('reverse', NULL);
SELECT * FROM gman_do_many('', ARRAY['x']);
SET gman.servers = 'unix:/nowhere';
SELECT count(*) FROM gman_do_many('reverse', ARRAY['x', 'y']);
RESET gman.servers;
SET gman.enabled = record;
SELECT * FROM gman_do_many('reverse', ARRAY['x', 'y']) ORDER BY number;
SELECT function_name, workload FROM gman_recorded ORDER BY number;
SELECT gman_recorded_reset();
RESET gman.enabled;
