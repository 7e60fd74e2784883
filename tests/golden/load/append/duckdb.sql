-- stage (stage)
CREATE TEMPORARY TABLE hg_new AS SELECT id, name FROM (
select * from raw.orders
) AS q;

-- insert (stage; counts inserted)
INSERT INTO stg.orders (id, name) SELECT id, name FROM temp.hg_new;

-- drop stage (stage)
DROP TABLE temp.hg_new;
