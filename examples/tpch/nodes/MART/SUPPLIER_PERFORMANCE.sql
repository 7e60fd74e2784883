/*---
type: fact
key: [supplier_id]
description: How punctual each supplier is
columns:
  supplier_id: {tests: [{relationships: {to: MART.DIM_SUPPLIER, field: supplier_id}}]}
  late_percent: {description: Share of the lines that came after the promised date}
tests:
  - expression: {name: a_share, sql: "late_percent between 0 and 100"}
---*/
select
    supplier_id,
    count(*) as line_count,
    count(*) filter (where is_late) as late_count,
    {{ percent('count(*) filter (where is_late)', 'count(*)') }} as late_percent,
    cast(sum(net_amount) as decimal(18, 4)) as net_amount
from MART.FCT_SALES
group by supplier_id
