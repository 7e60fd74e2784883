-- stage (stage)
CREATE TEMPORARY TABLE hg_new AS SELECT id, name, updated_at FROM (
select * from raw.orders
) AS q;

-- key id (check)
SELECT count(*) AS failures FROM (SELECT id, count(*) AS row_count FROM temp.hg_new GROUP BY id HAVING count(*) > 1 OR id IS NULL) AS bad;

-- probe: SELECT id, count(*) AS row_count FROM temp.hg_new GROUP BY id HAVING count(*) > 1 OR id IS NULL LIMIT 5

-- not null updated_at (check)
SELECT count(*) AS failures FROM temp.hg_new WHERE updated_at IS NULL;

-- probe: SELECT * FROM temp.hg_new WHERE updated_at IS NULL LIMIT 5

-- not older updated_at (check)
SELECT count(*) AS failures FROM temp.hg_new AS n, stg.orders AS t WHERE n.updated_at < t.valid_from AND t.is_current AND t.id = n.id;

-- probe: SELECT n.id, n.updated_at, t.valid_from AS current FROM temp.hg_new AS n, stg.orders AS t WHERE n.updated_at < t.valid_from AND t.is_current AND t.id = n.id LIMIT 5

-- close changed (stage; counts updated)
UPDATE stg.orders AS t SET valid_to = n.updated_at, is_current = FALSE FROM temp.hg_new AS n WHERE t.is_current AND t.id = n.id AND (t.name IS DISTINCT FROM n.name OR t.updated_at IS DISTINCT FROM n.updated_at);

-- insert (stage; counts inserted)
INSERT INTO stg.orders (id, name, updated_at, valid_from, valid_to, is_current) SELECT n.id, n.name, n.updated_at, n.updated_at, NULL, TRUE FROM temp.hg_new AS n WHERE NOT EXISTS (SELECT 1 FROM stg.orders AS t WHERE t.is_current AND t.id = n.id);

-- drop stage (stage)
DROP TABLE temp.hg_new;
