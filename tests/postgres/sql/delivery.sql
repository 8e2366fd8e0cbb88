-- However busy the machine is.
SET gman.commit_budget = '10s';
-- Delivery `commit`: sent when the transaction has committed, and only then. The worker of `note`
-- tells which jobs came, in their order.
CREATE FUNCTION later(workload text) RETURNS boolean LANGUAGE sql
  AS $$ SELECT gman_do_background('note', workload, NULL, '{"delivery": "commit"}')
               ~ '^[0-9a-f]{32}$' $$;
BEGIN;
SELECT later('one');
SELECT later('two');
SELECT gman_do('note', '?') = '' AS nothing_yet, gman_held_jobs();
COMMIT;
SELECT gman_do('note', '?'), gman_held_jobs();
-- The unique that is returned is the job's; one that was given is kept.
SELECT gman_do_background('never', 'x', 'mine', '{"delivery": "commit"}');
SELECT gman_do_background('never', 'y', 'mine', '{"delivery": "commit"}')
  FROM generate_series(1, 2);
-- One statement is a transaction, too.
SELECT later(word) FROM unnest(ARRAY['a', 'b', 'c']) AS word;
SELECT gman_do('note', '?');
-- ROLLBACK, and an error.
BEGIN;
SELECT later('rolled back');
ROLLBACK;
SELECT later('failed'), 1 / 0;
SELECT gman_do('note', '?') = '' AS nothing_sent, gman_held_jobs();
-- Savepoints.
BEGIN;
SELECT later('before');
SAVEPOINT a;
SELECT later('in a');
SAVEPOINT b;
SELECT later('in b');
ROLLBACK TO SAVEPOINT b;
SELECT later('in b again');
RELEASE SAVEPOINT b;
SAVEPOINT c;
SELECT later('in c');
RELEASE SAVEPOINT c;
SELECT gman_held_jobs();
SAVEPOINT d;
SELECT later('in d');
SAVEPOINT e;
SELECT later('in e');
RELEASE SAVEPOINT e;
ROLLBACK TO SAVEPOINT d;
SELECT later('after');
COMMIT;
SELECT gman_do('note', '?');
BEGIN;
SELECT later('before');
SAVEPOINT a;
SELECT later('in a');
SAVEPOINT b;
SELECT later('in b');
RELEASE SAVEPOINT b;
ROLLBACK TO SAVEPOINT a;
ROLLBACK TO SAVEPOINT a;
COMMIT;
SELECT gman_do('note', '?');
-- Functions that call each other, and catch.
CREATE FUNCTION inner_one(fails boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM later('inner ' || fails);
  IF fails THEN RAISE EXCEPTION 'as told'; END IF;
END $$;
CREATE FUNCTION outer_one() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM later('outer before');
  FOR i IN 1..3 LOOP
    BEGIN
      PERFORM later('block ' || i);
      BEGIN
        PERFORM inner_one(i = 2);
      EXCEPTION WHEN raise_exception THEN
        PERFORM later('handler ' || i);
      END;
      IF i = 3 THEN RAISE division_by_zero; END IF;
    EXCEPTION WHEN division_by_zero THEN
      PERFORM later('outer handler');
    END;
  END LOOP;
  PERFORM later('outer after');
END $$;
SELECT outer_one();
SELECT gman_do('note', '?');
-- A procedure that commits, and one that rolls back.
CREATE PROCEDURE in_steps() LANGUAGE plpgsql AS $$
BEGIN
  PERFORM later('step 1');
  COMMIT;
  PERFORM later('step 2');
  ROLLBACK;
  PERFORM later('step 3');
END $$;
CALL in_steps();
SELECT gman_do('note', '?');
-- COMMIT AND CHAIN sends what was committed, and the next transaction begins with none.
BEGIN;
SELECT later('first');
COMMIT AND CHAIN;
SELECT gman_do('note', '?'), gman_held_jobs();
SELECT later('second');
ROLLBACK AND CHAIN;
SELECT later('third');
COMMIT;
SELECT gman_do('note', '?');
-- A cursor: jobs belong to the savepoint in which a row was fetched.
BEGIN;
DECLARE c CURSOR FOR SELECT later('row ' || i) FROM generate_series(1, 5) AS i;
FETCH 1 FROM c;
SAVEPOINT s;
FETCH 2 FROM c;
ROLLBACK TO SAVEPOINT s;
FETCH 1 FROM c;
COMMIT;
SELECT gman_do('note', '?');
-- One WITH HOLD is run to its end by COMMIT, and so are its jobs sent. Without NO SCROLL PostgreSQL
-- would begin it anew for that, and send the first one twice.
BEGIN;
DECLARE held NO SCROLL CURSOR WITH HOLD FOR
  SELECT later('held ' || i) FROM generate_series(1, 3) AS i;
FETCH 1 FROM held;
COMMIT;
CLOSE held;
SELECT gman_do('note', '?');
-- A commit that fails sends nothing.
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
BEGIN;
INSERT INTO child VALUES (1);
SELECT later('orphan');
COMMIT;
SELECT gman_do('note', '?') = '' AS nothing_sent, gman_held_jobs();
-- A deferred trigger may still add jobs.
CREATE FUNCTION add_late() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN PERFORM later('deferred ' || NEW.id); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON parent DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION add_late();
INSERT INTO parent VALUES (1), (2);
SELECT gman_do('note', '?');
DROP TABLE child, parent;
-- PREPARE TRANSACTION is refused, and so nothing is prepared or sent.
BEGIN;
SELECT later('prepared');
PREPARE TRANSACTION 'p';
SELECT count(*) FROM pg_prepared_xacts;
BEGIN;
SELECT later('dropped');
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT later('taken back');
ROLLBACK TO SAVEPOINT s;
PREPARE TRANSACTION 'p';
ROLLBACK PREPARED 'p';
SELECT gman_do('note', '?') = '' AS nothing_sent;
-- More than gman.commit_jobs_max go into the outbox; without one the transaction fails.
SET gman.commit_jobs_max = 3;
SELECT count(later(i::text)) FROM generate_series(1, 3) AS i;
SELECT gman_do('note', '?');
SELECT count(later(i::text)) FROM generate_series(1, 4) AS i;
SELECT gman_do('note', '?') = '' AS nothing_sent, gman_held_jobs();
RESET gman.commit_jobs_max;
-- The setting decides for calls that do not.
SET gman.delivery = commit;
SELECT gman_do_background('note', 'by the setting') ~ '^[0-9a-f]{32}$' AS is_unique;
SELECT gman_do_background('note', 'by the call', NULL, '{"delivery": "immediate"}') ~ '^H:'
  AS is_handle;
RESET gman.delivery;
SELECT gman_do('note', '?');
-- What a job must be is checked when it is asked for, not at COMMIT.
\set VERBOSITY terse
BEGIN;
SELECT gman_do_background('', 'x', NULL, '{"delivery": "commit"}');
ROLLBACK;
SELECT gman_do_background('f', 'x', repeat('u', 65), '{"delivery": "commit"}');
SELECT count(gman_do_background('f', repeat('x', 64 * 1024 * 1024), 'u', '{"delivery": "commit"}'));
\set VERBOSITY default
-- Many jobs of several functions and priorities, in as many packets as they need.
SELECT count(gman_do_background('many_' || i % 3, i::text, NULL, options))
  FROM generate_series(1, 900) AS i,
       LATERAL (SELECT jsonb_build_object('delivery', 'commit', 'priority',
                        (ARRAY['high', 'normal', 'low'])[i % 3 + 1]) AS options) AS o;
DROP FUNCTION later, inner_one, outer_one, add_late;
DROP PROCEDURE in_steps;
