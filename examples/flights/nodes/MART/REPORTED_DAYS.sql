/*---
type: fact
load: scd2
key: [flight_date, origin]
description: What was reported of each day, and what was reported before it was corrected
tests:
  - unique: {columns: [flight_date, origin], where: is_current, name: one_current_row}
---*/
-- No updated_at is named, so valid_from is the time of the run: this history tells what we knew when. After a correction
-- the old figures stand here with the time until which they were believed.
select
    flight_date,
    origin,
    count(*) as flight_count,
    count(*) filter (where is_cancelled) as cancelled_count,
    cast(coalesce(sum(arrival_delay), 0) as bigint) as arrival_delay_minutes
from MART.FCT_FLIGHTS
group by flight_date, origin
