/*---
type: fact
load: full
tests: [{row_count: {min: 1}}]
---*/
select c.country, count(*) as orders, sum(o.amount) as revenue
from STG.ORDERS o
join MART.DIM_CUSTOMER c on c.customer_id = o.customer_id
group by c.country
