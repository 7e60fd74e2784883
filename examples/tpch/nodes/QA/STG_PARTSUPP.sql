/*---
type: stage
description: All offers of suppliers, each with a verdict. PROD.STG_PARTSUPP takes those that pass.
columns:
  verdict:
    description: "ok, or why the offer is held back"
    tests:
      # A few bad offers are daily business. Many of them are news: more than 5 percent warns.
      - accepted_values: {values: [ok], severity: warn, threshold: 5%}
tests:
  - unique: {columns: [part_id, supplier_id]}
---*/
select
    ps.ps_partkey as part_id,
    ps.ps_suppkey as supplier_id,
    ps.ps_availqty as available_quantity,
    ps.ps_supplycost as supply_cost,
    case
        when ps.ps_supplycost > p.retail_price then 'above retail price'
        when ps.ps_availqty <= 0 then 'nothing in stock'
        else 'ok'
    end as verdict
from SAMPLE.PARTSUPP as ps
join STG.STG_PART as p on p.part_id = ps.ps_partkey
