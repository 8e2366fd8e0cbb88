-- What CREATE EXTENSION makes: every function as documented, nothing open to PUBLIC by accident.
CREATE EXTENSION gman;
SELECT extversion = gman_version() AS library_has_the_version_of_the_extension,
       extrelocatable FROM pg_extension WHERE extname = 'gman';
SELECT p.oid::regprocedure AS function, provolatile, proparallel, procost, proisstrict AS strict,
       prosecdef AS definer, proacl IS NOT NULL AS revoked,
       obj_description(p.oid, 'pg_proc') IS NOT NULL AS commented
FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
JOIN pg_extension e ON d.refobjid = e.oid AND e.extname = 'gman' AND d.deptype = 'e'
ORDER BY proname, p.oid::regprocedure::text COLLATE "C";
-- And views, which are commented and granted to nobody. It has no table.
SELECT c.relname, c.relkind, c.relacl IS NULL AS of_its_owner_alone,
       obj_description(c.oid, 'pg_class') IS NOT NULL AS commented
FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass
JOIN pg_extension e ON d.refobjid = e.oid AND e.extname = 'gman' AND d.deptype = 'e'
ORDER BY relname;
SELECT count(*) FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid AND d.deptype = 'e'
WHERE e.extname = 'gman' AND d.classid NOT IN ('pg_proc'::regclass, 'pg_class'::regclass)
-- From PostgreSQL 17 on the row types of the views are members as well.
AND d.objid NOT IN (SELECT unnest(ARRAY[t.oid, t.typarray]) FROM pg_type t
                    JOIN pg_class c ON c.reltype = t.oid AND c.relname LIKE 'gman\_%');
SELECT library_version = extension_version AS same, enabled, delivery, on_error,
       has_outbox, held_jobs
  FROM gman_status;
SELECT name, unit, context, vartype, min_val, max_val, boot_val FROM pg_settings
WHERE name LIKE 'gman.%' ORDER BY name;
-- A name that was mistyped is an error, not a setting that nobody reads.
SET gman.server = 'elsewhere';
-- A bad list is refused with the reason, when it is set and not when it is used.
SET gman.servers = 'localhost:notaport';
SET gman.servers = 'a:1,,b:2';
-- The words for a range are not the same in every version.
\set VERBOSITY sqlstate
SET gman.deadline = -1;
\set VERBOSITY default
SET gman.deadline = '2min';
SHOW gman.deadline;
RESET gman.deadline;
-- It may live in a schema of its own, and move.
CREATE SCHEMA jobs;
ALTER EXTENSION gman SET SCHEMA jobs;
SELECT jobs.gman_do('reverse', 'Hello');
CREATE TABLE page (id int PRIMARY KEY);
SELECT jobs.gman_watch('page', 'never');
SELECT watched, level FROM jobs.gman_watches WHERE 'insert' = ANY (events);
INSERT INTO page VALUES (1);
DROP TABLE page;
ALTER EXTENSION gman SET SCHEMA public;
DROP EXTENSION gman;
CREATE EXTENSION gman SCHEMA jobs;
SELECT jobs.gman_do('reverse', 'again');
DROP EXTENSION gman;
-- What somebody else has put into that schema is not what the extension calls.
CREATE FUNCTION jobs.unnest(text[]) RETURNS SETOF text LANGUAGE sql AS $$ SELECT 'trapped' $$;
CREATE FUNCTION jobs.array_remove(text[], text) RETURNS text[] LANGUAGE sql
  AS $$ SELECT '{trapped}'::text[] $$;
CREATE AGGREGATE jobs.array_agg(text) (sfunc = textcat, stype = text);
CREATE FUNCTION jobs.trap(smallint, integer) RETURNS integer LANGUAGE sql AS 'SELECT 1 / 0';
CREATE OPERATOR jobs.& (leftarg = smallint, rightarg = integer, function = jobs.trap);
CREATE FUNCTION jobs.trap(oid, integer) RETURNS boolean LANGUAGE sql AS 'SELECT 1 / 0 = 1';
CREATE OPERATOR jobs.= (leftarg = oid, rightarg = integer, function = jobs.trap);
CREATE FUNCTION jobs.trap(oid, regclass) RETURNS boolean LANGUAGE sql AS 'SELECT 1 / 0 = 1';
CREATE OPERATOR jobs.= (leftarg = oid, rightarg = regclass, function = jobs.trap);
CREATE EXTENSION gman SCHEMA jobs;
CREATE TABLE page (id int PRIMARY KEY);
SELECT jobs.gman_watch('page', 'never', '#pk', '{"events": ["insert"]}');
SELECT watched, function_name, level, events FROM jobs.gman_watches;
DROP TABLE page;
DROP EXTENSION gman;
SET client_min_messages = warning;
DROP SCHEMA jobs CASCADE;
RESET client_min_messages;
CREATE EXTENSION gman;
