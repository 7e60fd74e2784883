-- lock (stage)
LOCK TABLE stg.orders IN SHARE ROW EXCLUSIVE MODE;

-- stage (stage)
CREATE TEMPORARY TABLE hg_new ON COMMIT DROP AS SELECT id, name FROM (
select * from raw.orders
) AS q;

-- insert (stage; counts inserted)
INSERT INTO stg.orders (id, name) SELECT id, name FROM pg_temp.hg_new;
