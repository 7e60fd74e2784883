/*---
description: The monthly revenue adds up to the sales it is made of
---*/
-- A project test reads several nodes; any row that it returns is a failure.
select s.sold, m.reported
from (select sum(net_amount) as sold from MART.FCT_SALES) as s
cross join (select sum(net_amount) as reported from MART.REVENUE_MONTHLY) as m
where s.sold is distinct from m.reported
