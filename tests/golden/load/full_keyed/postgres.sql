-- lock (stage)
LOCK TABLE stg.orders IN SHARE ROW EXCLUSIVE MODE;

-- delete (stage; counts deleted)
DELETE FROM stg.orders;

-- insert (stage; counts inserted)
INSERT INTO stg.orders (id, name) SELECT id, name FROM (
select * from raw.orders
) AS q;

-- key id, name (check)
SELECT count(*) AS failures FROM (SELECT id, name, count(*) AS row_count FROM stg.orders GROUP BY id, name HAVING count(*) > 1 OR id IS NULL OR name IS NULL) AS bad;

-- probe: SELECT id, name, count(*) AS row_count FROM stg.orders GROUP BY id, name HAVING count(*) > 1 OR id IS NULL OR name IS NULL LIMIT 5
