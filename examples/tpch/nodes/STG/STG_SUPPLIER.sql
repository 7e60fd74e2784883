/*---
type: stage
description: Suppliers with words instead of codes
tags: [daily]
columns:
  supplier_id: {tests: [unique, not_null]}
---*/
select
    s.s_suppkey as supplier_id,
    s.s_name as supplier_name,
    s.s_phone as phone,
    s.s_acctbal as account_balance,
    n.nation,
    n.region
from SAMPLE.SUPPLIER as s
join STG.STG_NATION as n on n.nation_id = s.s_nationkey
