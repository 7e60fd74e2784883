/*---
type: fact
description: Order lines with everything known about them, for people with a spreadsheet
tags: [weekly]
columns:
  order_id: {tests: [not_null]}
---*/
-- Wide and slow, and nobody needs it fresh: the nightly job leaves it out ({ tag: weekly }), job 5 makes it.
select
    f.order_id,
    f.line_number,
    f.order_date,
    d.year_month,
    d.is_weekend as ordered_on_weekend,
    c.customer_name,
    c.market_segment,
    c.nation as customer_nation,
    c.region as customer_region,
    s.supplier_name,
    s.nation as supplier_nation,
    p.part_name,
    p.brand,
    p.material,
    f.quantity,
    f.gross_amount,
    f.net_amount,
    f.cost_amount,
    f.is_returned,
    f.is_late
from MART.FCT_SALES as f
join MART.DIM_DATE as d on d.day = f.order_date
join MART.DIM_CUSTOMER as c on c.customer_id = f.customer_id
join MART.DIM_SUPPLIER as s on s.supplier_id = f.supplier_id
left join MART.DIM_PART as p on p.part_id = f.part_id
