-- However busy the machine is.
SET gman.commit_budget = '10s';
-- gman_trigger's other workloads, statement level, uniques; gman_watch and its siblings.
CREATE TABLE page (id int PRIMARY KEY, url text, seen date);
CREATE TABLE line (book int, number int, words text, PRIMARY KEY (number, book));
-- #pk: the primary key; of several columns a JSON array, in the key's order.
SELECT gman_watch('page', 'note', '#pk', '{"unique": false}');
SELECT gman_watch('line', 'note');
INSERT INTO page VALUES (7, 'x');
INSERT INTO line VALUES (1, 2, 'a "quoted" word');
UPDATE page SET url = 'y';
DELETE FROM page;
SELECT gman_do('note', '?');
SELECT gman_unwatch('page', 'note'), gman_unwatch('line', 'note'), gman_unwatch('line', 'note');
-- #row and #diff are JSON.
SELECT gman_watch('page', 'note', '#row');
INSERT INTO page VALUES (1, 'ä "b"', '2026-01-31');
UPDATE page SET seen = NULL;
DELETE FROM page;
SELECT gman_do('note', '?');
SELECT gman_unwatch('page', 'note');
SELECT gman_watch('page', 'note', '#diff');
INSERT INTO page VALUES (1, 'a');
UPDATE page SET url = 'a';
UPDATE page SET url = 'b', seen = '2026-01-31';
UPDATE page SET seen = NULL;
DELETE FROM page;
SELECT gman_do('note', '?');
-- A watch that is made again replaces the one before.
SELECT gman_watch('page', 'note', 'url');
SELECT * FROM gman_watches ORDER BY trigger_name;
INSERT INTO page VALUES (1, 'a'), (2, NULL);
UPDATE page SET seen = '2026-01-31';
UPDATE page SET url = 'b' WHERE id = 1;
UPDATE page SET url = 'c' WHERE id = 2;
DELETE FROM page;
SELECT gman_do('note', '?');
-- Statement level: the same, all of a statement at once.
SELECT gman_watch('page', 'note', 'url', '{"level": "statement", "delivery": "immediate"}');
SELECT level, events, options FROM gman_watches ORDER BY trigger_name;
INSERT INTO page SELECT i, 'page ' || i FROM generate_series(1, 3) AS i;
UPDATE page SET seen = '2026-01-31';
UPDATE page SET url = CASE id WHEN 2 THEN url ELSE 'new ' || id END;
INSERT INTO page VALUES (3, 'x'), (4, 'four') ON CONFLICT (id) DO UPDATE SET url = 'three';
INSERT INTO page SELECT 5, 'nothing' WHERE false;
COPY page (id, url) FROM stdin;
6	by COPY
7	\N
\.
SELECT gman_do('note', '?');
SELECT gman_watch('page', 'note', '#diff', '{"level": "statement", "delivery": "commit"}');
BEGIN;
UPDATE page SET url = upper(url) WHERE id < 3;
DELETE FROM page WHERE id > 5;
SELECT gman_held_jobs();
COMMIT;
SELECT gman_do('note', '?');
SELECT gman_unwatch('page', 'note');
-- More rows than a packet holds: 2,500 jobs in one statement.
SELECT gman_watch('page', 'never', '#pk', '{"level": "statement", "events": ["insert"]}');
INSERT INTO page SELECT i, 'x' FROM generate_series(1001, 3500) AS i;
SELECT sent >= 2500 AS all_sent FROM gman_deliveries WHERE delivery = 'immediate';
SELECT gman_unwatch('page', 'never');
DELETE FROM page;
-- Uniques: jobs of one row coalesce while they wait, and those of another table never do. What the
-- recorded jobs carry is what would have been sent.
SET gman.enabled = record;
CREATE SCHEMA "an other";
CREATE TABLE "an other".page (LIKE page INCLUDING ALL);
CREATE TABLE plain (url text);
SELECT gman_watch('page', 'f');
SELECT gman_watch('"an other".page', 'f');
INSERT INTO page VALUES (1, 'a');
INSERT INTO "an other".page VALUES (1, 'a');
SELECT gman_watch('page', 'f', 'url', '{"priority": "high"}');
UPDATE page SET url = 'b';
UPDATE page SET url = repeat('long ', 20);
SELECT gman_watch('page', 'f', 'url', '{"unique": false}');
UPDATE page SET url = 'c';
SELECT gman_watch('page', 'f', '#row');
UPDATE page SET url = 'd';
SELECT gman_watch('plain', 'f', 'url');
INSERT INTO plain VALUES ('e');
-- Two rows are two jobs, wherever colons and points stand in keys, values and names.
CREATE SCHEMA "an other.page";
CREATE TABLE colons (id text PRIMARY KEY, url text);
CREATE TABLE "an other.page".colons (LIKE colons INCLUDING ALL);
CREATE TABLE "an other"."page.colons" (LIKE colons INCLUDING ALL);
SELECT gman_watch('colons', 'f', 'url', '{"level": "statement"}');
INSERT INTO colons VALUES ('a', 'b:c'), ('a:b', 'c');
SELECT gman_watch('"an other.page".colons', 'f');
SELECT gman_watch('"an other"."page.colons"', 'f');
INSERT INTO "an other.page".colons VALUES ('a');
INSERT INTO "an other"."page.colons" VALUES ('a');
DROP TABLE colons, "an other.page".colons, "an other"."page.colons";
DROP SCHEMA "an other.page";
SELECT unique_key, priority, left(convert_from(workload, 'UTF8'), 40) AS workload
  FROM gman_recorded ORDER BY number;
SELECT gman_recorded_reset();
RESET gman.enabled;
SELECT gman_unwatch('page', 'f'), gman_unwatch('"an other".page', 'f'), gman_unwatch('plain', 'f');
-- Also in partitions, and in those that come later.
CREATE TABLE event (id int PRIMARY KEY, name text) PARTITION BY RANGE (id);
CREATE TABLE event_low PARTITION OF event FOR VALUES FROM (0) TO (10);
SELECT gman_watch('event', 'note', 'name',
                  '{"events": ["insert", "update", "delete"], "unique": false}');
CREATE TABLE event_high PARTITION OF event FOR VALUES FROM (10) TO (20);
INSERT INTO event VALUES (1, 'low'), (11, 'high');
DELETE FROM event_high;
SELECT gman_do('note', '?');
SELECT watched, events FROM gman_watches ORDER BY trigger_name;
DROP TABLE event;
-- A function with a long name, or a strange one.
SELECT gman_watch('page', repeat('long', 20), 'url');
SELECT gman_watch('page', E'it''s "100%" ä\\', 'url');
SELECT function_name, events, length(trigger_name) FROM gman_watches ORDER BY function_name, events;
SELECT gman_unwatch('page', repeat('long', 20)), gman_unwatch('page', E'it''s "100%" ä\\');
-- What is wrong is told.
\set VERBOSITY terse
SELECT gman_watch(NULL, 'f');
SELECT gman_watch('page', 'f', NULL);
SELECT gman_watch('page', 'f', 'url', '{"level": "table"}');
SELECT gman_watch('page', 'f', 'url', '{"events": ["truncate"]}');
SELECT gman_watch('page', 'f', 'url', '{"events": []}');
SELECT gman_watch('page', 'f', 'url', '{"events": "insert"}');
SELECT gman_watch('nowhere', 'f');
SELECT count(*) FROM gman_watches;
SELECT gman_watch('page', 'f', 'uri');
SELECT gman_watch('page', 'f', 'ctid');
SELECT gman_watch('plain', 'f', '#pk');
SELECT gman_watch('page', 'f', 'url', '{"delivry": "commit"}');
SELECT gman_watch('page', 'f', 'url', '{"unique": "pk"}');
SELECT gman_watch('page', 'f', 'url', '{"run_at": "2100-01-01"}');
-- Of a trigger that was made by hand it is told when it fires, with its name.
\set VERBOSITY default
\set SHOW_CONTEXT errors
CREATE TRIGGER wrong AFTER INSERT ON page FOR EACH ROW
  EXECUTE FUNCTION gman_trigger('f', 'url', '{"delivry": "commit"}');
INSERT INTO page VALUES (9, 'x');
CREATE OR REPLACE TRIGGER wrong AFTER INSERT ON page FOR EACH ROW
  EXECUTE FUNCTION gman_trigger('f', 'url', '{"unique": "pk"}');
INSERT INTO page VALUES (9, 'x');
CREATE OR REPLACE TRIGGER wrong AFTER INSERT ON page FOR EACH ROW
  EXECUTE FUNCTION gman_trigger('f', 'url', 'no json');
INSERT INTO page VALUES (9, 'x');
SELECT watched, options FROM gman_watches;
-- An argument that looks like the end of one, as the catalogue writes it, is none.
CREATE OR REPLACE TRIGGER wrong AFTER INSERT ON page FOR EACH ROW
  EXECUTE FUNCTION gman_trigger('f\000', 'url\', '\134');
SELECT watched, function_name, what, options FROM gman_watches;
DROP TRIGGER wrong ON page;
SELECT gman_watch('page', 'f\000\', 'url', '{"events": ["insert"]}');
SELECT gman_unwatch('page', 'f\000'), gman_unwatch('page', 'f\'),
       gman_unwatch('page', 'f\000\') AS found;
CREATE TRIGGER wrong AFTER INSERT ON plain FOR EACH ROW EXECUTE FUNCTION gman_trigger('f', '#pk');
INSERT INTO plain VALUES ('x');
\set SHOW_CONTEXT never
CREATE TRIGGER wrong AFTER TRUNCATE ON page EXECUTE FUNCTION gman_trigger('f', '#pk');
TRUNCATE page;
DROP TRIGGER wrong ON page;
CREATE TRIGGER wrong AFTER UPDATE ON page REFERENCING NEW TABLE AS new_rows
  EXECUTE FUNCTION gman_trigger('f', '#diff');
UPDATE page SET url = 'x';
DROP TRIGGER wrong ON page;
CREATE TRIGGER wrong AFTER DELETE ON page EXECUTE FUNCTION gman_trigger('f', '#pk');
DELETE FROM page;
DROP TRIGGER wrong ON page;
DROP TABLE page, line, plain, "an other".page;
DROP SCHEMA "an other";
