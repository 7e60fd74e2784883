/*---
type: dimension
key: [carrier]
tags: [reference]
---*/
select carrier, name as airline from RAW.AIRLINES
