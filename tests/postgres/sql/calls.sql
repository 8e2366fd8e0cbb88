-- gman_do and its siblings, seen from SQL.
SELECT gman_do('reverse', 'Hello');
SELECT gman_do_high('reverse', 'Hello'), gman_do_low('reverse', 'Hello');
SELECT gman_do(function => 'reverse', workload => 'Grüße, 世界 🐘', unique_key => 'u1',
               deadline => '10 s');
SELECT word, gman_do('reverse', word) FROM unnest(ARRAY['one', 'two', 'three']) AS word;
-- A result in pieces is one result; an empty one is the empty string, not NULL.
SELECT gman_do('parts', '1');
SELECT gman_do('nothing', 'x') = '' AS empty, gman_do('reverse', '') = '' AS empty_too;
SELECT gman_do('size', repeat('x', 5000000));
-- The background three return the handle.
SELECT gman_do_background('note', 'normal') ~ '^H:.+:[0-9]+$' AS is_handle,
       gman_do_high_background('note', 'high') ~ '^H:.+:[0-9]+$' AS is_handle,
       gman_do_low_background('note', 'low') ~ '^H:.+:[0-9]+$' AS is_handle;
-- What was queued in one priority is done in its order; this is of the lowest.
SELECT count(*) FROM regexp_split_to_table(gman_do_low('note', '?'), '\n');
-- With a unique key, a job joins one that is queued already. No worker takes `never`.
SELECT gman_do_background('never', 'a', 'key') = gman_do_background('never', 'b', 'key') AS joined,
       gman_do_background('never', 'c', 'other') = gman_do_background('never', 'd') AS joined_too;
-- Immediate: the job is sent when the function is called, and a ROLLBACK does not recall it.
BEGIN;
SELECT gman_do_background('note', 'rolled back') IS NOT NULL AS sent;
ROLLBACK;
SELECT gman_do('note', '?');
SELECT gman_ping() ~ '^127\.0\.0\.1:[0-9]+ [0-9]+\.[0-9]{3} ms$' AS ping;

-- What goes wrong is an error that names it. (\errverbose would tell ports and handles.)
\set VERBOSITY terse
-- NULL, in every argument that must not be.
SELECT gman_do(NULL, 'x');
SELECT gman_do('reverse', NULL);
SELECT gman_do_high(NULL, NULL);
SELECT gman_do_background(NULL, 'x');
SELECT gman_do_low_background('reverse', NULL);
SELECT gman_servers_set(NULL);
SELECT gman_do('reverse', 'NULL is no key', NULL, NULL);
-- Bad arguments and limits.
SELECT gman_do('', 'x');
SELECT gman_do_background(repeat('f', 513), 'x');
SELECT gman_do_background('never', 'x', repeat('u', 65));
SELECT gman_do_background('never', 'x', repeat('u', 64)) IS NOT NULL AS longest_key;
SELECT gman_do_background('never', repeat('x', 64 * 1024 * 1024 + 1));
SELECT gman_do('reverse', 'x', NULL, '0');
SELECT gman_do('reverse', 'x', NULL, '-1 s');
SELECT gman_do('reverse', 'x', NULL, '25 days');
SELECT gman_do('reverse', 'longest deadline', NULL, '2147483647 ms');
SELECT gman_do('reverse', 'longest in days', NULL, '24 days');
-- What each failure of a job looks like: SQLSTATE, message, detail, hint.
CREATE FUNCTION failure(statement text) RETURNS TABLE (about text, tells text)
LANGUAGE plpgsql AS $$
DECLARE
  s text; m text; d text; h text;
BEGIN
  EXECUTE statement;
  RETURN QUERY VALUES ('state', '00000');
EXCEPTION WHEN OTHERS OR query_canceled THEN
  GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL,
    h = PG_EXCEPTION_HINT;
  RETURN QUERY SELECT t,
      regexp_replace(regexp_replace(regexp_replace(v, '127\.0\.0\.1:\d+', 'SERVER', 'g'),
        'H:\S+:\d+', 'HANDLE', 'g'), '\d+(\.\d+)? ms', 'N ms', 'g')
    FROM (VALUES ('state', s), ('message', m), ('detail', d), ('hint', h)) AS told (t, v);
END $$;
SELECT * FROM failure($$SELECT gman_do('fail', 'x')$$);
SELECT * FROM failure($$SELECT gman_do('throw', '/index.html')$$);
SELECT * FROM failure($$SELECT gman_do('never', 'x', NULL, '50 ms')$$);
SELECT * FROM failure($$SELECT gman_do('', 'x')$$);
SELECT * FROM failure($$SELECT gman_do(NULL, 'x')$$);
SELECT * FROM failure($$SELECT gman_do('reverse', 'x', repeat('u', 65))$$);
SELECT * FROM failure($$SELECT gman_do('bytes', '41ff42')$$);
SELECT * FROM failure($$SELECT gman_do('bytes', '410042')$$);
SELECT * FROM failure($$SELECT gman_do('bytes', '41c3')$$);
SET gman.deadline = '50 ms';
SELECT * FROM failure($$SELECT gman_do('never', 'x')$$);
RESET gman.deadline;
SET gman.servers = '';
SELECT * FROM failure($$SELECT gman_do('reverse', 'x')$$);
SELECT * FROM failure($$SELECT gman_ping()$$);
RESET gman.servers;
SELECT gman_do('reverse', 'all is well again');
-- A worker's warnings are warnings, and no error.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = error;
SELECT gman_do('warn', 'done');
RESET client_min_messages;
\set VERBOSITY terse
SELECT gman_do('warn', 'done');
-- gman_servers_set is a SET: for the session, undone by ROLLBACK.
\set VERBOSITY default
BEGIN;
SELECT gman_servers_set('unix:/nowhere');
SHOW gman.servers;
ROLLBACK;
SELECT current_setting('gman.servers') <> 'unix:/nowhere' AS undone;
SELECT gman_servers_set('not a server list:x');
DROP FUNCTION failure;
