/*---
type: fact
load: interval
time_column: flight_date
interval: 1d
start: "2013-01-01"
max_intervals: 1
key: [flight_date, carrier, flight_number, origin]
description: One row per flight, loaded by day
columns:
  destination:
    tests:
      # The register of airports lacks four in the Caribbean: a known gap, as long as it stays small.
      - relationships: {to: MART.DIM_AIRPORT, field: airport, severity: warn, threshold: 5%}
  tail_number:
    tests:
      - not_null: {where: "not is_cancelled"}
tests:
  # A day that has not arrived is not a day without flights. This guards the load: with no rows the day is not
  # published and not marked as done, so the next run tries it again.
  - row_count: {min: 1, scope: new}
  - expression: {name: cancelled_has_no_delay, sql: "not is_cancelled or departure_delay is null", scope: new}
---*/
-- Each refresh loads the next day that is missing; max_intervals: 1 because the calendar of this data stands in 2013
-- and all days until today would count as complete. A range is loaded, or loaded again, by --from and --to.
select
    flight_date,
    carrier,
    flight_number,
    origin,
    destination,
    tail_number,
    departure_hour,
    departure_delay,
    arrival_delay,
    air_minutes,
    distance_miles,
    is_cancelled,
    is_diverted
from STG.STG_FLIGHTS
