-- SPDX-License-Identifier: BSD-3-Clause
-- What a role needs to send jobs and to make triggers that do, by psql as a superuser:
--
--   psql -v role=app -f sql/postgres/grant.sql
--
-- It may not choose the servers: gman_servers_set() stays with superusers. Who only writes tables
-- that have a trigger needs none of this.
\set ON_ERROR_STOP on
GRANT EXECUTE ON FUNCTION
  gman_do(text, text, text, interval),
  gman_do_high(text, text, text, interval),
  gman_do_low(text, text, text, interval),
  gman_do_background(text, text, text),
  gman_do_high_background(text, text, text),
  gman_do_low_background(text, text, text),
  gman_trigger(),
  gman_ping()
TO :"role";
