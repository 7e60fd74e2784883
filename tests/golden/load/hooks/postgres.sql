-- pre-SQL (stage)
insert into a.log values (1);

-- lock (stage)
LOCK TABLE stg.orders IN SHARE ROW EXCLUSIVE MODE;

-- delete (stage; counts deleted)
DELETE FROM stg.orders;

-- insert (stage; counts inserted)
INSERT INTO stg.orders (id, name) SELECT id, name FROM (
select * from raw.orders
) AS q;

-- post-SQL 1 (stage)
insert into a.log values (2);

-- post-SQL 2 (stage)
insert into a.log values (3);
