-- SPDX-License-Identifier: BSD-3-Clause
-- Takes the outbox away. Refuses while there are jobs in it: they were promised to somebody. Stop
-- the relays first; DELETE FROM gman.outbox gives up what is left. The roles stay, since other
-- databases of the cluster may use them: DROP ROLE gman_enqueuer, gman_relay, gman_operator.
BEGIN;
DO $$
BEGIN
  IF to_regclass('gman.outbox') IS NULL THEN
    RETURN;
  END IF;
  LOCK TABLE gman.outbox IN ACCESS EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM gman.outbox) THEN
    RAISE object_in_use USING
      MESSAGE = 'the outbox still holds jobs: SELECT * FROM gman.outbox_stats',
      HINT = 'Let gman-relay ship them (--once), or give them up: DELETE FROM gman.outbox.';
  END IF;
END $$;
DROP VIEW IF EXISTS gman.outbox_dead, gman.outbox_stats;
DROP FUNCTION IF EXISTS gman.enqueue(text, text, text, text, timestamptz, text);
DROP FUNCTION IF EXISTS gman.enqueue(text, bytea, text, text, timestamptz, text);
DROP FUNCTION IF EXISTS gman.pause(text), gman.resume(text), gman.retry(bigint),
  gman.retry_dead(text), gman.forget_dead(interval), gman.renew_uuid(), gman.notify(boolean);
DROP TABLE IF EXISTS gman.outbox_pause, gman.outbox_setting, gman.outbox;
DROP TYPE IF EXISTS gman.job_priority, gman.job_delivery, gman.job_state;
DROP SCHEMA IF EXISTS gman;
COMMIT;
