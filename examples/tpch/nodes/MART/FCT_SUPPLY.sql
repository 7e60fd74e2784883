/*---
type: fact
description: What lies in the suppliers' stores, and what it is worth
columns:
  stock_value: {description: Available quantity times supply cost}
tests:
  - row_count: {min: 1}
---*/
-- A fact without a key is replaced whole.
select
    o.part_id,
    o.supplier_id,
    s.nation,
    p.material,
    o.available_quantity,
    cast(o.available_quantity * o.supply_cost as decimal(14, 2)) as stock_value,
    o.supply_cost = p.lowest_cost as is_cheapest
from PROD.STG_PARTSUPP as o
join MART.DIM_PART as p on p.part_id = o.part_id
join MART.DIM_SUPPLIER as s on s.supplier_id = o.supplier_id
