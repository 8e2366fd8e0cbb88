-- SPDX-License-Identifier: BSD-3-Clause
-- Forgets all functions of gman_udf.so; may be run again. The server keeps the file loaded until it
-- stops: replace it only then.
DROP FUNCTION IF EXISTS gman_do;
DROP FUNCTION IF EXISTS gman_do_high;
DROP FUNCTION IF EXISTS gman_do_low;
DROP FUNCTION IF EXISTS gman_do_background;
DROP FUNCTION IF EXISTS gman_do_high_background;
DROP FUNCTION IF EXISTS gman_do_low_background;
DROP FUNCTION IF EXISTS gman_do_at;
DROP FUNCTION IF EXISTS gman_do_json;
DROP FUNCTION IF EXISTS gman_servers_set;
DROP FUNCTION IF EXISTS gman_servers_get;
DROP FUNCTION IF EXISTS gman_sum;
DROP FUNCTION IF EXISTS gman_do_all;
DROP FUNCTION IF EXISTS gman_job_status;
DROP FUNCTION IF EXISTS gman_cancel;
DROP FUNCTION IF EXISTS gman_version;
DROP FUNCTION IF EXISTS gman_ping;
DROP FUNCTION IF EXISTS gman_last_error;
