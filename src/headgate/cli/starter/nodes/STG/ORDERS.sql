/*---
# This header is YAML. Without a `type:` a node of STG is a stage: a table that is replaced at each refresh.
tags: [daily]
columns:
  amount: {tests: [{expression: "amount >= 0"}]}
---*/
select id as order_id, customer_id, ordered_on, amount
from RAW.ORDERS
where ordered_on >= date '{{ parameters.first_day }}'
