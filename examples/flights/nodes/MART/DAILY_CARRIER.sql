/*---
type: fact
key: [flight_date, carrier]
description: Punctuality by day and airline
columns:
  on_time_percent: {description: "Of the flights that arrived, those at most 15 minutes late"}
  mean_arrival_delay: {description: Minutes over all flights that arrived}
---*/
-- Worked out for all days and merged: the days that did not change are compared and left alone, a corrected day is
-- updated in place. The run shows how many rows that were.
select
    f.flight_date,
    f.carrier,
    a.airline,
    count(*) as flight_count,
    count(*) filter (where f.is_cancelled) as cancelled_count,
    {{ percent('count(*) filter (where f.arrival_delay <= 15)', 'count(f.arrival_delay)') }} as on_time_percent,
    {{ ratio('sum(f.arrival_delay)', 'count(f.arrival_delay)') }} as mean_arrival_delay
from MART.FCT_FLIGHTS as f
join MART.DIM_AIRLINE as a on a.carrier = f.carrier
group by f.flight_date, f.carrier, a.airline
