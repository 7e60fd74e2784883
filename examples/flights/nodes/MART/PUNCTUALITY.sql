/*---
type: view
description: Airlines by punctuality over all days loaded, the best first
columns:
  place: {tests: [unique, not_null]}
---*/
select
    row_number() over (order by on_time_percent desc, carrier) as place,
    carrier,
    airline,
    flight_count,
    on_time_percent
from (
    select
        carrier,
        airline,
        cast(sum(flight_count) as bigint) as flight_count,
        {{ ratio('sum(on_time_percent * flight_count)', 'sum(flight_count)') }} as on_time_percent
    from MART.DAILY_CARRIER
    group by carrier, airline
) as by_carrier
