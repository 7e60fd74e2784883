/*---
type: fact
key: [flight_month, origin, destination]
description: Routes by month
---*/
select
    cast(date_trunc('month', f.flight_date) as date) as flight_month,
    f.origin,
    f.destination,
    d.airport_name as destination_name,
    count(*) as flight_count,
    count(distinct f.carrier) as carrier_count,
    cast(sum(coalesce(p.seats, 0)) as bigint) as known_seats,
    {{ ratio('sum(f.air_minutes)', 'count(f.air_minutes)') }} as mean_air_minutes
from MART.FCT_FLIGHTS as f
left join MART.DIM_AIRPORT as d on d.airport = f.destination
left join MART.DIM_PLANE as p on p.tail_number = f.tail_number
where not f.is_cancelled
group by 1, 2, 3, 4
