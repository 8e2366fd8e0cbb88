-- SPDX-License-Identifier: BSD-3-Clause
-- The outbox: jobs as rows, in the same transaction as the data that they are about.
--
--   psql -v ON_ERROR_STOP=1 -d DATABASE -f sql/postgres/outbox.sql
--
-- Needs PostgreSQL 13 or later and CREATE on the database, and no compiled code. May be run again
-- at any time; outbox_uninstall.sql takes it away. gman-relay ships the rows after their commit
-- (docs/RELAY.md), and what is promised when something dies is in docs/DELIVERY.md.
BEGIN;
-- Names mean what they mean in pg_catalog, whatever the session's search_path says.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE SCHEMA IF NOT EXISTS gman;
-- Who owns the schema may put what they like in the place of what is made here, and what is made
-- here runs with the rights of whoever runs this script.
DO $$
DECLARE
  owner record;
BEGIN
  SELECT r.rolname AS name, r.rolsuper AS is_superuser INTO STRICT owner
    FROM pg_namespace AS n JOIN pg_roles AS r ON r.oid = n.nspowner
   WHERE n.nspname = 'gman';
  IF owner.name <> current_user AND NOT owner.is_superuser THEN
    RAISE insufficient_privilege USING
      MESSAGE = format('schema gman belongs to role %I', owner.name),
      HINT = format('Run this as %I, or give the schema another owner or name.', owner.name);
  END IF;
END $$;
COMMENT ON SCHEMA gman IS 'gman''s outbox: jobs that gman-relay ships after their commit.';

-- CREATE TYPE knows no IF NOT EXISTS.
DO $$
BEGIN
  IF to_regtype('gman.job_priority') IS NULL THEN
    CREATE TYPE gman.job_priority AS ENUM ('high', 'normal', 'low');
    COMMENT ON TYPE gman.job_priority IS 'In the order in which jobs are shipped and run.';
  END IF;
  IF to_regtype('gman.job_delivery') IS NULL THEN
    CREATE TYPE gman.job_delivery AS ENUM ('queue', 'completion');
    COMMENT ON TYPE gman.job_delivery IS
      'When the row is deleted: once a job server has the job, or once a worker completed it.';
  END IF;
  IF to_regtype('gman.job_state') IS NULL THEN
    CREATE TYPE gman.job_state AS ENUM ('ready', 'dead');
    COMMENT ON TYPE gman.job_state IS 'dead: given up, until gman.retry() or gman.forget_dead().';
  END IF;
END $$;

CREATE TABLE IF NOT EXISTS gman.outbox (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Names are compared by their bytes, so that no other locale or ICU version changes the index.
  function_name text COLLATE "C" NOT NULL
    CONSTRAINT function_name_length CHECK (octet_length(function_name) BETWEEN 1 AND 512),
  unique_key    text COLLATE "C"
    CONSTRAINT unique_key_length CHECK (octet_length(unique_key) BETWEEN 1 AND 64),
  priority      gman.job_priority NOT NULL DEFAULT 'normal',
  delivery      gman.job_delivery NOT NULL DEFAULT 'queue',
  state         gman.job_state NOT NULL DEFAULT 'ready',
  run_at        timestamptz NOT NULL DEFAULT now()
    CONSTRAINT run_at_is_finite CHECK (isfinite(run_at)),
  lease_until   timestamptz,
  leased_by     uuid,
  attempts      integer NOT NULL DEFAULT 0,
  created_at    timestamptz NOT NULL DEFAULT now(),
  last_error    text,
  workload      bytea NOT NULL
    CONSTRAINT workload_length CHECK (octet_length(workload) <= 67108864)
) WITH (
  -- A row lives shortly: it is inserted, leased (an update, which finds room on its page) and
  -- deleted. So vacuum comes after a number of rows, not after a share of the table, and does not
  -- pause. A transaction that stays open for long keeps it from its work: docs/RELAY.md.
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 10000,
  autovacuum_vacuum_insert_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = 50000,
  autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 10000,
  autovacuum_vacuum_cost_delay = 0,
  toast.autovacuum_vacuum_scale_factor = 0,
  toast.autovacuum_vacuum_threshold = 10000,
  toast.autovacuum_vacuum_cost_delay = 0
);

-- What is due is found by function and priority, so that ten million rows of one function, or of a
-- paused one, are in nobody's way.
CREATE INDEX IF NOT EXISTS outbox_by_time
  ON gman.outbox (delivery, function_name, priority, run_at, id) WHERE state = 'ready';
CREATE INDEX IF NOT EXISTS outbox_by_death ON gman.outbox (run_at) WHERE state = 'dead';

COMMENT ON TABLE gman.outbox IS
  'One job a row. Made by gman.enqueue(), deleted by gman-relay when it was delivered.';
COMMENT ON COLUMN gman.outbox.unique_key IS
  'The job''s unique; NULL: "<database uuid>:<id>", which a second delivery is recognised by.';
COMMENT ON COLUMN gman.outbox.delivery IS
  'queue: deleted when a job server has the job; completion: when a worker completed it.';
COMMENT ON COLUMN gman.outbox.run_at IS
  'Not before this time: what was asked for, the end of the lease, or when it is tried again. '
  'Of a dead row: when it was given up.';
COMMENT ON COLUMN gman.outbox.lease_until IS 'While a relay has the row: until when.';
COMMENT ON COLUMN gman.outbox.leased_by IS 'Which relay has it; the log of each names its own.';
COMMENT ON COLUMN gman.outbox.attempts IS 'How often it was leased to be sent.';

CREATE TABLE IF NOT EXISTS gman.outbox_setting (
  is_only_row   boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
  database_uuid uuid NOT NULL DEFAULT gen_random_uuid(),
  notify        boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE gman.outbox_setting IS 'One row with what concerns the outbox as a whole.';
COMMENT ON COLUMN gman.outbox_setting.database_uuid IS
  'Begins the uniques of its jobs. After a restore from a backup: SELECT gman.renew_uuid().';
COMMENT ON COLUMN gman.outbox_setting.notify IS
  'Whether gman.enqueue() wakes a relay that runs with --listen. NOTIFY makes commits wait for '
  'each other: for few and urgent jobs.';
INSERT INTO gman.outbox_setting DEFAULT VALUES ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS gman.outbox_pause (
  function_name text COLLATE "C" PRIMARY KEY,
  paused_at     timestamptz NOT NULL DEFAULT now(),
  paused_by     text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE gman.outbox_pause IS
  'Functions whose jobs stay in the outbox: gman.pause(), gman.resume().';

-- Enqueueing -------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION gman.enqueue(
  function_name text,
  workload      bytea,
  unique_key    text DEFAULT NULL,
  priority      text DEFAULT 'normal',
  run_at        timestamptz DEFAULT NULL,
  delivery      text DEFAULT 'queue')
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  setting gman.outbox_setting;
  new_id  bigint;
BEGIN
  -- One expression for the many jobs that are good; which of its parts is wrong is asked only then.
  IF (octet_length(function_name) BETWEEN 1 AND 512 AND octet_length(workload) <= 67108864
      AND priority IN ('high', 'normal', 'low') AND delivery IN ('queue', 'completion')
      AND coalesce(run_at < 'infinity' AND run_at > '-infinity', true)
      AND coalesce(unique_key <> '', true)) IS NOT TRUE THEN
    IF function_name IS NULL OR workload IS NULL THEN
      RAISE null_value_not_allowed USING
        MESSAGE = format('gman.enqueue: the %s is NULL',
                         CASE WHEN function_name IS NULL THEN 'function' ELSE 'workload' END),
        HINT = 'A job needs both; an empty workload is '''' and not NULL.';
    END IF;
    IF octet_length(function_name) NOT BETWEEN 1 AND 512 THEN
      RAISE invalid_parameter_value USING
        MESSAGE = format('gman.enqueue: the function''s name has %s bytes',
                         octet_length(function_name)),
        HINT = 'Give 1 to 512 bytes.';
    END IF;
    IF octet_length(workload) > 67108864 THEN
      RAISE invalid_parameter_value USING
        MESSAGE = format('gman.enqueue: the workload has %s bytes', octet_length(workload)),
        HINT = 'A job carries at most 64 MiB: send a key, and let the worker read the data.';
    END IF;
    IF priority IS NULL OR priority NOT IN ('high', 'normal', 'low') THEN
      RAISE invalid_parameter_value USING
        MESSAGE = format('gman.enqueue: %L is no priority', priority),
        HINT = 'Give high, normal or low.';
    END IF;
    IF delivery IS NULL OR delivery NOT IN ('queue', 'completion') THEN
      RAISE invalid_parameter_value USING
        MESSAGE = format('gman.enqueue: %L is no delivery', delivery),
        HINT = 'Give queue (to a job server) or completion (until a worker has completed it).';
    END IF;
    IF run_at IN ('infinity', '-infinity') THEN
      RAISE invalid_parameter_value USING
        MESSAGE = format('gman.enqueue: run_at is %s', run_at),
        HINT = 'Give a time, or NULL for at once.';
    END IF;
    IF unique_key = '' THEN
      RAISE invalid_parameter_value USING
        MESSAGE = 'gman.enqueue: the unique is empty',
        HINT = 'NULL is a job without one of its own.';
    END IF;
  END IF;
  -- A key that is too long is hashed, never cut: two keys must not become one.
  IF octet_length(unique_key) > 64 THEN
    unique_key := encode(sha256(convert_to(unique_key, 'UTF8')), 'hex');
  END IF;

  SELECT * INTO STRICT setting FROM gman.outbox_setting;
  INSERT INTO gman.outbox (function_name, unique_key, priority, delivery, run_at, workload)
  VALUES (function_name, unique_key, priority::gman.job_priority, delivery::gman.job_delivery,
          coalesce(run_at, now()), workload)
  RETURNING id INTO new_id;
  IF setting.notify THEN
    PERFORM pg_notify('gman_outbox', '');
  END IF;
  RETURN coalesce(unique_key, setting.database_uuid::text || ':' || new_id::text);
END $$;
COMMENT ON FUNCTION gman.enqueue(text, bytea, text, text, timestamptz, text) IS
  'Puts a job into the outbox and returns its unique. It is shipped after COMMIT, and only then; '
  'ROLLBACK forgets it. unique_key joins jobs that have not started; priority: high, normal, low; '
  'delivery: queue, completion. Raises null_value_not_allowed (22004) and '
  'invalid_parameter_value (22023).';

CREATE OR REPLACE FUNCTION gman.enqueue(
  function_name text,
  workload      text,
  unique_key    text DEFAULT NULL,
  priority      text DEFAULT 'normal',
  run_at        timestamptz DEFAULT NULL,
  delivery      text DEFAULT 'queue')
RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $$
  SELECT gman.enqueue($1, pg_catalog.convert_to($2, 'UTF8'), $3, $4, $5, $6)
$$;
COMMENT ON FUNCTION gman.enqueue(text, text, text, text, timestamptz, text) IS
  'The same for text, which workers get as UTF-8.';

-- Operating --------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION gman.pause(function_name text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF $1 IS NULL OR octet_length($1) NOT BETWEEN 1 AND 512 THEN
    RAISE invalid_parameter_value USING
      MESSAGE = 'gman.pause: no function is named', HINT = 'Give its name, 1 to 512 bytes.';
  END IF;
  INSERT INTO gman.outbox_pause (function_name) VALUES ($1) ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION gman.pause(text) IS
  'Keeps the jobs of a function in the outbox until gman.resume(). What is at a job server is not '
  'called back.';

CREATE OR REPLACE FUNCTION gman.resume(function_name text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  DELETE FROM gman.outbox_pause AS pause WHERE pause.function_name = $1;
  RETURN FOUND;
END $$;
COMMENT ON FUNCTION gman.resume(text) IS 'Ends gman.pause(); false: it was not paused.';

CREATE OR REPLACE FUNCTION gman.retry(id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE gman.outbox AS job SET state = 'ready', run_at = now(), attempts = 0
   WHERE job.id = $1 AND job.lease_until IS NULL;
  IF FOUND THEN RETURN; END IF;
  IF EXISTS (SELECT FROM gman.outbox AS job WHERE job.id = $1) THEN
    RAISE object_in_use USING
      MESSAGE = format('gman.retry: a relay has job %s', $1),
      HINT = 'It is on its way; gman.outbox.lease_until says until when.';
  END IF;
  RAISE no_data_found USING
    MESSAGE = format('gman.retry: there is no job %s', $1),
    HINT = 'It may have been delivered; SELECT * FROM gman.outbox_dead lists those that were not.';
END $$;
COMMENT ON FUNCTION gman.retry(bigint) IS
  'Tries a dead job again, or one that waits for its next attempt at once.';

CREATE OR REPLACE FUNCTION gman.retry_dead(function_name text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  jobs bigint;
BEGIN
  UPDATE gman.outbox AS job SET state = 'ready', run_at = now(), attempts = 0
   WHERE job.state = 'dead' AND ($1 IS NULL OR job.function_name = $1);
  GET DIAGNOSTICS jobs = ROW_COUNT;
  RETURN jobs;
END $$;
COMMENT ON FUNCTION gman.retry_dead(text) IS
  'Tries all dead jobs again, or those of one function; returns how many.';

CREATE OR REPLACE FUNCTION gman.forget_dead(older_than interval DEFAULT '30 days') RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  jobs bigint;
BEGIN
  IF older_than IS NULL OR older_than < interval '0' THEN
    RAISE invalid_parameter_value USING
      MESSAGE = format('gman.forget_dead: %L is no age', older_than),
      HINT = 'Give an interval, as ''30 days''.';
  END IF;
  DELETE FROM gman.outbox WHERE state = 'dead' AND run_at <= now() - older_than;
  GET DIAGNOSTICS jobs = ROW_COUNT;
  RETURN jobs;
END $$;
COMMENT ON FUNCTION gman.forget_dead(interval) IS
  'Deletes dead jobs that were given up so long ago; returns how many. gman-relay calls it once an '
  'hour (--dead-days).';

CREATE OR REPLACE FUNCTION gman.renew_uuid() RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  renewed uuid;
BEGIN
  UPDATE gman.outbox_setting SET database_uuid = gen_random_uuid()
  RETURNING database_uuid INTO renewed;
  RETURN renewed;
END $$;
COMMENT ON FUNCTION gman.renew_uuid() IS
  'Gives the database another uuid: after a restore from a backup and in a copy, whose new jobs '
  'get ids that were used before and would be taken for those of then. Start relays anew.';

CREATE OR REPLACE FUNCTION gman.notify(is_wanted boolean) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ UPDATE gman.outbox_setting SET notify = coalesce($1, false) $$;
COMMENT ON FUNCTION gman.notify(boolean) IS
  'Whether gman.enqueue() wakes relays that run with --listen. NOTIFY makes commits wait for each '
  'other: for few and urgent jobs.';

CREATE OR REPLACE VIEW gman.outbox_stats AS
SELECT job.function_name,
       count(*) FILTER (WHERE job.state = 'ready' AND job.lease_until IS NULL
                          AND job.run_at <= now()) AS due,
       count(*) FILTER (WHERE job.state = 'ready' AND job.lease_until IS NULL
                          AND job.run_at > now() AND job.attempts = 0) AS scheduled,
       count(*) FILTER (WHERE job.state = 'ready' AND job.lease_until IS NULL
                          AND job.run_at > now() AND job.attempts > 0) AS retrying,
       count(*) FILTER (WHERE job.lease_until IS NOT NULL) AS leased,
       count(*) FILTER (WHERE job.state = 'dead') AS dead,
       round(extract(epoch FROM now() - min(job.run_at)
                     FILTER (WHERE job.state = 'ready' AND job.run_at <= now())))::bigint
         AS oldest_due_seconds,
       bool_or(pause.function_name IS NOT NULL) AS is_paused
  FROM gman.outbox AS job
  LEFT JOIN gman.outbox_pause AS pause ON pause.function_name = job.function_name
 GROUP BY job.function_name
 ORDER BY job.function_name;
COMMENT ON VIEW gman.outbox_stats IS
  'What the outbox holds, by function. It counts the rows, so it takes as long as there are many.';

CREATE OR REPLACE VIEW gman.outbox_dead AS
SELECT id, function_name, unique_key, delivery, attempts, created_at, run_at AS died_at, last_error
  FROM gman.outbox
 WHERE state = 'dead';
COMMENT ON VIEW gman.outbox_dead IS
  'Jobs that were given up, and why: gman.retry(id), gman.forget_dead().';

-- Who may do what --------------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA gman FROM PUBLIC;
-- Roles belong to the whole cluster. Who may not make them installs all the same, and grants by
-- hand what stands below.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['gman_enqueuer', 'gman_relay', 'gman_operator'] LOOP
    BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
      END IF;
    EXCEPTION
      WHEN insufficient_privilege THEN
        RAISE NOTICE 'the role % is not made: you may not create roles', role_name;
        CONTINUE;
      WHEN duplicate_object OR unique_violation THEN
        NULL;  -- another database of the cluster was quicker
    END;
    EXECUTE format('GRANT USAGE ON SCHEMA gman TO %I', role_name);
  END LOOP;
  IF to_regrole('gman_enqueuer') IS NOT NULL THEN
    GRANT EXECUTE ON FUNCTION
      gman.enqueue(text, bytea, text, text, timestamptz, text),
      gman.enqueue(text, text, text, text, timestamptz, text) TO gman_enqueuer;
  END IF;
  IF to_regrole('gman_relay') IS NOT NULL THEN
    GRANT SELECT, DELETE ON gman.outbox TO gman_relay;
    GRANT UPDATE (state, run_at, lease_until, leased_by, attempts, last_error)
      ON gman.outbox TO gman_relay;
    GRANT SELECT ON gman.outbox_setting, gman.outbox_pause, gman.outbox_stats, gman.outbox_dead
      TO gman_relay;
    GRANT EXECUTE ON FUNCTION gman.forget_dead(interval) TO gman_relay;
  END IF;
  IF to_regrole('gman_operator') IS NOT NULL THEN
    GRANT SELECT ON ALL TABLES IN SCHEMA gman TO gman_operator;
    GRANT EXECUTE ON FUNCTION
      gman.pause(text), gman.resume(text), gman.retry(bigint), gman.retry_dead(text),
      gman.forget_dead(interval) TO gman_operator;
  END IF;
END $$;

COMMIT;
