-- create table as (stage; counts inserted)
CREATE OR REPLACE TABLE stg.orders AS SELECT CAST(id AS BIGINT) AS id, CAST(name AS VARCHAR) AS name FROM (
select * from raw.orders
) AS q;

-- key id, name (check)
SELECT count(*) AS failures FROM (SELECT id, name, count(*) AS row_count FROM stg.orders GROUP BY id, name HAVING count(*) > 1 OR id IS NULL OR name IS NULL) AS bad;

-- probe: SELECT id, name, count(*) AS row_count FROM stg.orders GROUP BY id, name HAVING count(*) > 1 OR id IS NULL OR name IS NULL LIMIT 5
