/*---
type: fact
load: interval
time_column: order_date
interval: 1mo
start: "1992-01-01"
lookback: 1
key: [order_id, line_number]
description: One row per order line, loaded by month of the order
tags: [daily]
post_sql:
  - analyze {{ this }}                  # the planner should know the new months before the marts read them
columns:
  part_id: {tests: [not_null]}
  customer_id: {tests: [{relationships: {to: MART.DIM_CUSTOMER, field: customer_id}}]}
  cost_amount:
    description: Empty where the offer did not pass QA
    tests:
      - not_null: {severity: warn, threshold: 5%}
tests:
  - expression: {name: amounts_in_order, sql: "net_amount <= gross_amount", scope: new}
  - sql:
      name: no_month_is_missing
      # Some lines exist in every month between the first and the last.
      sql: >
        select 1
        from (
          select
            count(distinct date_trunc('month', order_date)) as months,
            (extract(year from max(order_date)) - extract(year from min(order_date))) * 12
              + extract(month from max(order_date)) - extract(month from min(order_date)) + 1 as expected
          from {{ this }}
        ) as counted
        where months <> expected
---*/
-- The largest table is not loaded whole: a ledger in the warehouse knows which months are done, and a refresh adds
-- those that are missing and does the newest one again (lookback). After a correction of old data:
--   headgate refresh -e dev --include '{ FCT_SALES }+' --from 1995-03-01 --to 1995-05-01
select
    l.order_id,
    l.line_number,
    l.customer_id,
    l.part_id,
    l.supplier_id,
    l.order_date,
    l.ship_date,
    l.ship_mode,
    l.quantity,
    l.gross_amount,
    l.net_amount,
    cast(l.quantity * c.supply_cost as decimal(14, 2)) as cost_amount,
    l.is_returned,
    l.is_late
from STG.WRK_ORDER_LINES as l
left join PROD.STG_PARTSUPP as c on c.part_id = l.part_id and c.supplier_id = l.supplier_id
