-- SPDX-License-Identifier: BSD-3-Clause
-- Takes the outbox away. Refuses while there are jobs in it: they were promised to somebody. Stop
-- the relays first; DELETE FROM gman.outbox gives up what is left.
DROP PROCEDURE IF EXISTS gman.refuse_if_not_empty;
DELIMITER //
CREATE PROCEDURE gman.refuse_if_not_empty()
BEGIN
  IF EXISTS (SELECT 1 FROM gman.outbox) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
      'the outbox still holds jobs: let gman-relay ship them, or DELETE FROM gman.outbox';
  END IF;
END //
DELIMITER ;
CALL gman.refuse_if_not_empty();
DROP PROCEDURE gman.refuse_if_not_empty;

DROP ROLE IF EXISTS gman_enqueuer;
DROP ROLE IF EXISTS gman_relay;
DROP ROLE IF EXISTS gman_operator;
DROP VIEW IF EXISTS gman.outbox_dead;
DROP VIEW IF EXISTS gman.outbox_stats;
DROP PROCEDURE IF EXISTS gman.enqueue;
DROP PROCEDURE IF EXISTS gman.enqueue_options;
DROP PROCEDURE IF EXISTS gman.enqueue_with;
DROP FUNCTION IF EXISTS gman.option_text;
DROP FUNCTION IF EXISTS gman.option_seconds;
DROP FUNCTION IF EXISTS gman.due;
DROP PROCEDURE IF EXISTS gman.pause;
DROP PROCEDURE IF EXISTS gman.resume;
DROP PROCEDURE IF EXISTS gman.retry;
DROP PROCEDURE IF EXISTS gman.retry_dead;
DROP PROCEDURE IF EXISTS gman.forget_dead;
DROP PROCEDURE IF EXISTS gman.renew_uuid;
DROP TABLE IF EXISTS gman.outbox_pause;
DROP TABLE IF EXISTS gman.outbox_setting;
DROP TABLE IF EXISTS gman.outbox;
-- Procedures of your own may live in it, as the wrappers of docs/MYSQL.md: DROP DATABASE gman.
