/*---
type: view
description: Flights with a real date and with words for what happened to them
columns:
  flight_date: {description: Local day of the planned departure}
  departure_hour: {description: "Hour of the planned departure, UTC"}
  is_diverted: {description: Left and did not arrive where it was going}
---*/
select
    make_date(year, month, day) as flight_date,
    carrier,
    flight as flight_number,
    origin,
    dest as destination,
    tailnum as tail_number,
    time_hour as departure_hour,
    dep_delay as departure_delay,
    arr_delay as arrival_delay,
    air_time as air_minutes,
    distance as distance_miles,
    dep_time is null as is_cancelled,
    dep_time is not null and arr_delay is null as is_diverted
from RAW.FLIGHTS
