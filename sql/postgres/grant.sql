-- SPDX-License-Identifier: BSD-3-Clause
-- Lets a role send jobs, wait for their results and make triggers that send, by psql as a
-- superuser:
--
--   psql -v role=app -f sql/postgres/grant.sql
--
-- It may not choose the servers, which is for gman_admin: roles.sql tells what each role may do.
\set ON_ERROR_STOP on
\ir roles.sql
GRANT gman_submit, gman_call TO :"role";
