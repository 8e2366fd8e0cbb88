-- gman_map and gman_sum: the jobs of a group at once, over all workers.
CREATE TABLE word (book int, place int, word text);
INSERT INTO word VALUES (1, 3, 'drei'), (1, 1, 'eins'), (1, 2, 'zwei'), (2, 1, '');
SELECT book, gman_map('reverse', word ORDER BY place), gman_map('reverse', word ORDER BY place DESC)
  FROM word GROUP BY book ORDER BY book;
SELECT gman_map('bytes', convert_to(word, 'UTF8')) FROM (VALUES ('00'), ('ff61')) AS v (word);
SELECT gman_map('reverse', word) FILTER (WHERE book = 3), gman_sum('size', word) FILTER
       (WHERE book = 3), gman_map('size', ''::bytea) FILTER (WHERE false) FROM word;
SELECT book, gman_sum('size', word) FROM word GROUP BY book ORDER BY book;
SELECT gman_sum('reverse', word) FROM (VALUES ('03-'), ('5'), ('00')) AS v (word);
-- Jobs with one unique are one job, and its result counts for each of them.
SELECT gman_map('reverse', word, 'same'), gman_sum('size', word, 'same')
  FROM (VALUES ('ab'), ('ab')) AS v (word);
-- More rows than one call of the library takes.
SELECT cardinality(results), results[1], results[10001]
  FROM (SELECT gman_map('reverse', i::text ORDER BY i) AS results
          FROM generate_series(1, 10001) AS i) AS done;
SELECT gman_sum('reverse', '1') FROM generate_series(1, 200);
-- The edges of a bigint.
SELECT gman_sum('reverse', reverse(word))
  FROM (VALUES ('9223372036854775807'), ('-9223372036854775808')) AS v (word);
\set VERBOSITY terse
SELECT gman_sum('reverse', reverse(word))
  FROM (VALUES ('9223372036854775807'), ('1')) AS v (word);
SELECT gman_sum('reverse', reverse('9223372036854775808'));
SELECT gman_sum('reverse', reverse(' 1'));
SELECT gman_sum('reverse', '1+');
SELECT gman_sum('reverse', '-');
SELECT gman_sum('bytes', '3100');
SELECT gman_sum('nothing', 'x');
SELECT gman_sum('reverse', repeat('long ', 20));
-- What is wrong with one row is an error before anything is sent.
SELECT gman_map('note', word) FROM (VALUES ('x'), (NULL)) AS v (word);
SELECT gman_map(NULL, word) FROM word;
SELECT gman_map('', word) FROM word;
SELECT gman_map(word, word) FROM (VALUES ('note'), ('reverse')) AS v (word);
SELECT gman_sum('note', word, repeat('u', 65)) FROM word;
SELECT gman_do('note', '?') = '' AS nothing_sent;
SELECT gman_map('reverse', word) OVER () FROM word;
SET gman.servers = 'unix:/nowhere';
SELECT gman_map('reverse', word) FROM word;
RESET gman.servers;
-- One that fails fails the whole, and is named.
\set VERBOSITY default
SELECT gman_map('bytes', word) FROM (VALUES ('61'), ('ff')) AS v (word);
DO $$
DECLARE
  detail text;
BEGIN
  PERFORM gman_map('throw', word ORDER BY word) FROM (VALUES ('/a')) AS v (word);
EXCEPTION WHEN external_routine_exception THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RAISE NOTICE '%: %', regexp_replace(SQLERRM, 'H:\S+:\d+', 'HANDLE'), detail;
END $$;
SET gman.deadline = '50 ms';
DO $$
BEGIN
  PERFORM gman_sum('never', '1');
EXCEPTION WHEN query_canceled THEN
  RAISE NOTICE 'the deadline holds';
END $$;
RESET gman.deadline;
-- gman.enabled
SET gman.enabled = off;
SELECT gman_map('reverse', 'x') IS NULL AS nothing, gman_sum('size', 'x') IS NULL AS nothing;
SET gman.enabled = record;
SELECT gman_map('reverse', word ORDER BY book, place) FROM word WHERE book = 1;
SELECT number, function_name, convert_from(workload, 'UTF8') AS workload, is_background
  FROM gman_recorded ORDER BY number;
SELECT gman_recorded_reset();
RESET gman.enabled;
DROP TABLE word;
