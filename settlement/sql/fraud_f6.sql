-- F6: two successive scans of one handheld, or of one person, too far apart for the time between, both accuracies
-- allowed for. Scans whose time can't be used, or that were taken back, are left out. The lines are those that one of
-- the two scans earned, or whose parcel arrived by one. One row an outlet and day. Positions of the span's scans by
-- scanevent_by_station as a bitmap or a parallel scan.
-- staging: CREATE TEMP TABLE fraud_work (line_id bigint, parcel_id bigint, station_id bigint, service varchar, evidence_class varchar, fresh boolean, at timestamptz, day date, carrier varchar, waybill_no varchar, announced boolean, from_here boolean, known_at timestamptz, event_id uuid, type varchar, device_id bigint, actor_id bigint, seq bigint, occurred_at timestamptz, untrusted boolean, skewed boolean, lng float8, lat float8, accuracy_m float8, arrived_at timestamptz, arrival_id uuid) ON COMMIT DROP
WITH seen AS MATERIALIZED (
    SELECT e.event_id, e.device_id, e.actor_id, e.effective_at AS at, e.lng, e.lat, coalesce(e.accuracy_m, 0) AS accuracy_m
    FROM tracking_scanevent e
    WHERE e.county_code = %(county_code)s AND e.effective_at >= %(from)s AND e.effective_at < %(upto)s
      AND e.lng IS NOT NULL AND e.lat IS NOT NULL AND NOT e.untrusted AND e.type <> 'CORRECTION'
), steps AS (
    SELECT event_id, at, lng, lat, accuracy_m, lag(event_id) OVER mover AS before_id, lag(at) OVER mover AS before_at,
           lag(lng) OVER mover AS before_lng, lag(lat) OVER mover AS before_lat, lag(accuracy_m) OVER mover AS before_m
    FROM seen WHERE device_id IS NOT NULL WINDOW mover AS (PARTITION BY device_id ORDER BY at, event_id)
    UNION ALL
    SELECT event_id, at, lng, lat, accuracy_m, lag(event_id) OVER mover, lag(at) OVER mover,
           lag(lng) OVER mover, lag(lat) OVER mover, lag(accuracy_m) OVER mover
    FROM seen WHERE actor_id IS NOT NULL WINDOW mover AS (PARTITION BY actor_id ORDER BY at, event_id)
), leaps AS MATERIALIZED (
    SELECT DISTINCT ON (s.event_id, s.before_id) s.event_id, s.before_id, m.km, s.at - s.before_at AS took,
           m.km * 3600 / greatest(extract(epoch FROM s.at - s.before_at), 1) AS kmh
    FROM steps s
    CROSS JOIN LATERAL (SELECT (111195 * sqrt((s.lat - s.before_lat) ^ 2
                               + ((s.lng - s.before_lng) * cos(radians(s.lat))) ^ 2)
                               - s.accuracy_m - s.before_m) / 1000 AS km) m
    WHERE s.before_id IS NOT NULL AND m.km > %(km)s::float8
      AND m.km * 3600 / greatest(extract(epoch FROM s.at - s.before_at), 1) > %(kmh)s::float8
      AND NOT EXISTS (SELECT FROM tracking_voided v
                      WHERE v.county_code = %(county_code)s AND v.event_id IN (s.event_id, s.before_id))
    ORDER BY s.event_id, s.before_id
), found AS (
    SELECT DISTINCT w.line_id, w.station_id, w.day, l.event_id, l.before_id, l.km, l.kmh, l.took
    FROM leaps l
    CROSS JOIN LATERAL (VALUES (l.event_id), (l.before_id)) AS one (event_id)
    JOIN fraud_work w ON w.event_id = one.event_id
    WHERE w.fresh
    UNION
    SELECT DISTINCT w.line_id, w.station_id, w.day, l.event_id, l.before_id, l.km, l.kmh, l.took
    FROM leaps l
    CROSS JOIN LATERAL (VALUES (l.event_id), (l.before_id)) AS one (event_id)
    JOIN fraud_work w ON w.arrival_id = one.event_id
    WHERE w.fresh
)
SELECT station_id, 'day ' || day AS subject,
       jsonb_build_object('code', 'travel', 'scans', count(DISTINCT event_id),
                          'km', round((array_agg(km ORDER BY kmh DESC))[1]::numeric, 1),
                          'minutes', round((extract(epoch FROM (array_agg(took ORDER BY kmh DESC))[1]) / 60)::numeric, 1),
                          'kmh', round(max(kmh)::numeric), 'limit', %(kmh)s::numeric, 'day', day) AS numbers,
       array_cat((array_agg(before_id ORDER BY kmh DESC, event_id))[1:10],
                 (array_agg(event_id ORDER BY kmh DESC, event_id))[1:10]) AS event_ids,
       array_agg(DISTINCT line_id) AS line_ids
FROM found
GROUP BY station_id, day
