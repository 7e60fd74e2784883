-- c (check)
SELECT (SELECT CASE WHEN count(*) < 1 OR count(*) > 9 THEN 1 ELSE 0 END FROM stg.orders) AS failures, (SELECT count(*) FROM stg.orders) AS total;

-- lock (stage)
LOCK TABLE stg.orders IN SHARE ROW EXCLUSIVE MODE;

-- stage (stage)
CREATE TEMPORARY TABLE hg_new ON COMMIT DROP AS SELECT id, name FROM (
select * from raw.orders
) AS q;

-- analyze (stage)
ANALYZE pg_temp.hg_new;

-- key id (check)
SELECT count(*) AS failures FROM (SELECT id, count(*) AS row_count FROM pg_temp.hg_new GROUP BY id HAVING count(*) > 1 OR id IS NULL) AS bad;

-- probe: SELECT id, count(*) AS row_count FROM pg_temp.hg_new GROUP BY id HAVING count(*) > 1 OR id IS NULL LIMIT 5

-- update (stage; counts updated)
UPDATE stg.orders AS t SET name = n.name FROM pg_temp.hg_new AS n WHERE t.id = n.id AND (t.name IS DISTINCT FROM n.name);

-- insert (stage; counts inserted)
INSERT INTO stg.orders (id, name) SELECT id, name FROM pg_temp.hg_new AS n WHERE NOT EXISTS (SELECT 1 FROM stg.orders AS t WHERE t.id = n.id);

-- u (check)
SELECT (SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM stg.orders WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1) AS repeated) AS failures;

-- probe: SELECT id, count(*) AS row_count FROM stg.orders WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1 LIMIT 5

-- u2 (check)
SELECT (SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM stg.orders WHERE id IS NOT NULL AND name IS NOT NULL GROUP BY id, name HAVING count(*) > 1) AS repeated) AS failures;

-- probe: SELECT id, name, count(*) AS row_count FROM stg.orders WHERE id IS NOT NULL AND name IS NOT NULL GROUP BY id, name HAVING count(*) > 1 LIMIT 5

-- n (check)
SELECT (SELECT count(*) FROM stg.orders WHERE name IS NULL AND (id > 5)) AS failures;

-- probe: SELECT * FROM stg.orders WHERE name IS NULL AND (id > 5) LIMIT 5

-- a (check)
SELECT (SELECT count(*) FROM stg.orders WHERE name IS NOT NULL AND name NOT IN ('one', 'it''s', 3)) AS failures, (SELECT count(*) FROM stg.orders) AS total;

-- probe: SELECT * FROM stg.orders WHERE name IS NOT NULL AND name NOT IN ('one', 'it''s', 3) LIMIT 5

-- r (check)
SELECT (SELECT count(*) FROM pg_temp.hg_new AS hg_from WHERE id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM raw.other AS hg_to WHERE hg_to.id = hg_from.id)) AS failures;

-- probe: SELECT * FROM pg_temp.hg_new AS hg_from WHERE id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM raw.other AS hg_to WHERE hg_to.id = hg_from.id) LIMIT 5

-- e (check)
SELECT (SELECT count(*) FROM stg.orders WHERE NOT (id > 0)) AS failures;

-- probe: SELECT * FROM stg.orders WHERE NOT (id > 0) LIMIT 5

-- s (check)
SELECT (SELECT count(*) FROM (
select * from stg.orders where id = 2
) AS failing) AS failures;

-- probe: SELECT * FROM (
select * from stg.orders where id = 2
) AS failing LIMIT 5
