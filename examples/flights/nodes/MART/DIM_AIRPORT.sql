/*---
type: dimension
key: [airport]
tags: [reference]
columns:
  altitude_feet: {tests: [not_null]}
---*/
select faa as airport, name as airport_name, lat, lon, alt as altitude_feet, tzone as time_zone
from RAW.AIRPORTS
