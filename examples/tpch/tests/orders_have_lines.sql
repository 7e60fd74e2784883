/*---
severity: warn
description: Every order that was staged has arrived in the facts
---*/
select o.order_id
from STG.STG_ORDERS as o
where not exists (select 1 from MART.FCT_ORDERS as f where f.order_id = o.order_id)
