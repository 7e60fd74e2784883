/*---
type: dimension
load: full
description: Every day of the seven years that the data covers
columns:
  day: {tests: [unique, not_null]}
  weekday: {description: "1 (Monday) to 7 (Sunday)"}
tests:
  - row_count: {min: 2557, max: 2557}
---*/
-- A calendar never changes, so it is simply made again; a merge would compare 2,557 rows to find no difference.
select
    cast(day as date) as day,
    cast(extract(year from day) as integer) as year,
    cast(extract(month from day) as integer) as month,
    strftime(day, '%Y-%m') as year_month,
    cast(extract(isodow from day) as integer) as weekday,
    extract(isodow from day) >= 6 as is_weekend
from generate_series(date '1992-01-01', date '1998-12-31', interval '1 day') as days(day)
