-- SPDX-License-Identifier: BSD-3-Clause
-- Narada's only table, for MariaDB 10.6 and later. Needs the gman functions.
--
-- INSERT INTO url (url) VALUES ('http://…/') starts a crawl; the workers do the rest. A row is sent
-- to them whenever its status becomes 'queued': when it is inserted, when it is found again by a
-- shorter way, and when you say so:  UPDATE url SET status = 'queued' WHERE …

CREATE TABLE url (
  url             VARCHAR(2048) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,
  depth           INT NOT NULL DEFAULT 0,       -- links from where the crawl began
  status          ENUM ('queued', 'fetching', 'fetched', 'indexed', 'failed', 'skipped')
                    NOT NULL DEFAULT 'queued',
  reason          VARCHAR(500),                 -- of 'failed' and 'skipped'
  title           VARCHAR(300),
  bytes           BIGINT,                       -- of the page
  links           INT,                          -- on the site and allowed; handed on
  links_off_site  INT,
  links_forbidden INT,                          -- by robots.txt
  attempts        INT NOT NULL DEFAULT 0,
  seen_at         DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  fetched_at      DATETIME(6),
  indexed_at      DATETIME(6)
) ENGINE = InnoDB CHARACTER SET utf8mb4;

-- SET … IF(…) and not IF … THEN: one statement needs no DELIMITER. And not DO, which hides errors:
-- a row whose job could not be sent would stay.
CREATE TRIGGER url_inserted AFTER INSERT ON url FOR EACH ROW
  SET @job = IF(NEW.status = 'queued', gman_do_background('index_url', NEW.url), NULL);

CREATE TRIGGER url_queued_again AFTER UPDATE ON url FOR EACH ROW
  SET @job = IF(NEW.status = 'queued' AND OLD.status <> 'queued',
                gman_do_background('index_url', NEW.url), NULL);

-- One row: how far the crawl is. It is at rest when seen = indexed + failed + skipped.
CREATE VIEW crawl AS
SELECT COUNT(*)                                     AS seen,
       SUM(status IN ('queued', 'fetching'))        AS waiting,
       COUNT(fetched_at)                            AS fetched,
       SUM(status = 'indexed')                      AS indexed,
       SUM(status = 'failed')                       AS failed,
       SUM(status = 'skipped')                      AS skipped,
       COALESCE(SUM(links_off_site), 0)             AS links_off_site,
       COALESCE(SUM(links_forbidden), 0)            AS links_forbidden
  FROM url;
