-- SPDX-License-Identifier: BSD-3-Clause
-- A job for each new row and for each change of one column, by psql:
--
--   psql -v table=page -v column=url -v function=index_url -f sql/postgres/trigger.sql
--
-- The triggers are named after the function; running the script again replaces them. An UPDATE that
-- leaves the column as it is sends nothing. To remove it, drop both: gman_index_url and
-- gman_index_url_changed ON page.
\set ON_ERROR_STOP on
\set inserted gman_ :function
\set updated gman_ :function _changed
BEGIN;
CREATE OR REPLACE TRIGGER :"inserted" AFTER INSERT ON :table
  FOR EACH ROW EXECUTE FUNCTION gman_trigger(:'function', :'column');
CREATE OR REPLACE TRIGGER :"updated" AFTER UPDATE OF :"column" ON :table
  FOR EACH ROW WHEN (OLD.:"column" IS DISTINCT FROM NEW.:"column")
  EXECUTE FUNCTION gman_trigger(:'function', :'column');
COMMIT;
