-- lock (stage)
LOCK TABLE stg.orders IN SHARE ROW EXCLUSIVE MODE;

-- stage (stage)
CREATE TEMPORARY TABLE hg_new ON COMMIT DROP AS SELECT id, updated_at FROM (
select * from raw.orders
) AS q WHERE NOT EXISTS (SELECT 1 FROM stg.orders) OR q.updated_at IS NULL OR q.updated_at > (SELECT max(updated_at) FROM stg.orders);

-- not null updated_at (check)
SELECT count(*) AS failures FROM pg_temp.hg_new WHERE updated_at IS NULL;

-- probe: SELECT * FROM pg_temp.hg_new WHERE updated_at IS NULL LIMIT 5

-- key id (check)
SELECT count(*) AS failures FROM (SELECT id, count(*) AS row_count FROM pg_temp.hg_new GROUP BY id HAVING count(*) > 1 OR id IS NULL) AS bad;

-- probe: SELECT id, count(*) AS row_count FROM pg_temp.hg_new GROUP BY id HAVING count(*) > 1 OR id IS NULL LIMIT 5

-- insert (stage; counts inserted)
INSERT INTO stg.orders (id, updated_at) SELECT id, updated_at FROM pg_temp.hg_new;
