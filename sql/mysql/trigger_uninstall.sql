-- SPDX-License-Identifier: BSD-3-Clause
-- Takes the generator of triggers away; may be run again. Triggers that it has made stay.
DROP PROCEDURE IF EXISTS gman.trigger_sql;
DROP FUNCTION IF EXISTS gman.trigger_statement;
