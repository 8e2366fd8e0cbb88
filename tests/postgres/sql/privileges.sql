-- However busy the machine is.
SET gman.commit_budget = '10s';
-- Nobody but a superuser may send anything until it is granted; who may write a table may fire its
-- trigger.
CREATE ROLE bare;
CREATE ROLE writer;
CREATE ROLE owner;
CREATE TABLE page (url text);
CREATE TRIGGER page_index AFTER INSERT ON page
  FOR EACH ROW EXECUTE FUNCTION gman_trigger('note', 'url');
GRANT INSERT ON page TO writer;
GRANT CREATE ON SCHEMA public TO owner;
SET ROLE bare;
SELECT gman_do('reverse', 'x');
SELECT gman_do_high('reverse', 'x');
SELECT gman_do_low('reverse', 'x');
SELECT gman_do_background('note', 'x');
SELECT gman_do_high_background('note', 'x');
SELECT gman_do_low_background('note', 'x');
SELECT gman_ping();
SELECT gman_servers_set('127.0.0.1:1');
SELECT gman_trigger();
SELECT gman_do('reverse', 'x'::bytea);
SELECT gman_do_at('note', 'x', now());
SELECT * FROM gman_do_many('reverse', ARRAY['x']);
SELECT gman_map('reverse', 'x');
SELECT gman_sum('reverse', '1');
SELECT * FROM gman_servers();
SELECT * FROM gman_functions();
SELECT * FROM gman_workers();
SELECT gman_job_status('x');
SELECT gman_cancel('x');
SELECT gman_watch('page', 'note', 'url');
SELECT gman_unwatch('page', 'note');
SELECT gman_outbox_install();
SELECT gman_held_jobs();
SELECT gman_recorded_reset();
SELECT count(*) FROM gman_recorded;
SELECT count(*) FROM gman_deliveries;
SELECT count(*) FROM gman_watches;
SELECT count(*) FROM gman_status;
SELECT gman_version() IS NOT NULL AS everybody_may_know_the_version;
SET gman.servers = '127.0.0.1:1';
SET gman.enabled = off;
SET gman.on_error = warning;
SET gman.max_workload = 1;
SET gman.commit_budget = '1min';
SET gman.commit_jobs_max = 0;
SET gman.allowed_servers = '';
SET gman.delivery = commit;
RESET gman.delivery;
SET gman.deadline = '1s';
RESET gman.deadline;
SET ROLE writer;
INSERT INTO page VALUES ('by a role with no grant but INSERT');
SELECT gman_do_background('note', 'x');
SET ROLE owner;
CREATE TABLE own (url text);
CREATE TRIGGER own_index AFTER INSERT ON own
  FOR EACH ROW EXECUTE FUNCTION gman_trigger('note', 'url');
RESET ROLE;
SELECT gman_do('note', '?');
-- Each grant opens what it names.
GRANT EXECUTE ON FUNCTION gman_trigger() TO owner;
GRANT EXECUTE ON FUNCTION gman_do(text, text, text, interval) TO bare;
GRANT EXECUTE ON FUNCTION gman_servers_set(text) TO bare;
SET ROLE owner;
CREATE TRIGGER own_index AFTER INSERT ON own
  FOR EACH ROW EXECUTE FUNCTION gman_trigger('note', 'url');
INSERT INTO own VALUES ('by the owner');
SELECT gman_do_background('note', 'x');
SET ROLE bare;
SELECT gman_do('note', '?');
SELECT gman_do_high('note', '?');
SELECT gman_servers_set(current_setting('gman.servers'));
RESET ROLE;
-- A wrapper that wrongly claims to be parallel safe is refused in a parallel worker, not obeyed.
CREATE FUNCTION wrongly_safe(text) RETURNS text LANGUAGE sql PARALLEL SAFE
  AS $$ SELECT gman_do('reverse', $1) $$;
ALTER FUNCTION gman_do(text, text, text, interval) PARALLEL SAFE;
CREATE TABLE many AS SELECT i::text AS word FROM generate_series(1, 10000) AS i;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT wrongly_safe(word) FROM many;
ALTER FUNCTION gman_do(text, text, text, interval) PARALLEL UNSAFE;
DROP TABLE page, own, many;
DROP FUNCTION wrongly_safe;
REVOKE CREATE ON SCHEMA public FROM owner;
REVOKE EXECUTE ON FUNCTION gman_trigger() FROM owner;
REVOKE EXECUTE ON FUNCTION gman_do(text, text, text, interval), gman_servers_set(text) FROM bare;
DROP ROLE bare, writer, owner;
