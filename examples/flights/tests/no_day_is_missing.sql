/*---
description: Between the first and the last day loaded, every day has flights
---*/
select loaded.days, loaded.expected
from (
    select count(distinct flight_date) as days, max(flight_date) - min(flight_date) + 1 as expected
    from MART.FCT_FLIGHTS
) as loaded
where loaded.days <> loaded.expected
