-- However busy the machine is.
SET gman.commit_budget = '10s';
-- Delivery `outbox`: a row in gman.outbox, which gman-relay ships. Without one it is an error.
SELECT gman_do_background('f', 'x', NULL, '{"delivery": "outbox"}');
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT gman_outbox_install();
RESET client_min_messages;
\set VERBOSITY default
SELECT has_outbox FROM gman_status;
-- It is no member of the extension.
SELECT count(*) FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid AND d.deptype = 'e'
WHERE e.extname = 'gman' AND d.objid = 'gman.outbox'::regclass;
CREATE VIEW waiting AS
  SELECT function_name, unique_key, priority, delivery, convert_from(workload, 'UTF8') AS workload,
         run_at > now() AS is_later
    FROM gman.outbox ORDER BY id;
-- The unique that is returned is the one that the relay will use.
BEGIN;
SELECT gman_do_background('f', 'x', NULL, '{"delivery": "outbox"}') AS made \gset
SELECT :'made' = (SELECT database_uuid FROM gman.outbox_setting) || ':' || id AS is_its_unique
  FROM gman.outbox;
ROLLBACK;
SELECT count(*) FROM waiting;
SELECT gman_do_background('f', 'ä', 'mine', '{"delivery": "outbox"}'),
       gman_do_high_background('f', 'urgent', NULL, '{"delivery": "outbox"}') IS NOT NULL AS high,
       gman_do_low_background('f', ''::bytea, NULL, '{"delivery": "outbox"}') IS NOT NULL AS low,
       gman_do_at('g', 'later', now() + interval '1 day', NULL, '{"delivery": "outbox"}')
         IS NOT NULL AS later;
SELECT * FROM waiting;
DELETE FROM gman.outbox;
-- It is a row as any: savepoints and PREPARE TRANSACTION are PostgreSQL's.
SET gman.delivery = outbox;
BEGIN;
SELECT count(gman_do_background('f', 'kept'));
SAVEPOINT s;
SELECT count(gman_do_background('f', 'dropped'));
ROLLBACK TO SAVEPOINT s;
PREPARE TRANSACTION 'p';
SELECT count(*) FROM waiting;
COMMIT PREPARED 'p';
SELECT workload FROM waiting;
DELETE FROM gman.outbox;
-- Whoever may ask for a job needs no grant on the table, and gets none by it.
CREATE ROLE asker;
GRANT EXECUTE ON FUNCTION gman_do_background(text, text, text, jsonb) TO asker;
SET ROLE asker;
SELECT count(gman_do_background('f', 'by asker'));
SELECT count(*) FROM gman.outbox;
SELECT current_user;
RESET ROLE;
SELECT workload FROM waiting;
DELETE FROM gman.outbox;
-- Names mean what they mean in pg_catalog, whatever the search_path says.
CREATE SCHEMA trap;
CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz $$;
CREATE FUNCTION trap.unnest(text[]) RETURNS SETOF text LANGUAGE sql AS $$ SELECT 'trapped' $$;
SET search_path = trap, pg_catalog, public;
SELECT count(gman_do_background('f', 'x'));
SET gman.commit_jobs_max = 0;
SELECT count(gman_do_background('f', 'x', i::text, '{"delivery": "commit"}'))
  FROM generate_series(1, 2) AS i;
RESET gman.commit_jobs_max;
SELECT count(*), bool_and(run_at > 'epoch' AND coalesce(unique_key, '') <> 'trapped') AS safe
  FROM gman.outbox;
RESET search_path;
DROP SCHEMA trap CASCADE;
DELETE FROM gman.outbox;
RESET gman.delivery;
-- A transaction with more jobs than a COMMIT sends moves them here, with all that they are.
SET gman.commit_jobs_max = 1;
BEGIN;
SELECT count(gman_do_background('f', 'one', NULL, '{"delivery": "commit"}'));
SELECT count(gman_do_background('g', 'two', 'mine', '{"delivery": "commit", "priority": "high"}'));
SELECT count(*) FROM waiting;
COMMIT;
SELECT function_name, length(unique_key), priority, workload FROM waiting ORDER BY workload;
DELETE FROM gman.outbox;
-- Many at once, at the edge of a batch.
SELECT count(gman_do_background('f', i::text, NULL, '{"delivery": "commit"}'))
  FROM generate_series(1, 1001) AS i;
SELECT count(*), count(DISTINCT workload) FROM gman.outbox;
DELETE FROM gman.outbox;
RESET gman.commit_jobs_max;
-- Jobs of rows are gathered until their statement ends, and are there for the next one. Two
-- triggers, a statement within a trigger, and one whose jobs are rolled back with its savepoint.
CREATE TABLE page (id int PRIMARY KEY, url text);
CREATE TABLE line (id int PRIMARY KEY, page int);
CREATE FUNCTION add_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO line SELECT NEW.id * 10 + i, NEW.id FROM generate_series(1, 2) AS i;
  BEGIN
    INSERT INTO line VALUES (NEW.id * 10 + 3, NEW.id);
    INSERT INTO line VALUES (NEW.id * 10 + 1, NEW.id);
  EXCEPTION WHEN unique_violation THEN
    PERFORM gman_do_background('caught', NEW.id::text, NULL, '{"delivery": "outbox"}');
  END;
  RETURN NULL;
END $$;
SELECT gman_watch('page', 'a_page', '#pk', '{"delivery": "outbox"}');
SELECT gman_watch('page', 'b_url', 'url', '{"delivery": "outbox", "priority": "high"}');
SELECT gman_watch('line', 'line', '#pk', '{"delivery": "outbox"}');
CREATE TRIGGER c_lines AFTER INSERT ON page FOR EACH ROW EXECUTE FUNCTION add_lines();
BEGIN;
INSERT INTO page SELECT i, 'url ' || i FROM generate_series(1, 2) AS i;
SELECT function_name, unique_key, priority, workload FROM waiting
 ORDER BY function_name, workload;
DELETE FROM gman.outbox;
UPDATE page SET url = 'new' WHERE id = 1;
SELECT function_name, workload FROM waiting ORDER BY function_name;
ROLLBACK;
SELECT count(*) FROM waiting;
-- One that fails after its triggers have fired leaves none.
ALTER TABLE line ADD CONSTRAINT no_page_two CHECK (page <> 2);
INSERT INTO page SELECT i, 'url ' || i FROM generate_series(1, 2) AS i;
SELECT count(*) FROM waiting;
DROP TRIGGER c_lines ON page;
-- COPY is a statement as well, and so is the first one of a session.
\c
COPY page (id, url) FROM stdin;
1	one
2	two
\.
SELECT function_name, workload FROM waiting ORDER BY function_name, workload;
DELETE FROM gman.outbox;
COPY line (id, page) FROM stdin;
1	1
\.
SELECT function_name, workload FROM waiting;
DELETE FROM gman.outbox;
-- Deferred triggers fire at COMMIT, or when they are told to, also in a savepoint.
SELECT gman_unwatch('line', 'line');
CREATE CONSTRAINT TRIGGER line_later AFTER INSERT ON line DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  EXECUTE FUNCTION gman_trigger('line', '#pk', '{"delivery": "outbox"}');
CREATE FUNCTION fire_and_fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SET CONSTRAINTS line_later IMMEDIATE;
  RAISE EXCEPTION 'as told';
EXCEPTION WHEN raise_exception THEN
  RETURN NULL;
END $$;
CREATE TRIGGER c_fire AFTER UPDATE ON page FOR EACH ROW EXECUTE FUNCTION fire_and_fail();
BEGIN;
INSERT INTO line VALUES (2, 1);
UPDATE page SET url = 'fired' WHERE id = 1;
SELECT function_name, workload FROM waiting ORDER BY function_name;
COMMIT;
SELECT function_name, workload FROM waiting ORDER BY function_name;
DELETE FROM gman.outbox;
-- More than are gathered at a time.
DELETE FROM page;
DELETE FROM gman.outbox;
INSERT INTO page SELECT i, repeat('x', 2000) FROM generate_series(1, 2500) AS i;
SELECT function_name, count(*), count(DISTINCT unique_key) FROM waiting GROUP BY function_name
 ORDER BY function_name;
DELETE FROM gman.outbox;
DROP TABLE page, line;
DROP FUNCTION add_lines, fire_and_fail;
-- A trigger on the outbox that asks for a job at COMMIT comes too late, and is told so.
CREATE FUNCTION too_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM public.gman_do_background('f', 'x', NULL, '{"delivery": "commit"}');
  RETURN NULL;
END $$;
CREATE TRIGGER too_late AFTER INSERT ON gman.outbox FOR EACH ROW EXECUTE FUNCTION too_late();
SET gman.commit_jobs_max = 0;
SELECT count(gman_do_background('f', 'x', NULL, '{"delivery": "commit"}'));
RESET gman.commit_jobs_max;
SELECT count(*) FROM gman.outbox;
DROP TRIGGER too_late ON gman.outbox;
DROP FUNCTION too_late;
-- A row that a trigger of somebody else drops is told, and not counted on.
CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER drop_it BEFORE INSERT ON gman.outbox FOR EACH ROW EXECUTE FUNCTION drop_it();
SELECT gman_do_background('f', 'x', NULL, '{"delivery": "outbox"}');
-- Also one of two.
CREATE OR REPLACE TRIGGER drop_it BEFORE INSERT ON gman.outbox FOR EACH ROW
  WHEN (NEW.workload = '2') EXECUTE FUNCTION drop_it();
SET gman.commit_jobs_max = 0;
SELECT count(gman_do_background('f', i::text, NULL, '{"delivery": "commit"}'))
  FROM generate_series(1, 2) AS i;
RESET gman.commit_jobs_max;
SELECT count(*) FROM gman.outbox;
DROP FUNCTION drop_it CASCADE;
-- What the outbox says of itself is believed only to a table of its owner, which has what it needs.
ALTER TABLE gman.outbox_setting ALTER database_uuid DROP NOT NULL;
BEGIN;
UPDATE gman.outbox_setting SET database_uuid = NULL;
SELECT gman_do_background('f', 'x', NULL, '{"delivery": "outbox"}');
ROLLBACK;
BEGIN;
DELETE FROM gman.outbox_setting;
SELECT gman_do_background('f', 'x', NULL, '{"delivery": "outbox"}');
ROLLBACK;
BEGIN;
ALTER TABLE gman.outbox_setting OWNER TO asker;
SELECT gman_do_background('f', 'x', NULL, '{"delivery": "outbox"}');
ROLLBACK;
BEGIN;
ALTER TABLE gman.outbox_setting RENAME TO real_setting;
SAVEPOINT s;
SELECT gman_do_background('f', 'x', NULL, '{"delivery": "outbox"}');
ROLLBACK TO SAVEPOINT s;
CREATE VIEW gman.outbox_setting AS SELECT * FROM gman.real_setting;
SELECT gman_do_background('f', 'x', NULL, '{"delivery": "outbox"}');
ROLLBACK;
ALTER TABLE gman.outbox_setting ALTER database_uuid SET NOT NULL;
-- gman.on_error: a server that is away is an error, a warning, or a row here.
\set VERBOSITY terse
SET gman.servers = 'unix:/nowhere';
SET gman.on_error = outbox;
SELECT gman_do_background('f', 'no server', 'mine');
SELECT gman_do_background('f', 'no server at COMMIT', 'other', '{"delivery": "commit"}');
SELECT function_name, unique_key, workload FROM waiting;
-- What is wrong stays an error, and so does a call that waits for a result.
SELECT gman_do_background('', 'x');
SELECT gman_do('f', 'x') IS NULL;
RESET gman.on_error;
RESET gman.servers;
\set VERBOSITY default
-- DROP EXTENSION leaves it, with what is in it. It is taken away by hand.
DROP EXTENSION gman;
SELECT count(*) FROM waiting;
CREATE EXTENSION gman;
DROP VIEW waiting;
DROP ROLE asker;
SET client_min_messages = warning;
DROP SCHEMA gman CASCADE;
RESET client_min_messages;
