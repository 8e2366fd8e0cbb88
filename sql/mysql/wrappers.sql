-- SPDX-License-Identifier: BSD-3-Clause
-- Functions for applications, in schema gman, around those of gman_udf.so.
--
--   mysql < sql/mysql/wrappers.sql        mariadb < sql/mariadb/wrappers.sql (the same file)
--
-- Needs install.sql before, MySQL 8.0 or MariaDB 10.5 and later, and an account that may make
-- databases, functions and roles. May be run again at any time; wrappers_uninstall.sql takes them
-- away. They differ from the functions that they call:
-- - an account needs a role to call them, where anybody may call the bare functions;
-- - text goes in as utf8mb4 and comes out as utf8mb4, and a result that is none is an error;
-- - the number of arguments is fixed: whatever else a job may have is an option of gman.do_json.
SET @gman_sql_mode = @@SESSION.sql_mode;
SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO';
SET NAMES utf8mb4;

CREATE DATABASE IF NOT EXISTS gman CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Somebody may have made it before, and its character set is that of parameters and variables.
ALTER DATABASE gman CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
USE gman;

DROP FUNCTION IF EXISTS `do`;
DROP FUNCTION IF EXISTS do_high;
DROP FUNCTION IF EXISTS do_low;
DROP FUNCTION IF EXISTS do_background;
DROP FUNCTION IF EXISTS do_high_background;
DROP FUNCTION IF EXISTS do_low_background;
DROP FUNCTION IF EXISTS do_at;
DROP FUNCTION IF EXISTS do_json;
DROP FUNCTION IF EXISTS job_status;
DROP FUNCTION IF EXISTS cancel;
DROP FUNCTION IF EXISTS last_error;
DROP FUNCTION IF EXISTS ping;
DROP FUNCTION IF EXISTS servers_get;
DROP FUNCTION IF EXISTS version;

DELIMITER //

CREATE FUNCTION `do`(function_name VARCHAR(2048), workload LONGTEXT) RETURNS LONGTEXT
  NO SQL SQL SECURITY DEFINER
  COMMENT 'Runs a job and waits for its result.'
BEGIN
  RETURN gman_do(function_name, workload);
END //

CREATE FUNCTION do_high(function_name VARCHAR(2048), workload LONGTEXT) RETURNS LONGTEXT
  NO SQL SQL SECURITY DEFINER
  COMMENT 'As gman.do, before all jobs of normal and low priority.'
BEGIN
  RETURN gman_do_high(function_name, workload);
END //

CREATE FUNCTION do_low(function_name VARCHAR(2048), workload LONGTEXT) RETURNS LONGTEXT
  NO SQL SQL SECURITY DEFINER
  COMMENT 'As gman.do, after all jobs of high and normal priority.'
BEGIN
  RETURN gman_do_low(function_name, workload);
END //

CREATE FUNCTION do_background(function_name VARCHAR(2048), workload LONGTEXT)
  RETURNS VARCHAR(255)
  NO SQL SQL SECURITY DEFINER
  COMMENT 'Queues a job at the job server, at once, and returns its handle.'
BEGIN
  RETURN gman_do_background(function_name, workload);
END //

CREATE FUNCTION do_high_background(function_name VARCHAR(2048), workload LONGTEXT)
  RETURNS VARCHAR(255)
  NO SQL SQL SECURITY DEFINER
  COMMENT 'As gman.do_background, before all jobs of normal and low priority.'
BEGIN
  RETURN gman_do_high_background(function_name, workload);
END //

CREATE FUNCTION do_low_background(function_name VARCHAR(2048), workload LONGTEXT)
  RETURNS VARCHAR(255)
  NO SQL SQL SECURITY DEFINER
  COMMENT 'As gman.do_background, after all jobs of high and normal priority.'
BEGIN
  RETURN gman_do_low_background(function_name, workload);
END //

CREATE FUNCTION do_at(function_name VARCHAR(2048), workload LONGTEXT, run_at DATETIME(6))
  RETURNS VARCHAR(255)
  NO SQL SQL SECURITY DEFINER
  COMMENT 'Queues a job that is not run before a time of the session''s time zone.'
BEGIN
  -- UNIX_TIMESTAMP makes 0 of what it cannot express, which would be "at once".
  IF run_at NOT BETWEEN '1970-01-02' AND '2038-01-18' THEN
    SIGNAL SQLSTATE '45000'
      SET MESSAGE_TEXT = 'gman.do_at: run_at is not between 1970 and 2038';
  END IF;
  RETURN gman_do_at(function_name, workload, UNIX_TIMESTAMP(run_at));
END //

CREATE FUNCTION do_json(function_name VARCHAR(2048), workload LONGTEXT, options LONGTEXT)
  RETURNS LONGTEXT
  NO SQL SQL SECURITY DEFINER
  COMMENT 'A job with options, a JSON object: unique, priority, background, run_at and others.'
BEGIN
  RETURN gman_do_json(function_name, workload, options);
END //

CREATE FUNCTION job_status(job VARCHAR(2048)) RETURNS LONGTEXT
  NO SQL SQL SECURITY DEFINER
  COMMENT 'What the job servers know of a job, by its handle or its unique, as a JSON object.'
BEGIN
  RETURN gman_job_status(job);
END //

CREATE FUNCTION cancel(handle VARCHAR(2048)) RETURNS BOOLEAN
  NO SQL SQL SECURITY DEFINER
  COMMENT 'Gives a job up; whether a job server knew it.'
BEGIN
  RETURN gman_cancel(handle);
END //

CREATE FUNCTION last_error() RETURNS LONGTEXT
  NO SQL SQL SECURITY DEFINER
  COMMENT 'What failed last in this session, as a JSON object; NULL: nothing did.'
BEGIN
  RETURN gman_last_error();
END //

CREATE FUNCTION ping() RETURNS VARCHAR(1024)
  NO SQL SQL SECURITY DEFINER
  COMMENT 'Which job server answers, and the time there and back.'
BEGIN
  RETURN gman_ping();
END //

CREATE FUNCTION servers_get(function_name VARCHAR(2048)) RETURNS LONGTEXT
  NO SQL SQL SECURITY DEFINER
  COMMENT 'The servers that a job of this function would go to; NULL: of any function.'
BEGIN
  RETURN gman_servers_get(function_name);
END //

CREATE FUNCTION version() RETURNS VARCHAR(64)
  NO SQL SQL SECURITY DEFINER
  COMMENT 'Which build of gman_udf.so the server has loaded.'
BEGIN
  RETURN gman_version();
END //

DELIMITER ;

-- Who may do what. An account gets a role by GRANT gman_submitter TO account and SET DEFAULT ROLE.
-- gman_submitter hands over jobs and goes on; gman_caller waits for results, too, and so holds its
-- locks for as long as a worker likes.
CREATE ROLE IF NOT EXISTS gman_submitter;
GRANT EXECUTE ON FUNCTION gman.do_background TO gman_submitter;
GRANT EXECUTE ON FUNCTION gman.do_high_background TO gman_submitter;
GRANT EXECUTE ON FUNCTION gman.do_low_background TO gman_submitter;
GRANT EXECUTE ON FUNCTION gman.do_at TO gman_submitter;
GRANT EXECUTE ON FUNCTION gman.job_status TO gman_submitter;
GRANT EXECUTE ON FUNCTION gman.last_error TO gman_submitter;
CREATE ROLE IF NOT EXISTS gman_caller;
GRANT gman_submitter TO gman_caller;
GRANT EXECUTE ON FUNCTION gman.`do` TO gman_caller;
GRANT EXECUTE ON FUNCTION gman.do_high TO gman_caller;
GRANT EXECUTE ON FUNCTION gman.do_low TO gman_caller;
GRANT EXECUTE ON FUNCTION gman.do_json TO gman_caller;
CREATE ROLE IF NOT EXISTS gman_operator;
GRANT EXECUTE ON FUNCTION gman.job_status TO gman_operator;
GRANT EXECUTE ON FUNCTION gman.cancel TO gman_operator;
GRANT EXECUTE ON FUNCTION gman.ping TO gman_operator;
GRANT EXECUTE ON FUNCTION gman.servers_get TO gman_operator;
GRANT EXECUTE ON FUNCTION gman.version TO gman_operator;

SET SESSION sql_mode = @gman_sql_mode;
