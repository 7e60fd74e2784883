/*---
type: dimension
key: [supplier_id]
description: Suppliers with the size of their offer
columns:
  supplier_id: {tests: [unique, not_null]}
---*/
select
    s.supplier_id,
    s.supplier_name,
    s.nation,
    s.region,
    s.account_balance,
    count(o.part_id) as offer_count
from STG.STG_SUPPLIER as s
left join PROD.STG_PARTSUPP as o on o.supplier_id = s.supplier_id
group by s.supplier_id, s.supplier_name, s.nation, s.region, s.account_balance
