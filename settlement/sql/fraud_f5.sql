-- F5: hand-overs too far from the station, less the position's accuracy. The station's point is its own, or the median
-- of 30 days of arrivals scanned there where it has none or the two disagree by more than the limit (arrivals: who hands
-- out at home does not move them). One row an outlet and day. Arrivals by scanevent_by_station.
-- staging: CREATE TEMP TABLE fraud_work (line_id bigint, parcel_id bigint, station_id bigint, service varchar, evidence_class varchar, fresh boolean, at timestamptz, day date, carrier varchar, waybill_no varchar, announced boolean, from_here boolean, known_at timestamptz, event_id uuid, type varchar, device_id bigint, actor_id bigint, seq bigint, occurred_at timestamptz, untrusted boolean, skewed boolean, lng float8, lat float8, accuracy_m float8, arrived_at timestamptz, arrival_id uuid) ON COMMIT DROP
WITH scanned AS MATERIALIZED (
    SELECT station_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY lng) AS lng,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY lat) AS lat
    FROM tracking_scanevent
    WHERE county_code = %(county_code)s AND effective_at >= %(upto)s::timestamptz - interval '30 days'
      AND effective_at < %(upto)s AND station_level = 'OUTLET' AND lng IS NOT NULL AND lat IS NOT NULL
      AND type IN ('OUTLET_IN', 'UNLOADED') AND coalesce(accuracy_m, 0) <= 200
    GROUP BY station_id HAVING count(*) >= 30
), points AS MATERIALIZED (
    SELECT s.id AS station_id, p.moved, CASE WHEN p.moved THEN m.lng ELSE s.lng::float8 END AS lng,
           CASE WHEN p.moved THEN m.lat ELSE s.lat::float8 END AS lat
    FROM stations_station s
    LEFT JOIN scanned m ON m.station_id = s.id
    CROSS JOIN LATERAL (SELECT coalesce(m.lng IS NOT NULL AND (s.lng IS NULL OR s.lat IS NULL
        OR 111195 * sqrt((m.lat - s.lat::float8) ^ 2 + ((m.lng - s.lng::float8) * cos(radians(m.lat))) ^ 2)
           > %(limit_m)s::float8), false) AS moved) p
    WHERE s.county_code = %(county_code)s AND s.level = 'OUTLET'
), far AS (
    SELECT w.*, o.moved,
           111195 * sqrt((w.lat - o.lat) ^ 2 + ((w.lng - o.lng) * cos(radians(o.lat))) ^ 2) - w.accuracy_m AS far_m,
           CASE WHEN w.type = 'SIGNED_PICKUP' THEN %(limit_m)s::float8 ELSE %(door_m)s::float8 END AS limit_m
    FROM fraud_work w JOIN points o USING (station_id)
    WHERE w.fresh AND w.service = 'outlet_delivery' AND w.lng IS NOT NULL AND w.lat IS NOT NULL AND o.lng IS NOT NULL
)
SELECT station_id, 'day ' || day AS subject,
       jsonb_build_object('code', 'outside', 'scans', count(*) FILTER (WHERE far_m > limit_m),
                          'far_m', round(max(far_m + accuracy_m) FILTER (WHERE far_m > limit_m)),
                          'accuracy_m', round((array_agg(accuracy_m ORDER BY far_m DESC))[1]),
                          'limit_m', min(limit_m) FILTER (WHERE far_m > limit_m),
                          'noted', count(*) FILTER (WHERE far_m > %(note_m)s::float8 AND far_m <= limit_m),
                          'point', CASE WHEN bool_or(moved) THEN 'scans' ELSE 'registered' END, 'day', day) AS numbers,
       (array_agg(event_id ORDER BY far_m DESC) FILTER (WHERE far_m > limit_m))[1:20] AS event_ids,
       array_agg(line_id) FILTER (WHERE far_m > limit_m) AS line_ids
FROM far
GROUP BY station_id, day
HAVING bool_or(far_m > limit_m)
