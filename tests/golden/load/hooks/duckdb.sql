-- pre-SQL (stage)
insert into a.log values (1);

-- create table as (stage; counts inserted)
CREATE OR REPLACE TABLE stg.orders AS SELECT CAST(id AS BIGINT) AS id, CAST(name AS VARCHAR) AS name FROM (
select * from raw.orders
) AS q;

-- post-SQL 1 (stage)
insert into a.log values (2);

-- post-SQL 2 (stage)
insert into a.log values (3);
