/*---
type: persistent_stage
load: append
time_column: order_date
description: Each order as it first arrived. Rows are added and never changed.
tags: [daily]
pre_sql:
  # Orders of the newest day may still be coming in while it is read. Append takes only what is newer than the newest
  # row, so that day is taken out first and loaded again whole. Same transaction: nobody sees it missing.
  - delete from {{ this }} where order_date = (select max(order_date) from {{ this }})
columns:
  order_id:
    tests:
      - not_null: {scope: new}          # only what this run adds: the rest was tested when it came
      - unique                          # all of it: a new row may repeat an old one
tests:
  # Before the load: if somebody wrote into the journal by hand, say so before more is put on top.
  - expression: {sql: "total_price > 0", run: before}
---*/
select
    o_orderkey as order_id,
    o_custkey as customer_id,
    o_orderdate as order_date,
    o_totalprice as total_price,
    o_clerk as clerk
from SAMPLE.ORDERS
