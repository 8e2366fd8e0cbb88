-- SPDX-License-Identifier: BSD-3-Clause
-- Takes the functions of wrappers.sql away; may be run again. The role gman_operator stays, since
-- the outbox has it, too.
DROP ROLE IF EXISTS gman_caller;
DROP ROLE IF EXISTS gman_submitter;
DROP FUNCTION IF EXISTS gman.`do`;
DROP FUNCTION IF EXISTS gman.do_high;
DROP FUNCTION IF EXISTS gman.do_low;
DROP FUNCTION IF EXISTS gman.do_background;
DROP FUNCTION IF EXISTS gman.do_high_background;
DROP FUNCTION IF EXISTS gman.do_low_background;
DROP FUNCTION IF EXISTS gman.do_at;
DROP FUNCTION IF EXISTS gman.do_json;
DROP FUNCTION IF EXISTS gman.job_status;
DROP FUNCTION IF EXISTS gman.cancel;
DROP FUNCTION IF EXISTS gman.last_error;
DROP FUNCTION IF EXISTS gman.ping;
DROP FUNCTION IF EXISTS gman.servers_get;
DROP FUNCTION IF EXISTS gman.version;
