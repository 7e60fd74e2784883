/*---
type: work
description: What each customer ordered so far, one row per customer that ordered at all
columns:
  customer_id: {tests: [unique, not_null]}
---*/
select
    customer_id,
    count(distinct order_id) as order_count,
    min(order_date) as first_order_date,
    max(order_date) as last_order_date,
    cast(sum(net_amount) as decimal(18, 4)) as net_amount,
    cast(sum(case when is_returned then net_amount else 0 end) as decimal(18, 4)) as returned_amount
from STG.WRK_ORDER_LINES
group by customer_id
