-- SPDX-License-Identifier: BSD-3-Clause
-- Makes the functions of gman_udf.so known to MySQL 8.0 and later. Copy the file into
-- @@plugin_dir first. Needs INSERT and DELETE on mysql.func; may be run again at any time.
-- What each function does, and who can then call it (everybody): docs/MYSQL.md.

-- One job for each call: (function, workload [, unique]). The first three wait for the result, the
-- others return the job's handle as soon as the job server has it.
DROP FUNCTION IF EXISTS gman_do;
CREATE FUNCTION gman_do RETURNS STRING SONAME 'gman_udf.so';
DROP FUNCTION IF EXISTS gman_do_high;
CREATE FUNCTION gman_do_high RETURNS STRING SONAME 'gman_udf.so';
DROP FUNCTION IF EXISTS gman_do_low;
CREATE FUNCTION gman_do_low RETURNS STRING SONAME 'gman_udf.so';
DROP FUNCTION IF EXISTS gman_do_background;
CREATE FUNCTION gman_do_background RETURNS STRING SONAME 'gman_udf.so';
DROP FUNCTION IF EXISTS gman_do_high_background;
CREATE FUNCTION gman_do_high_background RETURNS STRING SONAME 'gman_udf.so';
DROP FUNCTION IF EXISTS gman_do_low_background;
CREATE FUNCTION gman_do_low_background RETURNS STRING SONAME 'gman_udf.so';

-- (function, workload, run_at [, unique]): a background job that is not run before UNIX_TIMESTAMP()
-- says run_at. (function, workload, options): options is a JSON object.
DROP FUNCTION IF EXISTS gman_do_at;
CREATE FUNCTION gman_do_at RETURNS STRING SONAME 'gman_udf.so';
DROP FUNCTION IF EXISTS gman_do_json;
CREATE FUNCTION gman_do_json RETURNS STRING SONAME 'gman_udf.so';

-- (servers [, function]). Refused unless the administrator's configuration allows it.
DROP FUNCTION IF EXISTS gman_servers_set;
CREATE FUNCTION gman_servers_set RETURNS STRING SONAME 'gman_udf.so';

-- ([function]): the servers that a job would go to.
DROP FUNCTION IF EXISTS gman_servers_get;
CREATE FUNCTION gman_servers_get RETURNS STRING SONAME 'gman_udf.so';

-- Aggregate: the sum of the whole numbers that a job for each row answers.
DROP FUNCTION IF EXISTS gman_sum;
CREATE AGGREGATE FUNCTION gman_sum RETURNS INTEGER SONAME 'gman_udf.so';

-- Aggregate: the results of a job for each row, run over all workers at once, as a JSON array.
DROP FUNCTION IF EXISTS gman_do_all;
CREATE AGGREGATE FUNCTION gman_do_all RETURNS STRING SONAME 'gman_udf.so';

-- (job [, function]): what servers know of a job, by handle or unique. (handle [, function]): gives
-- a job up.
DROP FUNCTION IF EXISTS gman_job_status;
CREATE FUNCTION gman_job_status RETURNS STRING SONAME 'gman_udf.so';
DROP FUNCTION IF EXISTS gman_cancel;
CREATE FUNCTION gman_cancel RETURNS INTEGER SONAME 'gman_udf.so';

-- Which build this is; which job server answers, and how fast; what failed last in this session.
DROP FUNCTION IF EXISTS gman_version;
CREATE FUNCTION gman_version RETURNS STRING SONAME 'gman_udf.so';
DROP FUNCTION IF EXISTS gman_ping;
CREATE FUNCTION gman_ping RETURNS STRING SONAME 'gman_udf.so';
DROP FUNCTION IF EXISTS gman_last_error;
CREATE FUNCTION gman_last_error RETURNS STRING SONAME 'gman_udf.so';
