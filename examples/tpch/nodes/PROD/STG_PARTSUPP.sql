/*---
type: stage
key: [part_id, supplier_id]
description: The offers that passed QA. Marts read these and no others.
columns:
  supply_cost: {description: What one piece costs us, tests: [not_null]}
tests:
  - expression: {name: positive_stock, sql: "available_quantity > 0"}
---*/
-- The same name in two locations is two nodes: QA.STG_PARTSUPP and PROD.STG_PARTSUPP.
-- With a key, a full load checks its rows as well: null or duplicate keys stop the load and are shown.
select part_id, supplier_id, available_quantity, supply_cost
from QA.STG_PARTSUPP
where verdict = 'ok'
