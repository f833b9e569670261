-- The month's subsidy by township of the outlet (null: the whole county): parcels paid for on balance, and yuan.
-- Reads line_by_statement.
WITH paid AS (
    SELECT s.township_code AS township, l.parcel_id, sum(CASE WHEN l.turn %% 2 = 0 THEN 1 ELSE -1 END) > 0 AS paid,
           sum(l.amount) AS yuan
    FROM settlement_line l JOIN stations_station s ON s.id = l.station_id
    WHERE l.county_code = %(county_code)s AND l.period = %(month)s::date
    GROUP BY s.township_code, l.parcel_id
)
SELECT township, count(*) FILTER (WHERE paid) AS parcels, sum(yuan) AS yuan FROM paid GROUP BY GROUPING SETS ((township), ())
