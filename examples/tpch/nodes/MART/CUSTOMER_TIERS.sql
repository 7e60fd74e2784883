/*---
type: dimension
load: scd2
key: [customer_id]
updated_at: reached_on
description: The tier of each customer, with its history
columns:
  tier: {tests: [not_null, {accepted_values: [bronze, silver, gold]}]}
  reached_on: {description: Date of the order that brought the customer into this tier}
tests:
  - unique: {columns: [customer_id], where: is_current, name: one_current_row}
---*/
-- scd2 adds valid_from, valid_to and is_current. valid_from is the date named by updated_at, so the history tells when
-- things happened and not when we loaded them. A row changes only when a customer enters another tier.
with numbered as (
    select
        customer_id,
        order_date,
        row_number() over (partition by customer_id order by order_date, order_id) as order_number
    from STG.STG_ORDERS
)
select
    customer_id,
    case max(order_number) when 1 then 'bronze' when 10 then 'silver' else 'gold' end as tier,
    max(order_date) as reached_on
from numbered
where order_number in (1, 10, 20)
group by customer_id
