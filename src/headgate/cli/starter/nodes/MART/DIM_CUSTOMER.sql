/*---
# A dimension is merged by its key: changed rows are updated, new ones inserted.
type: dimension
key: [customer_id]
columns:
  customer_id: {tests: [unique, not_null]}
---*/
select id as customer_id, name, country
from RAW.CUSTOMERS
