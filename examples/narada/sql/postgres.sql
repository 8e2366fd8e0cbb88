-- SPDX-License-Identifier: BSD-3-Clause
-- Narada's only table, for PostgreSQL. Needs the extension gman (CREATE EXTENSION gman).
--
-- INSERT INTO url (url) VALUES ('http://…/') starts a crawl; the workers do the rest. A row is sent
-- to them whenever its status becomes 'queued': when it is inserted, when it is found again by a
-- shorter way, and when you say so:  UPDATE url SET status = 'queued' WHERE …

CREATE TABLE url (
  url             text PRIMARY KEY CHECK (octet_length(url) <= 2048),
  depth           integer NOT NULL DEFAULT 0,   -- links from where the crawl began
  status          text NOT NULL DEFAULT 'queued' CHECK (status IN
                    ('queued', 'fetching', 'fetched', 'indexed', 'failed', 'skipped')),
  reason          text,                         -- of 'failed' and 'skipped'
  title           text,
  bytes           bigint,                       -- of the page
  links           integer,                      -- on the site and allowed; handed on
  links_off_site  integer,
  links_forbidden integer,                      -- by robots.txt
  attempts        integer NOT NULL DEFAULT 0,
  seen_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  fetched_at      timestamptz,
  indexed_at      timestamptz
) WITH (fillfactor = 70);                       -- each row is updated a few times, in place

CREATE TRIGGER url_inserted AFTER INSERT ON url
  FOR EACH ROW WHEN (NEW.status = 'queued')
  EXECUTE FUNCTION gman_trigger('index_url', 'url');

CREATE TRIGGER url_queued_again AFTER UPDATE OF status ON url
  FOR EACH ROW WHEN (NEW.status = 'queued' AND OLD.status <> 'queued')
  EXECUTE FUNCTION gman_trigger('index_url', 'url');

-- One row: how far the crawl is. It is at rest when seen = indexed + failed + skipped.
CREATE VIEW crawl AS
SELECT count(*)                                               AS seen,
       count(*) FILTER (WHERE status IN ('queued', 'fetching')) AS waiting,
       count(fetched_at)                                      AS fetched,
       count(*) FILTER (WHERE status = 'indexed')             AS indexed,
       count(*) FILTER (WHERE status = 'failed')              AS failed,
       count(*) FILTER (WHERE status = 'skipped')             AS skipped,
       coalesce(sum(links_off_site), 0)                       AS links_off_site,
       coalesce(sum(links_forbidden), 0)                      AS links_forbidden
  FROM url;
