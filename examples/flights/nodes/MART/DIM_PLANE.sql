/*---
type: dimension
key: [tail_number]
delete: not_in_source
description: Planes in service. One that leaves the register leaves this table.
tags: [reference]
---*/
select
    tailnum as tail_number,
    year as built_in,
    manufacturer,
    model,
    seats,
    engine
from RAW.PLANES
