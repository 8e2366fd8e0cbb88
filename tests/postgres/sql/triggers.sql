-- gman_trigger: rows become jobs. The worker of `note` tells which came, in their order.
CREATE TABLE page (id int PRIMARY KEY, url text, fetched date);
CREATE TRIGGER page_index AFTER INSERT OR UPDATE OR DELETE ON page
  FOR EACH ROW EXECUTE FUNCTION gman_trigger('note', 'url');
INSERT INTO page (id, url) VALUES (1, 'http://a/'), (2, 'http://b/?q=ä'), (3, NULL);
SELECT gman_do('note', '?');
-- An UPDATE sends the new value, a DELETE the old one.
UPDATE page SET url = url || '#new' WHERE id = 1;
DELETE FROM page WHERE id = 2;
SELECT gman_do('note', '?');
-- NULL sends nothing, whatever happens to the row; a column that becomes NULL neither.
UPDATE page SET id = 4 WHERE id = 3;
UPDATE page SET url = NULL WHERE id = 1;
DELETE FROM page;
SELECT gman_do('note', '?') = '' AS nothing_sent;
-- Without a unique, each change is a job, also when one for the row is queued.
CREATE OR REPLACE TRIGGER page_index AFTER INSERT OR UPDATE OR DELETE ON page
  FOR EACH ROW EXECUTE FUNCTION gman_trigger('note', 'url', '{"unique": false}');
INSERT INTO page (id, url) VALUES (1, 'same');
UPDATE page SET id = 1;
UPDATE page SET id = 1;
SELECT gman_do('note', '?');
-- Statements see their own result, and RETURNING is as without the trigger.
INSERT INTO page (id, url) VALUES (7, 'seven') RETURNING id, url;
INSERT INTO page (id, url) VALUES (7, 'eight') ON CONFLICT (id) DO UPDATE SET url = excluded.url
  RETURNING id, url;
SELECT gman_do('note', '?');
-- Immediate: what was rolled back has been sent all the same.
BEGIN;
INSERT INTO page (id, url) VALUES (8, 'rolled back');
ROLLBACK;
SELECT gman_do('note', '?'), (SELECT count(*) FROM page WHERE id = 8) AS rows;
-- Deferred to the end of the transaction, a ROLLBACK drops the job, also one to a savepoint.
DROP TRIGGER page_index ON page;
CREATE CONSTRAINT TRIGGER page_index AFTER INSERT ON page DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION gman_trigger('note', 'url');
BEGIN;
INSERT INTO page (id, url) VALUES (9, 'rolled back');
ROLLBACK;
BEGIN;
INSERT INTO page (id, url) VALUES (10, 'kept');
SAVEPOINT s;
INSERT INTO page (id, url) VALUES (11, 'dropped');
ROLLBACK TO SAVEPOINT s;
SELECT gman_do('note', '?') = '' AS nothing_yet;
COMMIT;
SELECT gman_do('note', '?');
DROP TRIGGER page_index ON page;
-- Any type, by its output function; a WHEN clause and a column list spare jobs.
CREATE TRIGGER page_fetched AFTER UPDATE OF fetched ON page
  FOR EACH ROW WHEN (OLD.fetched IS DISTINCT FROM NEW.fetched)
  EXECUTE FUNCTION gman_trigger('note', 'fetched');
UPDATE page SET fetched = '2026-01-31';
UPDATE page SET fetched = '2026-01-31';
UPDATE page SET url = 'x';
SELECT gman_do('note', '?');
DROP TRIGGER page_fetched ON page;
-- By name: also in partitions whose columns stand elsewhere, and after a column was dropped.
CREATE TABLE event (gone int, day date, name text) PARTITION BY RANGE (day);
CREATE TABLE event_2026 (name text, other int, day date);
ALTER TABLE event DROP COLUMN gone;
ALTER TABLE event_2026 DROP COLUMN other;
ALTER TABLE event ATTACH PARTITION event_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TRIGGER event_note AFTER INSERT ON event
  FOR EACH ROW EXECUTE FUNCTION gman_trigger('note', 'name');
INSERT INTO event (day, name) VALUES ('2026-05-01', 'through the parent');
INSERT INTO event_2026 (day, name) VALUES ('2026-05-02', 'directly');
COPY event FROM stdin;
2026-05-03	by COPY
\.
SELECT gman_do('note', '?');
DROP TABLE event;
-- Wrong uses are errors that say what is right.
SELECT gman_trigger();
CREATE TRIGGER wrong BEFORE INSERT ON page
  FOR EACH ROW EXECUTE FUNCTION gman_trigger('note', 'url');
INSERT INTO page (id, url) VALUES (20, 'x');
DROP TRIGGER wrong ON page;
CREATE TRIGGER wrong AFTER INSERT ON page
  FOR EACH STATEMENT EXECUTE FUNCTION gman_trigger('note', 'url');
INSERT INTO page (id, url) VALUES (20, 'x');
DROP TRIGGER wrong ON page;
CREATE TRIGGER wrong AFTER INSERT ON page FOR EACH ROW EXECUTE FUNCTION gman_trigger('note');
INSERT INTO page (id, url) VALUES (20, 'x');
DROP TRIGGER wrong ON page;
CREATE TRIGGER wrong AFTER INSERT ON page
  FOR EACH ROW EXECUTE FUNCTION gman_trigger('note', 'uri');
INSERT INTO page (id, url) VALUES (20, 'x');
DROP TRIGGER wrong ON page;
CREATE TRIGGER wrong AFTER INSERT ON page
  FOR EACH ROW EXECUTE FUNCTION gman_trigger('note', 'ctid');
INSERT INTO page (id, url) VALUES (20, 'x');
DROP TRIGGER wrong ON page;
CREATE TRIGGER wrong AFTER INSERT ON page
  FOR EACH ROW EXECUTE FUNCTION gman_trigger('', 'url');
\set VERBOSITY terse
INSERT INTO page (id, url) VALUES (20, 'x');
\set VERBOSITY default
-- The statement has failed as a whole, and sent nothing.
SELECT count(*) FROM page WHERE id = 20;
SELECT gman_do('note', '?') = '' AS nothing_sent;
DROP TABLE page;
