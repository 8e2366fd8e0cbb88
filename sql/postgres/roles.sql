-- SPDX-License-Identifier: BSD-3-Clause
-- Roles for those who use the extension, and what they may do in this database, by psql as a
-- superuser, in each database where CREATE EXTENSION gman was run:
--
--   psql -d DATABASE -f sql/postgres/roles.sql
--
--   gman_submit   queues background jobs, and makes triggers that do
--   gman_call     runs jobs and waits for their results
--   gman_admin    both, and chooses servers and settings; to install the outbox it also needs
--                 GRANT CREATE ON DATABASE … TO gman_admin, which is left to you
--
-- Then: GRANT gman_submit, gman_call TO app. Who only writes tables that have a trigger needs none
-- of them. May be run again at any time. Roles belong to the whole cluster, so that neither
-- CREATE EXTENSION makes them nor DROP EXTENSION takes them away; the grants are kept by pg_dump.
\set ON_ERROR_STOP on
BEGIN;
-- Names mean what they mean in pg_catalog, whatever the session's search_path says.
SET LOCAL search_path = pg_catalog, pg_temp;
DO $$
DECLARE
  home      text := (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'gman');
  role_name text;
  member    record;
  parameter text;
BEGIN
  IF home IS NULL THEN
    RAISE undefined_object USING
      MESSAGE = 'this database has no extension gman', HINT = 'CREATE EXTENSION gman';
  END IF;
  FOREACH role_name IN ARRAY ARRAY['gman_submit', 'gman_call', 'gman_admin'] LOOP
    BEGIN
      IF to_regrole(role_name) IS NULL THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
      END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;  -- another database of the cluster was quicker
    END;
    EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I', home, role_name);
  END LOOP;
  FOREACH role_name IN ARRAY ARRAY['gman_submit', 'gman_call'] LOOP
    IF NOT pg_has_role('gman_admin', role_name, 'MEMBER') THEN
      EXECUTE format('GRANT %I TO gman_admin', role_name);
    END IF;
  END LOOP;

  FOR member IN
    SELECT p.oid::regprocedure AS function, p.proname AS name
      FROM pg_proc AS p
      JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                         AND d.deptype = 'e'
      JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
     WHERE e.extname = 'gman'
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', member.function,
      CASE WHEN member.name IN ('gman_do', 'gman_do_high', 'gman_do_low', 'gman_do_many')
                  OR member.name IN ('gman_map', 'gman_sum') OR member.name ^@ 'gman_group_'
                THEN 'gman_call'
           WHEN member.name IN ('gman_servers_set', 'gman_outbox_install', 'gman_cancel',
                                'gman_servers', 'gman_functions', 'gman_workers')
                THEN 'gman_admin'
           ELSE 'gman_submit' END);
  END LOOP;
  EXECUTE format('GRANT EXECUTE ON FUNCTION %s.gman_ping() TO gman_call', home);
  EXECUTE format('GRANT SELECT ON %1$s.gman_watches, %1$s.gman_deliveries, %1$s.gman_recorded, '
                 '%1$s.gman_status TO gman_submit', home);

  FOREACH parameter IN ARRAY ARRAY['servers', 'max_workload', 'commit_budget', 'commit_jobs_max',
                                   'on_error', 'enabled'] LOOP
    EXECUTE format('GRANT SET ON PARAMETER gman.%s TO gman_admin', parameter);
  END LOOP;
END $$;
COMMIT;
