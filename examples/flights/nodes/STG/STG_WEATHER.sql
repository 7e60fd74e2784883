/*---
type: stage
key: [origin, departure_hour]
description: Weather by airport and UTC hour, in the words that matter to a pilot
---*/
select
    origin,
    time_hour as departure_hour,
    case
        when visib < 1 then 'fog'
        when precip > 0 and temp <= 34 then 'snow or ice'
        when precip > 0 then 'rain'
        when wind_speed >= 25 then 'strong wind'
        else 'fair'
    end as conditions,
    visib as visibility_miles,
    wind_speed,
    precip as rain_inches
from RAW.WEATHER
