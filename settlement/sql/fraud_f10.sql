-- F10: hand-overs between midnight and five o'clock, or on a day the opening hours call closed, outside the opening
-- hours. The hours come read: spans of minutes since Monday and closed weekdays of each station. One row an outlet, day
-- and way. Reads fraud_work alone.
-- staging: CREATE TEMP TABLE fraud_work (line_id bigint, parcel_id bigint, station_id bigint, service varchar, evidence_class varchar, fresh boolean, at timestamptz, day date, carrier varchar, waybill_no varchar, announced boolean, from_here boolean, known_at timestamptz, event_id uuid, type varchar, device_id bigint, actor_id bigint, seq bigint, occurred_at timestamptz, untrusted boolean, skewed boolean, lng float8, lat float8, accuracy_m float8, arrived_at timestamptz, arrival_id uuid) ON COMMIT DROP
WITH spans AS MATERIALIZED (
    SELECT * FROM unnest(%(open_stations)s::bigint[], %(open_from)s::int[], %(open_to)s::int[])
        AS s (station_id, from_minute, to_minute)
), rest AS MATERIALIZED (
    SELECT * FROM unnest(%(closed_stations)s::bigint[], %(closed_days)s::int[]) AS c (station_id, weekday)
), odd AS (
    SELECT w.station_id, w.day, w.line_id, w.event_id, w.at, CASE WHEN t.minute < 300 THEN 'night' ELSE 'closed_day' END AS way
    FROM fraud_work w
    CROSS JOIN LATERAL (
        SELECT extract(isodow FROM w.day)::int AS weekday,
               extract(epoch FROM (w.at AT TIME ZONE 'Asia/Shanghai') - w.day::timestamp)::int / 60 AS minute
    ) t
    WHERE w.fresh AND w.service = 'outlet_delivery'
      AND (t.minute < 300 OR EXISTS (SELECT FROM rest c WHERE c.station_id = w.station_id AND c.weekday = t.weekday))
      AND NOT EXISTS (SELECT FROM spans s
                      WHERE s.station_id = w.station_id
                        AND (t.weekday - 1) * 1440 + t.minute >= s.from_minute
                        AND (t.weekday - 1) * 1440 + t.minute < s.to_minute)
)
SELECT station_id, 'day ' || day || ' ' || way AS subject,
       jsonb_build_object('code', way, 'scans', count(*), 'limit', %(a_night)s::numeric, 'day', day) AS numbers,
       (array_agg(event_id ORDER BY at))[1:20] AS event_ids, array_agg(line_id) AS line_ids
FROM odd
GROUP BY station_id, day, way
HAVING count(*) > %(a_night)s::numeric
