/*---
type: dimension
key: [part_id]
delete: not_in_source
description: The parts that can be bought today, with their cheapest offer
columns:
  part_id: {tests: [unique, not_null]}
  lowest_cost: {description: Lowest supply cost of all offers that passed QA}
---*/
-- delete: not_in_source takes a part out when it left the catalogue or lost its last offer. Without it a merge keeps
-- what the query no longer yields.
select
    p.part_id,
    p.part_name,
    p.manufacturer,
    p.brand,
    p.finish,
    p.material,
    p.part_size,
    p.retail_price,
    min(s.supply_cost) as lowest_cost,
    count(*) as offer_count
from STG.STG_PART as p
join PROD.STG_PARTSUPP as s on s.part_id = p.part_id
group by
    p.part_id, p.part_name, p.manufacturer, p.brand, p.finish, p.material, p.part_size, p.retail_price
