/*---
type: work
description: Order lines with their order's date and customer, and all amounts worked out once
tags: [daily]
columns:
  net_amount: {description: Gross amount less discount}
  tax_amount: {description: Tax on the net amount}
  is_late: {description: Received after the promised date}
---*/
-- Three marts need this join. A work table is a waypoint: made once per refresh, read by others, never by people.
select
    l.order_id,
    l.line_number,
    o.customer_id,
    l.part_id,
    l.supplier_id,
    o.order_date,
    o.priority,
    o.status,
    l.ship_date,
    l.promised_date,
    l.receipt_date,
    l.ship_mode,
    l.quantity,
    l.gross_amount,
    cast(l.gross_amount * (1 - l.discount_rate) as decimal(14, 4)) as net_amount,
    cast(l.gross_amount * (1 - l.discount_rate) * l.tax_rate as decimal(18, 6)) as tax_amount,
    l.is_returned,
    l.receipt_date > l.promised_date as is_late
from STG.STG_LINEITEM as l
join STG.STG_ORDERS as o on o.order_id = l.order_id
