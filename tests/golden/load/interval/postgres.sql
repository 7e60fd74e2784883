-- lock (stage)
LOCK TABLE stg.orders IN SHARE ROW EXCLUSIVE MODE;

-- delete (stage; counts deleted; reads from, to; each interval)
DELETE FROM stg.orders WHERE updated_at >= CAST($hg_from AS TIMESTAMP) AND updated_at < CAST($hg_to AS TIMESTAMP);

-- insert (stage; counts inserted; reads from, to; each interval)
INSERT INTO stg.orders (id, updated_at) SELECT id, updated_at FROM (
select * from raw.orders
) AS q WHERE q.updated_at >= CAST($hg_from AS TIMESTAMP) AND q.updated_at < CAST($hg_to AS TIMESTAMP);

-- key id (check; reads from, to; each interval)
SELECT count(*) AS failures FROM (SELECT id, count(*) AS row_count FROM (SELECT * FROM stg.orders WHERE updated_at >= CAST($hg_from AS TIMESTAMP) AND updated_at < CAST($hg_to AS TIMESTAMP)) AS loaded GROUP BY id HAVING count(*) > 1 OR id IS NULL) AS bad;

-- probe: SELECT id, count(*) AS row_count FROM (SELECT * FROM stg.orders WHERE updated_at >= CAST($hg_from AS TIMESTAMP) AND updated_at < CAST($hg_to AS TIMESTAMP)) AS loaded GROUP BY id HAVING count(*) > 1 OR id IS NULL LIMIT 5

-- named (check; reads from, to; each interval)
WITH hg_rows AS (SELECT * FROM stg.orders WHERE updated_at >= CAST($hg_from AS TIMESTAMP) AND updated_at < CAST($hg_to AS TIMESTAMP))
SELECT (SELECT count(*) FROM hg_rows WHERE id IS NULL) AS failures;

-- probe: WITH hg_rows AS (SELECT * FROM stg.orders WHERE updated_at >= CAST($hg_from AS TIMESTAMP) AND updated_at < CAST($hg_to AS TIMESTAMP))
SELECT * FROM hg_rows WHERE id IS NULL LIMIT 5
