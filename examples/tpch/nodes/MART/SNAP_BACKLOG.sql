/*---
type: daily_snapshot
config: {date_column: snapshot_date}
description: Open orders by priority, one picture for each day that it was taken
columns:
  snapshot_date: {description: The newest order's date, tests: [not_null]}
  order_count: {tests: [not_null]}
tests:
  - unique: {columns: [snapshot_date, priority]}
---*/
-- Yesterday's backlog cannot be worked out from today's orders. This project's own node type keeps a picture of it:
-- see node_types/daily_snapshot.
select
    (select max(order_date) from MART.FCT_ORDERS) as snapshot_date,
    priority,
    count(*) as order_count,
    cast(sum(net_amount) as decimal(18, 4)) as net_amount
from MART.FCT_ORDERS
where status <> 'finished'
group by priority
