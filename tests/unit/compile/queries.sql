-- Queries that DuckDB accepts, one to a blank line. Compile must accept each, yield DuckDB's columns, and be
-- right about every type that it claims to know.

select * from RAW.CUSTOMER

select c.*, n_name as nation from RAW.CUSTOMER c join RAW.NATION on n_id = c_nation

select * from RAW.CUSTOMER join RAW.NATION n on n.n_id = c_nation

select * from RAW.ORDERS join RAW.CUSTOMER using (c_id)

select c_id, ORDERS.amount, CUSTOMER.c_name from RAW.ORDERS left join RAW.CUSTOMER using (c_id)

select RAW.CUSTOMER.c_id, RAW.CUSTOMER.c_name as name from RAW.CUSTOMER

select * exclude (c_name) from RAW.CUSTOMER

select * replace (upper(c_name) as c_name) from RAW.CUSTOMER

select * rename (c_name as name) from RAW.CUSTOMER

select c.* exclude (c_id), c.c_id as id from RAW.CUSTOMER c

select columns('c_.*') from RAW.CUSTOMER

select min(columns(*)) from RAW.NATION

from RAW.CUSTOMER

from RAW.CUSTOMER select c_id, c_name where c_nation = 1

with a as (select c_id, count(*) as n from RAW.ORDERS group by c_id) select a.*, c_name from a join RAW.CUSTOMER using (c_id)

with a(k, v) as (select c_id, amount from RAW.ORDERS) select k, v from a

with a as (select 1 as x), b as (select x + 1 as y from a) select x, y from a, b

with CUSTOMER as (select 7 as seven) select seven from CUSTOMER

with recursive t(n) as (select 1 union all select n + 1 from t where n < 5) select n from t

with recursive t as (select 1 as n, 'a' as p union all select n + 1, p || 'b' from t where n < 5) select * from t

with a as materialized (select c_id from RAW.CUSTOMER) select (select max(c_id) from a) as top

select c_id as id, id + 1 as next_id, next_id * 2 as twice from RAW.CUSTOMER

select amount * 2 as doubled from RAW.ORDERS where doubled > 3

select c_id % 2 as parity, count(*) as n from RAW.CUSTOMER group by parity having n > 1 order by n desc, parity

select c_id, row_number() over (partition by c_nation order by c_name) as place from RAW.CUSTOMER qualify place = 1

select c_id, sum(amount) over w as running from RAW.ORDERS window w as (partition by c_id order by o_id)

select c_id, rank() over (order by c_nation) as r, lag(c_name) over (order by c_id) as before from RAW.CUSTOMER

select c_id from RAW.CUSTOMER c where exists (select 1 from RAW.ORDERS o where o.c_id = c.c_id)

select c_id from RAW.CUSTOMER where c_nation in (select n_id from RAW.NATION where n_name = c_name)

select c_id, (select max(amount) from RAW.ORDERS o where o.c_id = c.c_id) as top from RAW.CUSTOMER c

select c.c_id, latest.amount from RAW.CUSTOMER c, lateral (select amount from RAW.ORDERS o where o.c_id = c.c_id limit 1) as latest

select c.c_id, t.total from RAW.CUSTOMER c left join lateral (select sum(amount) as total from RAW.ORDERS o where o.c_id = c.c_id) t on true

select c_id, tag from RAW.EVENTS, unnest(tags) as u(tag)

select c_id, unnest(tags) as tag from RAW.EVENTS

select list_transform(tags, t -> t || c_id) as marked from RAW.EVENTS

select list_filter(tags, lambda t: length(t) > 1) as longer from RAW.EVENTS

select [t || '!' for t in tags if t <> 'x'] as loud from RAW.EVENTS

select address.city, address.street as street from RAW.EVENTS

select e.address.city as city, EVENTS2.address.street from RAW.EVENTS e, RAW.EVENTS EVENTS2

select (address).city as city from RAW.EVENTS

select address.* from RAW.EVENTS

select {'id': c_id, 'n': c_name} as packed from RAW.CUSTOMER

select struct_pack(id := c_id) as packed, map {'a': c_id} as m from RAW.CUSTOMER

select tags[1] as first_tag, tags[1:2] as some, address['city'] as city from RAW.EVENTS

select c_id from RAW.CUSTOMER union all select n_id from RAW.NATION

select c_id, c_name from RAW.CUSTOMER union by name select n_id as c_id, n_name as other from RAW.NATION

select c_id from RAW.CUSTOMER except select n_id from RAW.NATION intersect select c_id from RAW.ORDERS

(select c_id from RAW.CUSTOMER order by c_name limit 3) union all (select c_id from RAW.ORDERS order by amount)

select * from (values (1, 'a'), (2, 'b')) as v(id, letter)

select v.id, letter from (values (1, 'a')) v(id, letter) join RAW.CUSTOMER on c_id = v.id

select i, g.generate_series as s from range(5) as r(i), generate_series(1, 3) as g

select range as n from range(3)

select x from RAW.CUSTOMER as t(x, y)

select * from RAW.ORDERS pivot (sum(amount) for status in ('open', 'done') group by c_id)

select c_id, open_total from RAW.ORDERS pivot (sum(amount) as total for status in ('open', 'done')) as p

pivot RAW.ORDERS on status using sum(amount) group by c_id

unpivot RAW.WIDE on jan, feb into name month value amount

select id, month, amount from RAW.WIDE unpivot (amount for month in (jan, feb))

select o.o_id, c.c_name from RAW.ORDERS o asof join RAW.CUSTOMER c on o.c_id >= c.c_id

select * from RAW.NATION positional join RAW.WIDE

select * from RAW.CUSTOMER semi join RAW.ORDERS using (c_id)

select * from RAW.CUSTOMER anti join RAW.ORDERS o on o.c_id = CUSTOMER.c_id

select * from RAW.CUSTOMER natural join RAW.ORDERS

select c_id, c_name from (RAW.CUSTOMER join RAW.NATION on n_id = c_nation)

select j.c_id, j.n_name from (select * from RAW.CUSTOMER join RAW.NATION on n_id = c_nation) as j

select count(*) as n, count(distinct c_id) as people, max(c_name) as last, min(c_id) as least, avg(c_id) as mean from RAW.CUSTOMER

select count(*) filter (where amount > 3) as many, any_value(status) as s, arg_max(status, amount) as top from RAW.ORDERS

select string_agg(c_name, ',' order by c_id) as names from RAW.CUSTOMER group by all

select c_nation, grouping(c_nation) as g, count(*) as n from RAW.CUSTOMER group by rollup (c_nation)

select case when amount > 3 then 'big' when amount > 1 then status end as size, coalesce(status, 'none') as s from RAW.ORDERS

select c_id is null as missing, c_name like 'a%' as a, not c_id > 3 as small, c_id between 1 and 2 as few from RAW.CUSTOMER

select cast(amount as double) as d, amount::int as i, try_cast(status as date) as t, 1 as one, 'x' as x, true as yes, 3000000000 as big from RAW.ORDERS

select current_date as today, date_trunc('month', seen) as month, extract(year from seen) as year, seen - interval 1 day as before from RAW.EVENTS

select c_id, c_name from RAW.CUSTOMER order by all

select distinct on (c_nation) c_nation, c_name from RAW.CUSTOMER order by c_nation, c_id

select c_id from RAW.CUSTOMER order by 1 limit (select count(*) from RAW.NATION)

select c_id from RAW.CUSTOMER using sample 10 rows

select c_id from RAW.CUSTOMER tablesample 50%

select rowid as r, c_id from RAW.CUSTOMER

select C_ID, "C_Name" from RAW.customer

select id: c_id, name: c_name from RAW.CUSTOMER

select t from RAW.NATION t

select a.n_id, b.n_id as other from RAW.NATION a cross join RAW.NATION b

select unnest([1, 2, 3]) as n

select n_name from (from RAW.NATION) where n_id > 1

select s.total from (select sum(amount) as total, count(*) from RAW.ORDERS) as s

select * from (select c_id, c_id + 1 as next_id from RAW.CUSTOMER) where next_id > 2

select "count_star()" as n from (select count(*) from RAW.ORDERS)

select o.* exclude (c_id), c.* from RAW.ORDERS o join RAW.CUSTOMER c on o.c_id = c.c_id

select table_name from information_schema.tables

select k from (select c_id from RAW.CUSTOMER) as t(k)

select c_id, max(amount) as top from RAW.ORDERS group by 1 having max(amount) > 3 and count(o_id) > 1

select c.c_id from RAW.CUSTOMER c join RAW.ORDERS o on o.c_id = c.c_id and o.amount > (select avg(amount) from RAW.ORDERS x where x.c_id = c.c_id)

select c_id, list(struct_pack(o_id, amount)) as orders from RAW.ORDERS group by c_id

with a as (with b as (select c_id as k from RAW.CUSTOMER) select k from b) select k from a

select * like 'c_n%' from RAW.CUSTOMER

select c_id from RAW.CUSTOMER where (c_id, c_nation) in (select c_id, o_id from RAW.ORDERS)

select e.c_id, u.* from RAW.EVENTS e, unnest(e.tags) u

select first(c_name order by c_id) as f, quantile_cont(c_id, 0.5) as q, c_nation from RAW.CUSTOMER group by c_nation

select generate_series as day from generate_series(date '2024-01-01', date '2024-01-03', interval 1 day)

select amount as a, a + 1 as b, sum(b) over (order by a) as c from RAW.ORDERS
