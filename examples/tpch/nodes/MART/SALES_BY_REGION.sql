/*---
type: view
description: Revenue by region and year, for the first page of a dashboard
columns:
  region: {tests: [not_null]}
tests:
  - row_count: {min: 5}
---*/
-- A view holds no rows, so a refresh runs its tests only. Where one fails, what reads the view is skipped.
select
    region,
    cast(extract(year from revenue_month) as integer) as year,
    cast(sum(order_count) as bigint) as order_count,
    cast(sum(net_amount) as decimal(18, 4)) as net_amount
from MART.REVENUE_MONTHLY
group by 1, 2
