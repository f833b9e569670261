-- Keeps what the rates of some outlets' months rest on, where it isn't kept yet: the terrain of the village, and the
-- parcels on the outlet's statements of the last closed month before. Indexes: outletmonth_once, statement_once.
INSERT INTO settlement_outletmonth (county_code, station_id, month, terrain, volume, volume_month, kept_at)
SELECT %(county_code)s, asked.station_id, asked.month, r.terrain, before.volume, before.month, %(at)s::timestamptz
FROM unnest(%(stations)s::bigint[], %(months)s::date[]) AS asked(station_id, month)
JOIN stations_station s ON s.id = asked.station_id
JOIN stations_region r ON r.code = s.region_id
LEFT JOIN LATERAL (
    SELECT p.month, greatest(sum(st.parcels), 0) AS volume
    FROM settlement_period p
    JOIN settlement_statement st
      ON st.county_code = p.county_code AND st.period = p.month AND st.station_id = asked.station_id
    WHERE p.county_code = %(county_code)s AND p.state = 'closed' AND p.month < asked.month
    GROUP BY p.month ORDER BY p.month DESC LIMIT 1
) before ON true
WHERE NOT EXISTS (SELECT FROM settlement_outletmonth o
                  WHERE o.county_code = %(county_code)s AND o.station_id = asked.station_id AND o.month = asked.month)
ORDER BY asked.station_id, asked.month
ON CONFLICT DO NOTHING
