/*---
type: fact
key: [revenue_month, nation, market_segment]
description: Revenue by month, nation and segment
tags: [daily]
columns:
  revenue_month: {description: First day of the month}
  margin_percent: {description: "Net amount over cost, of the lines with a known cost"}
---*/
-- Merged by key: an ordinary night touches the newest month, and a correction of the past exactly the rows it changed.
select
    cast(date_trunc('month', f.order_date) as date) as revenue_month,
    c.nation,
    c.region,
    c.market_segment,
    count(distinct f.order_id) as order_count,
    cast(sum(f.net_amount) as decimal(18, 4)) as net_amount,
    {{ percent('sum(case when f.cost_amount is not null then f.net_amount - f.cost_amount end)',
               'sum(case when f.cost_amount is not null then f.net_amount end)') }} as margin_percent
from MART.FCT_SALES as f
join MART.DIM_CUSTOMER as c on c.customer_id = f.customer_id
group by 1, 2, 3, 4
