/*---
type: fact
key: [flight_date, origin, conditions]
delete: not_in_source
description: Departure delays by the weather at the airport
---*/
-- A correction of the weather can move flights to other conditions. not_in_source removes a group that has none left.
select
    f.flight_date,
    f.origin,
    coalesce(w.conditions, 'not measured') as conditions,
    count(*) as flight_count,
    count(*) filter (where f.is_cancelled) as cancelled_count,
    {{ ratio('sum(f.departure_delay)', 'count(f.departure_delay)') }} as mean_departure_delay
from MART.FCT_FLIGHTS as f
left join STG.STG_WEATHER as w on w.origin = f.origin and w.departure_hour = f.departure_hour
group by 1, 2, 3
