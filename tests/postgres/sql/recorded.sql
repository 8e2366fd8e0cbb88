-- However busy the machine is.
SET gman.commit_budget = '10s';
-- gman.enabled: off and record send nothing; record keeps what would have been sent.
SET gman.enabled = off;
SELECT gman_do_background('note', 'x') IS NULL AS nothing, gman_do('note', '?') IS NULL AS nothing,
       gman_do('bytes', '00'::bytea) IS NULL AS nothing;
SELECT count(*) FROM gman_recorded;
\set VERBOSITY terse
SELECT gman_do_background('', 'x');
SELECT gman_do(NULL, 'x');
\set VERBOSITY default
SET gman.enabled = record;
SELECT gman_do_background('note', 'at once', 'key'), gman_do('note', '?') IS NULL AS nothing;
SELECT gman_do_at('note', 'later', '2100-01-01 00:00:00+00', 'other', '{"priority": "low"}');
SET timezone = 'UTC';
SELECT number, function_name, convert_from(workload, 'UTF8') AS workload, unique_key, priority,
       run_at, is_background, delivery FROM gman_recorded ORDER BY number;
SELECT gman_recorded_reset();
-- A rollback takes back what would not have been sent.
BEGIN;
SELECT count(gman_do_background('f', 'immediate'));
SELECT count(gman_do_background('f', 'commit', NULL, '{"delivery": "commit"}'));
SAVEPOINT s;
SELECT count(gman_do_background('f', 'immediate in s'));
SELECT count(gman_do_background('f', 'outbox in s', NULL, '{"delivery": "outbox"}'));
SELECT count(*) FROM gman_recorded;
ROLLBACK TO SAVEPOINT s;
SELECT convert_from(workload, 'UTF8') AS workload FROM gman_recorded ORDER BY number;
COMMIT;
BEGIN;
SELECT count(gman_do_background('f', 'commit rolled back', NULL, '{"delivery": "commit"}'));
ROLLBACK;
SELECT convert_from(workload, 'UTF8') AS workload, delivery FROM gman_recorded ORDER BY number;
SELECT gman_recorded_reset(), gman_recorded_reset();
-- Triggers, too.
CREATE TABLE page (url text);
CREATE TRIGGER page_index AFTER INSERT ON page FOR EACH ROW
  EXECUTE FUNCTION gman_trigger('note', 'url', '{"delivery": "commit"}');
INSERT INTO page VALUES ('recorded');
SET gman.enabled = off;
INSERT INTO page VALUES ('nothing');
SELECT function_name, convert_from(workload, 'UTF8') AS workload, delivery FROM gman_recorded;
RESET gman.enabled;
INSERT INTO page VALUES ('sent');
SELECT gman_do('note', '?');
SET gman.enabled = maybe;
SET gman.enabled = yes;
SHOW gman.enabled;
RESET gman.enabled;
DROP TABLE page;
