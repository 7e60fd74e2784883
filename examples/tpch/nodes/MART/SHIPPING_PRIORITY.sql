/*---
type: fact
load: full
description: Open orders of one market segment, the most valuable first
columns:
  place: {description: "1 is the most valuable", tests: [unique, not_null]}
---*/
-- The segment is a parameter: BUILDING by default, MACHINERY in the environment dev, and for one run
--   headgate refresh -e dev --include '{ SHIPPING_PRIORITY }' --parameters '{"market_segment": "FURNITURE"}'
-- Ties are broken by the order's number; without that two engines may number equal amounts differently.
select
    row_number() over (order by o.net_amount desc, o.order_id) as place,
    o.order_id,
    c.customer_name,
    c.market_segment,
    o.order_date,
    o.priority,
    o.net_amount
from MART.FCT_ORDERS as o
join MART.DIM_CUSTOMER as c on c.customer_id = o.customer_id
where o.status = 'open'
  and c.market_segment = '{{ parameters.market_segment }}'
