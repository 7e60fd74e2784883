-- create table as (stage; counts inserted)
CREATE OR REPLACE TABLE stg.orders AS SELECT CAST(id AS BIGINT) AS id, CAST(name AS VARCHAR) AS name FROM (
select * from raw.orders
) AS q;
