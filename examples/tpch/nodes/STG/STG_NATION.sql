/*---
type: view
description: A nation with its region. A view, because 25 rows are not worth a copy.
columns:
  nation_id: {description: Key of the nation, tests: [unique, not_null]}
  region: {description: The part of the world it lies in, tests: [not_null]}
---*/
select
    n.n_nationkey as nation_id,
    n.n_name as nation,
    r.r_name as region
from SAMPLE.NATION as n
join SAMPLE.REGION as r on r.r_regionkey = n.n_regionkey
