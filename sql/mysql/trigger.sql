-- SPDX-License-Identifier: BSD-3-Clause
-- The generator of triggers: CALL gman.trigger_sql('shop.page', 'index_url', 'url', 'outbox')
-- prints two triggers that make a job for each new row of shop.page, and for each change of its
-- column url. `gman sql watch` makes them at once.
--
--   mysql < sql/mysql/trigger.sql         mariadb < sql/mariadb/trigger.sql (the same file)
--   mariadb -Nr -e "CALL gman.trigger_sql('shop.page', 'index_url', 'url', 'outbox')" | mariadb
--
-- What the triggers do:
-- - 'outbox' puts the job into gman.outbox, with the row's transaction (outbox.sql installs it);
--   'immediate' sends it at once, inside the transaction;
-- - the workload is the column's value, text as utf8mb4; a NULL makes no job;
-- - SET @gman_off = 1 silences them for a session, until SET @gman_off = 0: for imports and
--   repairs;
-- - on MariaDB they are silent where a replica applies what another server has done, in a session
--   that has the other server's id: the other server has made the job.
SET @gman_sql_mode = @@SESSION.sql_mode;
SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO';
SET NAMES utf8mb4;

CREATE DATABASE IF NOT EXISTS gman CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Somebody may have made it before, and its character set is that of parameters and variables.
ALTER DATABASE gman CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
USE gman;

DROP PROCEDURE IF EXISTS trigger_sql;
DROP FUNCTION IF EXISTS trigger_statement;

DELIMITER //

-- One of the four statements: `step` is 'drop' or 'create', `event` is 'insert' or 'update'.
CREATE FUNCTION trigger_statement(
  step VARCHAR(16), event VARCHAR(16), watched VARCHAR(512), function_name VARCHAR(2048),
  column_name VARCHAR(256), delivery VARCHAR(64))
  RETURNS LONGTEXT
  READS SQL DATA SQL SECURITY INVOKER
  COMMENT 'Part of gman.trigger_sql, and of gman sql watch.'
BEGIN
  DECLARE schema_part VARCHAR(256) DEFAULT SUBSTRING_INDEX(watched, '.', 1);
  DECLARE table_part VARCHAR(256)
    DEFAULT SUBSTRING(watched, CHAR_LENGTH(SUBSTRING_INDEX(watched, '.', 1)) + 2);
  DECLARE quoted_schema, quoted_table, quoted_column, quoted_trigger VARCHAR(1024);
  DECLARE trigger_name VARCHAR(4096);
  DECLARE character_set VARCHAR(64);
  DECLARE is_there BOOLEAN DEFAULT FALSE;
  DECLARE workload, is_own, is_changed, action TEXT;
  DECLARE wrong VARCHAR(128);

  SELECT TRUE, c.CHARACTER_SET_NAME INTO is_there, character_set
    FROM information_schema.COLUMNS AS c
   WHERE c.TABLE_SCHEMA = schema_part AND c.TABLE_NAME = table_part
     AND c.COLUMN_NAME = column_name;
  IF COALESCE(table_part, '') = '' THEN
    SET wrong = 'gman.trigger_sql: give the table with its schema, as shop.page';
  ELSEIF NOT is_there THEN
    SET wrong = CONCAT('gman.trigger_sql: there is no column ',
                       LEFT(CONCAT_WS('.', watched, column_name), 60), ' that you may see');
  ELSEIF COALESCE(function_name, '') NOT RLIKE '^[A-Za-z0-9_.:/-]{1,512}$' THEN
    SET wrong = 'gman.trigger_sql: give a function of letters, digits and _ . : / - only';
  ELSEIF COALESCE(delivery, '') NOT IN ('outbox', 'immediate') THEN
    SET wrong = CONCAT('gman.trigger_sql: ''', LEFT(COALESCE(delivery, 'NULL'), 20),
                       ''' is no delivery: give outbox or immediate');
  ELSEIF COALESCE(step, '') NOT IN ('drop', 'create')
      OR COALESCE(event, '') NOT IN ('insert', 'update') THEN
    SET wrong = 'gman.trigger_statement: give drop or create, and insert or update';
  END IF;
  IF wrong IS NOT NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = wrong;
  END IF;

  -- A schema has one name space for all of its triggers, of 64 characters. What can be read of the
  -- name may be that of another trigger, too (order.item_id and order_item.id): the hash is not.
  SET trigger_name = CONCAT(
    LEFT(CONCAT_WS('_', 'gman', table_part, column_name, function_name), 47), '_',
    IF(event = 'update', 'u', 'i'),
    LEFT(SHA2(
      CONCAT_WS(' ', HEX(table_part), HEX(column_name), HEX(function_name)), 256), 15));
  SET quoted_schema = CONCAT('`', REPLACE(schema_part, '`', '``'), '`');
  SET quoted_table = CONCAT('`', REPLACE(table_part, '`', '``'), '`');
  SET quoted_column = CONCAT('`', REPLACE(column_name, '`', '``'), '`');
  SET quoted_trigger = CONCAT('`', REPLACE(trigger_name, '`', '``'), '`');
  IF step = 'drop' THEN
    RETURN CONCAT('DROP TRIGGER IF EXISTS ', quoted_schema, '.', quoted_trigger);
  END IF;

  SET workload = CONCAT('NEW.', quoted_column);
  IF character_set IS NOT NULL THEN
    SET workload = CONCAT('CONVERT(', workload, ' USING utf8mb4)');
  END IF;
  -- MySQL's sessions have no server_id; its replicas run triggers in no format but STATEMENT.
  SET is_own = IF(VERSION() LIKE '%MariaDB%',
                  '\n    AND @@SESSION.server_id = @@GLOBAL.server_id', '');
  -- As bytes: 'a' and 'A' are the same to many collations, and not to a worker.
  SET is_changed = IF(event = 'insert', '', CONCAT(
    '\n    AND NOT (CAST(OLD.', quoted_column, ' AS BINARY) <=> CAST(NEW.', quoted_column,
    ' AS BINARY))'));
  SET action = IF(delivery = 'outbox',
    CONCAT('INSERT INTO gman.outbox (function_name, workload)\n    VALUES (''', function_name,
           ''', ', workload, ')'),
    CONCAT('SET @gman_job = gman_do_background(''', function_name, ''', ', workload, ')'));
  RETURN CONCAT(
    'CREATE TRIGGER ', quoted_schema, '.', quoted_trigger, '\n',
    'AFTER ', UPPER(event), ' ON ', quoted_schema, '.', quoted_table, ' FOR EACH ROW\n',
    'BEGIN\n',
    '  IF COALESCE(@gman_off, 0) = 0 AND NEW.', quoted_column, ' IS NOT NULL', is_own, is_changed,
    ' THEN\n    ', action, ';\n  END IF;\nEND');
END //

CREATE PROCEDURE trigger_sql(
  watched VARCHAR(512), function_name VARCHAR(2048), column_name VARCHAR(256),
  delivery VARCHAR(64))
  READS SQL DATA SQL SECURITY INVOKER
  COMMENT 'Prints triggers that make a job for each new and changed row.'
BEGIN
  SELECT CONCAT(
    gman.trigger_statement('drop', 'insert', watched, function_name, column_name, delivery), ';\n',
    gman.trigger_statement('drop', 'update', watched, function_name, column_name, delivery), ';\n',
    'DELIMITER ;;\n',
    gman.trigger_statement('create', 'insert', watched, function_name, column_name, delivery),
    ';;\n',
    gman.trigger_statement('create', 'update', watched, function_name, column_name, delivery),
    ';;\nDELIMITER ;') AS trigger_sql;
END //

DELIMITER ;

CREATE ROLE IF NOT EXISTS gman_operator;
GRANT EXECUTE ON PROCEDURE gman.trigger_sql TO gman_operator;
GRANT EXECUTE ON FUNCTION gman.trigger_statement TO gman_operator;

SET SESSION sql_mode = @gman_sql_mode;
