-- The parcels behind the month's subsidy, of a township or ('') the county. Reads line_by_statement.
SELECT l.parcel_id
FROM settlement_line l JOIN stations_station s ON s.id = l.station_id
WHERE l.county_code = %(county_code)s AND l.period = %(month)s::date
  AND (%(township)s = '' OR s.township_code = %(township)s)
GROUP BY l.parcel_id, s.township_code
HAVING sum(CASE WHEN l.turn %% 2 = 0 THEN 1 ELSE -1 END) > 0
ORDER BY l.parcel_id
