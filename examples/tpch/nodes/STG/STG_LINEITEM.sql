/*---
type: view
description: Order lines with readable names and narrow decimals
columns:
  gross_amount: {description: "Quantity times price, before discount and tax"}
  discount_rate: {description: "0.00 to 0.10"}
---*/
-- The source's decimals have 15 digits. Two of them multiplied need 128 bits; with the digits that are really used
-- all arithmetic downstream stays within 64, which is several times faster.
select
    l_orderkey as order_id,
    l_linenumber as line_number,
    l_partkey as part_id,
    l_suppkey as supplier_id,
    cast(l_quantity as integer) as quantity,
    cast(l_extendedprice as decimal(10, 2)) as gross_amount,
    cast(l_discount as decimal(3, 2)) as discount_rate,
    cast(l_tax as decimal(3, 2)) as tax_rate,
    l_returnflag = 'R' as is_returned,
    l_shipdate as ship_date,
    l_commitdate as promised_date,
    l_receiptdate as receipt_date,
    l_shipmode as ship_mode
from SAMPLE.LINEITEM
