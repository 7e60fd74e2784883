-- stage (stage)
CREATE TEMPORARY TABLE hg_new AS SELECT id, name FROM (
select * from raw.orders
) AS q;

-- key id (check)
SELECT count(*) AS failures FROM (SELECT id, count(*) AS row_count FROM temp.hg_new GROUP BY id HAVING count(*) > 1 OR id IS NULL) AS bad;

-- probe: SELECT id, count(*) AS row_count FROM temp.hg_new GROUP BY id HAVING count(*) > 1 OR id IS NULL LIMIT 5

-- close changed (stage; counts updated; reads run_started_at)
UPDATE stg.orders AS t SET valid_to = CAST($hg_run_started_at AS TIMESTAMP WITH TIME ZONE), is_current = FALSE FROM temp.hg_new AS n WHERE t.is_current AND t.id = n.id AND (t.name IS DISTINCT FROM n.name);

-- close missing (stage; counts updated; reads run_started_at)
UPDATE stg.orders AS t SET valid_to = greatest(CAST($hg_run_started_at AS TIMESTAMP WITH TIME ZONE), t.valid_from), is_current = FALSE WHERE t.is_current AND NOT EXISTS (SELECT 1 FROM temp.hg_new AS n WHERE t.id = n.id);

-- insert (stage; counts inserted; reads run_started_at)
INSERT INTO stg.orders (id, name, valid_from, valid_to, is_current) SELECT n.id, n.name, CAST($hg_run_started_at AS TIMESTAMP WITH TIME ZONE), NULL, TRUE FROM temp.hg_new AS n WHERE NOT EXISTS (SELECT 1 FROM stg.orders AS t WHERE t.is_current AND t.id = n.id);

-- drop stage (stage)
DROP TABLE temp.hg_new;
