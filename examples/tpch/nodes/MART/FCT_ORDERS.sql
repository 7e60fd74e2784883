/*---
type: fact
key: [order_id]
description: One row per order, with its lines summed up
tags: [daily]
columns:
  customer_id: {tests: [{relationships: {to: MART.DIM_CUSTOMER, field: customer_id}}]}
  order_date: {tests: [{relationships: {to: MART.DIM_DATE, field: day}}]}
  days_to_ship: {description: From the order to its last shipment, tests: [not_null]}
tests:
  - expression: {name: shipped_after_order, sql: "days_to_ship > 0"}
---*/
-- A fact with a key is merged: an order that was shipped since yesterday is updated in place.
select
    order_id,
    customer_id,
    order_date,
    priority,
    status,
    count(*) as line_count,
    cast(sum(quantity) as bigint) as quantity,
    cast(sum(net_amount) as decimal(18, 4)) as net_amount,
    cast(sum(tax_amount) as decimal(18, 6)) as tax_amount,
    cast(date_diff('day', order_date, max(ship_date)) as integer) as days_to_ship
from STG.WRK_ORDER_LINES
group by order_id, customer_id, order_date, priority, status
