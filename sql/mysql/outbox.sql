-- SPDX-License-Identifier: BSD-3-Clause
-- The outbox: jobs as rows, in the same transaction as the data that they are about.
--
--   mysql < sql/mysql/outbox.sql          mariadb < sql/mariadb/outbox.sql (the same file)
--
-- Needs MySQL 8.0 or MariaDB 10.6 and later (FOR UPDATE SKIP LOCKED, JSON_TABLE), an account that
-- may make databases, procedures and roles, and no compiled code. May be run again at any time;
-- outbox_uninstall.sql takes it away. gman-relay ships the rows after their commit (docs/RELAY.md),
-- and what is promised when something dies is in docs/DELIVERY.md.
--
-- A transaction is needed for that: tables of the application are to be InnoDB, as this one is.
SET @gman_sql_mode = @@SESSION.sql_mode;
SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO';
SET NAMES utf8mb4;

CREATE DATABASE IF NOT EXISTS gman CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Somebody may have made it before, and its character set is that of parameters and variables.
ALTER DATABASE gman CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
USE gman;

CREATE TABLE IF NOT EXISTS outbox (
  id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  function_name VARCHAR(512) NOT NULL,
  unique_key    VARCHAR(64) NULL COMMENT 'NULL: "<database uuid>:<id>"',
  priority      ENUM('high', 'normal', 'low') NOT NULL DEFAULT 'normal',
  delivery      ENUM('queue', 'completion') NOT NULL DEFAULT 'queue'
    COMMENT 'queue: deleted when a job server has the job; completion: when it was completed',
  state         ENUM('ready', 'dead') NOT NULL DEFAULT 'ready'
    COMMENT 'dead: given up, until retry() or forget_dead()',
  run_at        TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
    COMMENT 'not before: the time asked for, the end of the lease, or of the next attempt',
  -- As long leased as not: a row that grows as it is leased has to be moved in its page.
  leased_by     CHAR(36) CHARACTER SET ascii NOT NULL DEFAULT ''
    COMMENT 'which relay has it, whose log names it; empty: none',
  lease_until   TIMESTAMP(6) AS (IF(leased_by = '', NULL, run_at)) VIRTUAL
    COMMENT 'while a relay has the row: until when',
  attempts      INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'how often it was leased to be sent',
  created_at    TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  last_error    TEXT NULL,
  workload      LONGBLOB NOT NULL,
  -- What is due is found by function and priority, so that ten million rows of one function, or of
  -- a paused one, are in nobody's way.
  KEY outbox_by_time (state, delivery, function_name, priority, run_at, id),
  CONSTRAINT function_name_length CHECK (OCTET_LENGTH(function_name) BETWEEN 1 AND 512),
  CONSTRAINT unique_key_length CHECK (OCTET_LENGTH(unique_key) BETWEEN 1 AND 64),
  CONSTRAINT workload_length CHECK (OCTET_LENGTH(workload) <= 67108864)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin ROW_FORMAT = DYNAMIC
  COMMENT = 'One job a row. Made by gman.enqueue, deleted by gman-relay when it was delivered.';

CREATE TABLE IF NOT EXISTS outbox_setting (
  is_only_row   ENUM('yes') NOT NULL DEFAULT 'yes' PRIMARY KEY,
  database_uuid CHAR(36) NOT NULL
    COMMENT 'begins the uniques of its jobs; after a restore from a backup: CALL gman.renew_uuid()'
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
  COMMENT = 'One row with what concerns the outbox as a whole.';
INSERT IGNORE INTO outbox_setting (database_uuid) VALUES (UUID());

CREATE TABLE IF NOT EXISTS outbox_pause (
  function_name VARCHAR(512) NOT NULL PRIMARY KEY,
  paused_at     TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  paused_by     VARCHAR(288) NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
  COMMENT = 'Functions whose jobs stay in the outbox: gman.pause, gman.resume.';

DROP PROCEDURE IF EXISTS enqueue_with;
DROP PROCEDURE IF EXISTS enqueue;
DROP PROCEDURE IF EXISTS enqueue_options;
DROP FUNCTION IF EXISTS option_text;
DROP FUNCTION IF EXISTS option_seconds;
DROP FUNCTION IF EXISTS due;
DROP PROCEDURE IF EXISTS pause;
DROP PROCEDURE IF EXISTS resume;
DROP PROCEDURE IF EXISTS retry;
DROP PROCEDURE IF EXISTS retry_dead;
DROP PROCEDURE IF EXISTS forget_dead;
DROP PROCEDURE IF EXISTS renew_uuid;

DELIMITER //

CREATE PROCEDURE enqueue_with(
  function_name VARCHAR(2048), workload LONGBLOB, unique_key TEXT, priority VARCHAR(64),
  run_at DATETIME(6), delivery VARCHAR(64))
  MODIFIES SQL DATA SQL SECURITY DEFINER
  COMMENT 'Puts a job into the outbox; NULL: the default. @gman_unique is its unique.'
BEGIN
  DECLARE is_own BOOLEAN DEFAULT unique_key IS NOT NULL;
  DECLARE wrong VARCHAR(128);
  IF function_name IS NULL THEN
    SET wrong = 'gman.enqueue: the function is NULL';
  ELSEIF workload IS NULL THEN
    SET wrong = 'gman.enqueue: the workload is NULL; an empty one is \'\'';
  ELSEIF OCTET_LENGTH(function_name) NOT BETWEEN 1 AND 512 THEN
    SET wrong = CONCAT('gman.enqueue: the function''s name has ', OCTET_LENGTH(function_name),
                       ' bytes, and may have 1 to 512');
  ELSEIF OCTET_LENGTH(workload) > 67108864 THEN
    SET wrong = CONCAT('gman.enqueue: the workload has ', OCTET_LENGTH(workload),
                       ' bytes, and may have 64 MiB: send a key');
  ELSEIF priority NOT IN ('high', 'normal', 'low') THEN
    SET wrong = CONCAT('gman.enqueue: ''', LEFT(priority, 20),
                       ''' is no priority: give high, normal or low');
  ELSEIF delivery NOT IN ('queue', 'completion') THEN
    SET wrong = CONCAT('gman.enqueue: ''', LEFT(delivery, 20),
                       ''' is no delivery: give queue or completion');
  ELSEIF run_at NOT BETWEEN '1970-01-02' AND '2038-01-18' THEN
    SET wrong = 'gman.enqueue: run_at is not between 1970 and 2038';
  ELSEIF unique_key = '' THEN
    SET wrong = 'gman.enqueue: the unique is empty; NULL is a job without one of its own';
  END IF;
  IF wrong IS NOT NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = wrong;
  END IF;
  -- A key that is too long is hashed, never cut: two keys must not become one.
  IF OCTET_LENGTH(unique_key) > 64 THEN
    SET unique_key = SHA2(unique_key, 256);
  END IF;
  INSERT INTO gman.outbox (function_name, unique_key, priority, delivery, run_at, workload)
  VALUES (function_name, unique_key, COALESCE(priority, 'normal'), COALESCE(delivery, 'queue'),
          COALESCE(run_at, CURRENT_TIMESTAMP(6)), workload);
  IF is_own THEN
    SET @gman_unique = unique_key;
  ELSE
    SET @gman_unique = CONCAT((SELECT database_uuid FROM gman.outbox_setting), ':',
                              LAST_INSERT_ID());
  END IF;
END //

-- An option of enqueue: NULL when it is not given, or given as null.
CREATE FUNCTION option_text(options LONGTEXT, name VARCHAR(64)) RETURNS LONGTEXT
  DETERMINISTIC NO SQL SQL SECURITY DEFINER
  COMMENT 'Part of gman.enqueue.'
BEGIN
  DECLARE given LONGTEXT DEFAULT JSON_EXTRACT(options, CONCAT('$.', name));
  DECLARE wrong VARCHAR(128);
  CASE COALESCE(JSON_TYPE(given), 'NULL')
    WHEN 'STRING' THEN RETURN JSON_UNQUOTE(given);
    WHEN 'NULL' THEN RETURN NULL;
    ELSE
      SET wrong = CONCAT('gman.enqueue: option "', name, '" must be a text');
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = wrong;
  END CASE;
END //

CREATE FUNCTION option_seconds(options LONGTEXT, name VARCHAR(64)) RETURNS DECIMAL(20, 6)
  DETERMINISTIC NO SQL SQL SECURITY DEFINER
  COMMENT 'Part of gman.enqueue.'
BEGIN
  DECLARE given LONGTEXT DEFAULT JSON_EXTRACT(options, CONCAT('$.', name));
  DECLARE type_name VARCHAR(64) DEFAULT COALESCE(JSON_TYPE(given), 'NULL');
  DECLARE wrong VARCHAR(128);
  IF type_name IN ('STRING', 'BOOLEAN', 'ARRAY', 'OBJECT') THEN
    SET wrong = CONCAT('gman.enqueue: option "', name, '" must be a number of seconds');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = wrong;
  END IF;
  RETURN IF(type_name = 'NULL', NULL, CAST(given AS DECIMAL(20, 6)));
END //

CREATE PROCEDURE enqueue_options(
  function_name VARCHAR(2048), workload LONGBLOB, options LONGTEXT)
  MODIFIES SQL DATA SQL SECURITY DEFINER
  COMMENT 'Part of gman.enqueue.'
BEGIN
  DECLARE other TEXT;
  DECLARE run_at_seconds, delay DECIMAL(20, 6);
  DECLARE run_at DATETIME(6);
  DECLARE wrong VARCHAR(128);
  IF options IS NULL THEN
    CALL gman.enqueue_with(function_name, workload, NULL, NULL, NULL, NULL);
  ELSE
    IF NOT JSON_VALID(options) THEN
      SET wrong = 'gman.enqueue: the options are no JSON';
    ELSEIF JSON_TYPE(options) <> 'OBJECT' THEN
      SET wrong = 'gman.enqueue: the options are no JSON object, as {"priority": "high"}';
    ELSE
      SET other = JSON_UNQUOTE(JSON_EXTRACT(JSON_KEYS(JSON_REMOVE(
        options, '$.unique', '$.priority', '$.delivery', '$.run_at', '$.delay_s')), '$[0]'));
      SET run_at_seconds = gman.option_seconds(options, 'run_at');
      SET delay = gman.option_seconds(options, 'delay_s');
      IF other IS NOT NULL THEN
        SET wrong = CONCAT('gman.enqueue: option "', LEFT(other, 20),
                           '" is none of unique, priority, delivery, run_at, delay_s');
      ELSEIF run_at_seconds IS NOT NULL AND delay IS NOT NULL THEN
        SET wrong = 'gman.enqueue: options run_at and delay_s exclude each other';
      ELSEIF run_at_seconds NOT BETWEEN 86400 AND 2147385600
          OR delay NOT BETWEEN 0 AND 2147385600 THEN
        SET wrong = 'gman.enqueue: run_at is not between 1970 and 2038';
      END IF;
    END IF;
    IF wrong IS NOT NULL THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = wrong;
    END IF;
    -- Seconds are added where there is no summer time: an hour of local time may come twice.
    SET run_at = FROM_UNIXTIME(COALESCE(
      run_at_seconds, UNIX_TIMESTAMP(CURRENT_TIMESTAMP(6)) + delay));
    CALL gman.enqueue_with(
      function_name, workload, gman.option_text(options, 'unique'),
      gman.option_text(options, 'priority'), run_at, gman.option_text(options, 'delivery'));
  END IF;
END //

-- The options are a JSON object, or NULL: unique, priority and delivery as enqueue_with takes them;
-- run_at in seconds since 1970, or delay_s in seconds from now.
CREATE PROCEDURE enqueue(function_name VARCHAR(2048), workload LONGBLOB, options LONGTEXT)
  MODIFIES SQL DATA SQL SECURITY DEFINER
  COMMENT 'Puts a job into the outbox, which is shipped after COMMIT, and only then.'
BEGIN
  -- What triggers do, row by row. A further call, a variable and a question each take microseconds,
  -- so there are none of them on this way; what is refused is refused by the other one. The
  -- database's uuid is asked for once a session.
  IF options IS NULL AND OCTET_LENGTH(function_name) BETWEEN 1 AND 512
     AND OCTET_LENGTH(workload) <= 67108864 THEN
    INSERT INTO gman.outbox (function_name, workload) VALUES (function_name, workload);
    IF @gman_database_uuid IS NULL THEN
      SET @gman_database_uuid = (SELECT database_uuid FROM gman.outbox_setting);
    END IF;
    SET @gman_unique = CONCAT(@gman_database_uuid, ':', LAST_INSERT_ID());
  ELSE
    CALL gman.enqueue_options(function_name, workload, options);
  END IF;
END //

-- From one function to the next by the index, whatever lies between: each statement looks one key
-- up. One statement with GROUP BY would do the same where the optimizer saw fit, which with a
-- table that has just grown it does not: it read all of it.
CREATE FUNCTION due() RETURNS LONGTEXT CHARACTER SET utf8mb4
  READS SQL DATA SQL SECURITY DEFINER
  COMMENT 'Part of gman-relay: the first row of each delivery, function and priority, in JSON.'
BEGIN
  DECLARE found LONGTEXT CHARACTER SET utf8mb4 DEFAULT '';
  DECLARE last_function VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE first_at TIMESTAMP(6);
  DECLARE of_delivery ENUM('queue', 'completion') DEFAULT 'queue';
  DECLARE of_priority ENUM('high', 'normal', 'low');
  deliveries: LOOP
    SET last_function = '';
    functions: LOOP
      SET last_function = (SELECT MIN(function_name) FROM gman.outbox FORCE INDEX (outbox_by_time)
                            WHERE state = 'ready' AND delivery = of_delivery
                              AND function_name > last_function);
      IF last_function IS NULL THEN
        LEAVE functions;
      END IF;
      IF EXISTS (SELECT 1 FROM gman.outbox_pause WHERE function_name = last_function) THEN
        ITERATE functions;
      END IF;
      SET of_priority = 'high';
      priorities: LOOP
        SET first_at = (SELECT MIN(run_at) FROM gman.outbox FORCE INDEX (outbox_by_time)
                         WHERE state = 'ready' AND delivery = of_delivery
                           AND function_name = last_function AND priority = of_priority);
        IF first_at IS NOT NULL THEN
          SET found = CONCAT(found, IF(found = '', '', ','), JSON_OBJECT(
            'delivery', of_delivery, 'function', last_function, 'priority', of_priority,
            'due_in_ms', CEIL(TIMESTAMPDIFF(MICROSECOND, NOW(6), first_at) / 1000)));
        END IF;
        CASE of_priority
          WHEN 'high' THEN SET of_priority = 'normal';
          WHEN 'normal' THEN SET of_priority = 'low';
          ELSE LEAVE priorities;
        END CASE;
      END LOOP;
    END LOOP;
    IF of_delivery = 'completion' THEN
      LEAVE deliveries;
    END IF;
    SET of_delivery = 'completion';
  END LOOP;
  RETURN CONCAT('[', found, ']');
END //

CREATE PROCEDURE pause(paused_function VARCHAR(2048))
  MODIFIES SQL DATA SQL SECURITY DEFINER
  COMMENT 'Keeps the jobs of a function in the outbox until gman.resume.'
BEGIN
  IF paused_function IS NULL OR OCTET_LENGTH(paused_function) NOT BETWEEN 1 AND 512 THEN
    SIGNAL SQLSTATE '45000'
      SET MESSAGE_TEXT = 'gman.pause: no function is named; give its name, 1 to 512 bytes';
  END IF;
  INSERT IGNORE INTO gman.outbox_pause (function_name, paused_by)
  VALUES (paused_function, SESSION_USER());
END //

CREATE PROCEDURE resume(paused_function VARCHAR(2048))
  MODIFIES SQL DATA SQL SECURITY DEFINER
  COMMENT 'Ends gman.pause.'
BEGIN
  DELETE FROM gman.outbox_pause WHERE function_name = paused_function;
END //

CREATE PROCEDURE retry(job BIGINT UNSIGNED)
  MODIFIES SQL DATA SQL SECURITY DEFINER
  COMMENT 'Tries a dead job again, or one that waits for its next attempt at once.'
BEGIN
  DECLARE wrong VARCHAR(128);
  UPDATE gman.outbox SET state = 'ready', run_at = CURRENT_TIMESTAMP(6), attempts = 0
   WHERE id = job AND leased_by = '';
  IF ROW_COUNT() = 0 THEN
    IF EXISTS (SELECT 1 FROM gman.outbox WHERE id = job AND leased_by <> '') THEN
      SET wrong = CONCAT('gman.retry: a relay has job ', job, ', it is on its way');
    ELSE
      SET wrong = CONCAT('gman.retry: there is no job ', COALESCE(job, 'NULL'),
                         '; it may have been delivered');
    END IF;
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = wrong;
  END IF;
END //

CREATE PROCEDURE retry_dead(of_function VARCHAR(2048))
  MODIFIES SQL DATA SQL SECURITY DEFINER
  COMMENT 'Tries the dead jobs of a function again; NULL: all of them.'
BEGIN
  UPDATE gman.outbox SET state = 'ready', run_at = CURRENT_TIMESTAMP(6), attempts = 0
   WHERE state = 'dead' AND (of_function IS NULL OR function_name = of_function);
END //

CREATE PROCEDURE forget_dead(older_than_days INT)
  MODIFIES SQL DATA SQL SECURITY DEFINER
  COMMENT 'Deletes dead jobs that were given up so many days ago. gman-relay calls it once an hour.'
BEGIN
  IF older_than_days IS NULL OR older_than_days < 0 THEN
    SIGNAL SQLSTATE '45000'
      SET MESSAGE_TEXT = 'gman.forget_dead: give a number of days, 0 or more';
  END IF;
  DELETE FROM gman.outbox
   WHERE state = 'dead' AND run_at <= CURRENT_TIMESTAMP(6) - INTERVAL older_than_days DAY;
END //

CREATE PROCEDURE renew_uuid()
  MODIFIES SQL DATA SQL SECURITY DEFINER
  COMMENT 'After a restore from a backup, and in a copy; relays and sessions are to start anew.'
BEGIN
  UPDATE gman.outbox_setting SET database_uuid = UUID();
  SET @gman_database_uuid = NULL;
END //

DELIMITER ;

CREATE OR REPLACE SQL SECURITY DEFINER VIEW outbox_stats AS
SELECT job.function_name,
       CAST(SUM(job.state = 'ready' AND job.leased_by = ''
                AND job.run_at <= CURRENT_TIMESTAMP(6)) AS SIGNED) AS due,
       CAST(SUM(job.state = 'ready' AND job.leased_by = '' AND job.attempts = 0
                AND job.run_at > CURRENT_TIMESTAMP(6)) AS SIGNED) AS scheduled,
       CAST(SUM(job.state = 'ready' AND job.leased_by = '' AND job.attempts > 0
                AND job.run_at > CURRENT_TIMESTAMP(6)) AS SIGNED) AS retrying,
       CAST(SUM(job.leased_by <> '') AS SIGNED) AS leased,
       CAST(SUM(job.state = 'dead') AS SIGNED) AS dead,
       TIMESTAMPDIFF(SECOND, MIN(CASE WHEN job.state = 'ready'
                                       AND job.run_at <= CURRENT_TIMESTAMP(6)
                                      THEN job.run_at END), CURRENT_TIMESTAMP(6))
         AS oldest_due_seconds,
       MAX(pause.function_name IS NOT NULL) AS is_paused
  FROM gman.outbox AS job
  LEFT JOIN gman.outbox_pause AS pause ON pause.function_name = job.function_name
 GROUP BY job.function_name;

CREATE OR REPLACE SQL SECURITY DEFINER VIEW outbox_dead AS
SELECT id, function_name, unique_key, delivery, attempts, created_at, run_at AS died_at, last_error
  FROM gman.outbox
 WHERE state = 'dead';

-- Who may do what. An account gets a role by GRANT gman_enqueuer TO account and SET DEFAULT ROLE;
-- what a trigger calls is called as the trigger's definer.
CREATE ROLE IF NOT EXISTS gman_enqueuer;
GRANT EXECUTE ON PROCEDURE gman.enqueue TO gman_enqueuer;
GRANT EXECUTE ON PROCEDURE gman.enqueue_with TO gman_enqueuer;
CREATE ROLE IF NOT EXISTS gman_relay;
GRANT SELECT, DELETE,
  UPDATE (state, run_at, leased_by, attempts, last_error)
  ON gman.outbox TO gman_relay;
GRANT SELECT ON gman.outbox_setting TO gman_relay;
GRANT SELECT ON gman.outbox_pause TO gman_relay;
GRANT SELECT ON gman.outbox_stats TO gman_relay;
GRANT SELECT ON gman.outbox_dead TO gman_relay;
GRANT EXECUTE ON PROCEDURE gman.forget_dead TO gman_relay;
GRANT EXECUTE ON FUNCTION gman.due TO gman_relay;
CREATE ROLE IF NOT EXISTS gman_operator;
GRANT SELECT ON gman.* TO gman_operator;
GRANT EXECUTE ON PROCEDURE gman.pause TO gman_operator;
GRANT EXECUTE ON PROCEDURE gman.resume TO gman_operator;
GRANT EXECUTE ON PROCEDURE gman.retry TO gman_operator;
GRANT EXECUTE ON PROCEDURE gman.retry_dead TO gman_operator;
GRANT EXECUTE ON PROCEDURE gman.forget_dead TO gman_operator;

SET SESSION sql_mode = @gman_sql_mode;
