-- stage (stage)
CREATE TEMPORARY TABLE hg_new AS SELECT id, name FROM (
select * from raw.orders
) AS q;

-- key id (check)
SELECT count(*) AS failures FROM (SELECT id, count(*) AS row_count FROM temp.hg_new GROUP BY id HAVING count(*) > 1 OR id IS NULL) AS bad;

-- probe: SELECT id, count(*) AS row_count FROM temp.hg_new GROUP BY id HAVING count(*) > 1 OR id IS NULL LIMIT 5

-- update (stage; counts updated)
UPDATE stg.orders AS t SET name = n.name FROM temp.hg_new AS n WHERE t.id = n.id AND (t.name IS DISTINCT FROM n.name);

-- insert (stage; counts inserted)
INSERT INTO stg.orders (id, name) SELECT id, name FROM temp.hg_new AS n WHERE NOT EXISTS (SELECT 1 FROM stg.orders AS t WHERE t.id = n.id);

-- delete (stage; counts deleted)
DELETE FROM stg.orders AS t WHERE NOT EXISTS (SELECT 1 FROM temp.hg_new AS n WHERE t.id = n.id);

-- drop stage (stage)
DROP TABLE temp.hg_new;
