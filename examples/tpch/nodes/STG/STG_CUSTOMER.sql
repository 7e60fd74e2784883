/*---
type: stage
description: Customers with words instead of codes
tags: [daily]
columns:
  customer_id: {tests: [unique, not_null]}
  market_segment: {tests: [{accepted_values: [AUTOMOBILE, BUILDING, FURNITURE, HOUSEHOLD, MACHINERY]}]}
  account_balance: {description: What we owe the customer; negative when the customer owes us}
---*/
-- A stage is replaced whole on every refresh: it holds no more than its source does today.
select
    c.c_custkey as customer_id,
    c.c_name as customer_name,
    c.c_mktsegment as market_segment,
    c.c_phone as phone,
    c.c_acctbal as account_balance,
    n.nation,
    n.region
from SAMPLE.CUSTOMER as c
join STG.STG_NATION as n on n.nation_id = c.c_nationkey
