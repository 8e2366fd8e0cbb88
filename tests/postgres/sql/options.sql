-- However busy the machine is.
SET gman.commit_budget = '10s';
-- The options of background jobs: what each does, and that a wrong one is an error that names it.
-- No worker takes `never`.
SELECT gman_do_background('never', 'x', NULL, '{}') ~ '^H:' AS none,
       gman_do_background('never', 'x', NULL, '{"priority": "high", "delivery": "immediate"}')
         ~ '^H:' AS some,
       gman_do_low_background('never', 'x', options => '{"deadline": "10 s"}') ~ '^H:' AS named;
\set VERBOSITY terse
SELECT gman_do_background('never', 'x', NULL, '{"prority": "high"}');
SELECT gman_do_background('never', 'x', NULL, '{"priority": "urgent"}');
SELECT gman_do_background('never', 'x', NULL, '{"priority": 1}');
SELECT gman_do_background('never', 'x', NULL, '{"priority": null}');
SELECT gman_do_background('never', 'x', NULL, '{"delivery": "later"}');
SELECT gman_do_background('never', 'x', NULL, '{"delivery": ["commit"]}');
SELECT gman_do_background('never', 'x', NULL, '{"deadline": 10}');
SELECT gman_do_background('never', 'x', NULL, '{"deadline": "0"}');
-- Where nobody waits there is no deadline, and a time that is given twice is a mistake.
SELECT gman_do_background('never', 'x', NULL, '{"deadline": "1 s", "delivery": "commit"}');
SELECT gman_do_background('never', 'x', NULL, '{"delivery": "outbox", "deadline": "1 s"}');
SET gman.delivery = commit;
SELECT gman_do_background('never', 'x', NULL, '{"deadline": "1 s"}');
RESET gman.delivery;
SELECT gman_do_at('never', 'x', now(), NULL, '{"run_at": "2100-01-01"}');
SELECT gman_do_background('never', 'x', NULL, '{"run_at": 1800000000}');
SELECT gman_do_background('never', 'x', NULL, '{"run_at": "infinity"}');
SELECT gman_do_background('never', 'x', NULL, '{"run_at": "10000-01-01"}');
SELECT gman_do_background('never', 'x', NULL, '{"unique": true}');
SELECT gman_do_background('never', 'x', NULL, '[]');
SELECT gman_do_background('never', 'x', NULL, '"commit"');
-- A time or an interval that is none is told by its type, and the context names the option.
\set VERBOSITY default
\set SHOW_CONTEXT errors
SELECT gman_do_background('never', 'x', NULL, '{"run_at": "soon"}');
SELECT gman_do_background('never', 'x', NULL, '{"deadline": "a while"}');
SELECT gman_do_background('never', 'x', NULL, '{"prority": "high"}');
\set SHOW_CONTEXT never
-- A job of a later time is not run before it, one of the past at once.
SELECT gman_do_at('note', 'in a year', now() + interval '1 year') ~ '^H:' AS handle;
SELECT gman_do_at('note', 'a year ago', now() - interval '1 year') ~ '^H:' AS handle;
SELECT gman_do_at('note', 'in bytes'::bytea, '1900-01-01') ~ '^H:' AS handle;
SELECT gman_do_at('note', 'x', NULL);
SELECT gman_do_at('note', 'x', '-infinity');
SELECT gman_do_at('note', 'high and later', now() + interval '1 year', 'key',
                  '{"priority": "high"}') ~ '^H:' AS handle;
SELECT gman_do_background('note', 'later', NULL,
         jsonb_build_object('run_at', now() + interval '1 day')) ~ '^H:' AS handle;
SELECT gman_do('note', '?');
-- Bytes in and bytes out, whatever the encoding.
SELECT gman_do('bytes', '00ff'::bytea), gman_do_high('size', '\x00ff00'::bytea),
       gman_do_low('nothing', ''::bytea);
SELECT gman_do_background('size', '\x00'::bytea) ~ '^H:' AS handle,
       gman_do_high_background('size', '\x00'::bytea) ~ '^H:' AS handle,
       gman_do_low_background('size', '\x00'::bytea) ~ '^H:' AS handle;
-- The limit of a workload, at its edge.
SET gman.max_workload = 4;
SELECT gman_do('reverse', '1234');
SELECT gman_do('reverse', '12345');
SELECT gman_do_background('never', '12345', NULL, '{"delivery": "commit"}');
SELECT gman_do_background('never', '12345'::bytea);
RESET gman.max_workload;
-- The words for a range are not the same in every version.
\set VERBOSITY sqlstate
SET gman.max_workload = '65MB';
