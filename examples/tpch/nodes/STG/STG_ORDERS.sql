/*---
type: persistent_stage
key: [order_id]
description: Every order that was ever seen, in its latest state
tags: [daily]
columns:
  order_id: {tests: [not_null]}
  customer_id: {tests: [{relationships: {to: STG.STG_CUSTOMER, field: customer_id}}]}
  status: {description: "open, partly shipped or finished"}
  priority: {description: "1 (urgent) to 5 (low)", tests: [not_null]}
---*/
-- Persistent: the source may drop old orders, this table keeps them. Its default load is merge by key, which updates
-- the orders that changed, inserts the new ones and leaves the others alone.
select
    o_orderkey as order_id,
    o_custkey as customer_id,
    case o_orderstatus when 'F' then 'finished' when 'P' then 'partly shipped' else 'open' end as status,
    o_orderdate as order_date,
    cast(left(o_orderpriority, 1) as integer) as priority,
    o_totalprice as total_price
from SAMPLE.ORDERS
