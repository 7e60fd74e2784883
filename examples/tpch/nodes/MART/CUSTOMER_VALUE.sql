/*---
type: fact
key: [customer_id]
delete: not_in_source
description: Customers that ordered, in ten classes of equal size by revenue
columns:
  customer_id: {tests: [{relationships: {to: MART.DIM_CUSTOMER, field: customer_id}}]}
  value_class: {description: "1 is the best tenth", tests: [not_null]}
  returned_percent: {description: Share of the revenue that was sent back}
---*/
select
    w.customer_id,
    t.tier,
    w.order_count,
    w.net_amount,
    {{ percent('w.returned_amount', 'w.net_amount') }} as returned_percent,
    ntile(10) over (order by w.net_amount desc, w.customer_id) as value_class
from STG.WRK_CUSTOMER_ORDERS as w
join MART.CUSTOMER_TIERS as t on t.customer_id = w.customer_id and t.is_current
