/*---
type: stage
description: The catalogue, with the finish and the material taken out of the type's three words
columns:
  part_id: {tests: [unique, not_null]}
  material: {tests: [{accepted_values: [BRASS, COPPER, NICKEL, STEEL, TIN]}]}
---*/
select
    p_partkey as part_id,
    p_name as part_name,
    p_mfgr as manufacturer,
    p_brand as brand,
    split_part(p_type, ' ', 2) as finish,
    split_part(p_type, ' ', 3) as material,
    p_size as part_size,
    p_container as container,
    p_retailprice as retail_price
from SAMPLE.PART
