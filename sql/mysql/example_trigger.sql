-- SPDX-License-Identifier: BSD-3-Clause
-- Example: every new row of `url` becomes a job, and the application does not change.
--
-- The job carries the key, not the row: the worker reads the row as it is by then, so that order
-- and repetition do no harm. The job is sent at once, before the transaction commits: a worker that
-- finds no row yet must try again (or upsert by key), and a ROLLBACK does not recall the job. While
-- the job server is down the INSERT fails, and says why.
--
-- SET, and not DO: DO hides every error, so that a row without its job would go unnoticed.
--
-- SET @gman_off = 1 silences the trigger for one session, until SET @gman_off = 0: for imports and
-- repairs.
CREATE TABLE IF NOT EXISTS url (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  url VARBINARY(700) NOT NULL UNIQUE
);

DROP TRIGGER IF EXISTS url_index;
DELIMITER //
CREATE TRIGGER url_index AFTER INSERT ON url FOR EACH ROW
BEGIN
  IF COALESCE(@gman_off, 0) = 0 THEN
    SET @gman_job = gman_do_background('index_url', NEW.url);
  END IF;
END //
DELIMITER ;
