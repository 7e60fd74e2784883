/*---
type: dimension
key: [customer_id]
description: Customers with what is known of their orders
tags: [daily]
columns:
  customer_id: {description: Key of the customer, tests: [unique, not_null]}
  balance_band: {tests: [{accepted_values: [overdrawn, low, middle, high]}]}
  last_order_date:
    description: Empty for customers that never ordered
    tests:
      - not_null: {severity: warn, threshold: 40%}
---*/
select
    c.customer_id,
    c.customer_name,
    c.market_segment,
    c.nation,
    c.region,
    c.account_balance,
    case
        when c.account_balance < 0 then 'overdrawn'
        when c.account_balance < 1000 then 'low'
        when c.account_balance < 5000 then 'middle'
        else 'high'
    end as balance_band,
    coalesce(w.order_count, 0) as order_count,
    w.first_order_date,
    w.last_order_date
from STG.STG_CUSTOMER as c
left join STG.WRK_CUSTOMER_ORDERS as w on w.customer_id = c.customer_id
