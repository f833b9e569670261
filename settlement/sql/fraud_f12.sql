-- F12: hand-overs without a usable time; a handheld whose clock runs backwards again and again while its scan numbers
-- rise; a handheld that receives at the hub or centre and hands out at an outlet on one day; numbers missing from a
-- handheld after its month was frozen. One row an outlet, day (month) and way. Reads fraud_work; receipts upstream by
-- scanevent_by_station; the feed by its key.
-- staging: CREATE TEMP TABLE fraud_work (line_id bigint, parcel_id bigint, station_id bigint, service varchar, evidence_class varchar, fresh boolean, at timestamptz, day date, carrier varchar, waybill_no varchar, announced boolean, from_here boolean, known_at timestamptz, event_id uuid, type varchar, device_id bigint, actor_id bigint, seq bigint, occurred_at timestamptz, untrusted boolean, skewed boolean, lng float8, lat float8, accuracy_m float8, arrived_at timestamptz, arrival_id uuid) ON COMMIT DROP
WITH signed AS MATERIALIZED (
    SELECT * FROM fraud_work WHERE fresh AND service = 'outlet_delivery'
), ticks AS (
    SELECT *, lag(occurred_at) OVER run AS before_at, lag(event_id) OVER run AS before_id
    FROM signed WHERE device_id IS NOT NULL AND seq IS NOT NULL
    WINDOW run AS (PARTITION BY device_id ORDER BY seq)
), backs AS (
    SELECT *, extract(epoch FROM before_at - occurred_at) / 60 AS minutes FROM ticks
    WHERE before_at - occurred_at > %(back_min)s::float8 * interval '1 min'
), upstream AS (
    SELECT DISTINCT e.device_id, (e.effective_at AT TIME ZONE 'Asia/Shanghai')::date AS day
    FROM tracking_scanevent e
    WHERE e.county_code = %(county_code)s AND e.effective_at >= %(from)s AND e.effective_at < %(upto)s
      AND e.station_level IN ('HUB', 'CENTRE') AND e.type IN ('HUB_IN', 'UNLOADED') AND e.device_id IS NOT NULL
), gone AS (
    SELECT d.station_id, f.device_id, upper(last.r) - lower(first.r) - held.number AS missing
    FROM tracking_devicefeed f
    JOIN stations_device d ON d.id = f.device_id
    JOIN stations_station s ON s.id = d.station_id AND s.county_code = %(county_code)s AND s.level = 'OUTLET'
    CROSS JOIN LATERAL (SELECT r FROM unnest(f.received) r ORDER BY r LIMIT 1) first
    CROSS JOIN LATERAL (SELECT r FROM unnest(f.received) r ORDER BY r DESC LIMIT 1) last
    CROSS JOIN LATERAL (SELECT sum(upper(r) - lower(r)) AS number FROM unnest(f.received) r) held
    WHERE %(frozen_month)s::date IS NOT NULL
)
SELECT station_id, 'day ' || day || ' untrusted' AS subject,
       jsonb_build_object('code', 'untrusted', 'scans', count(*), 'limit', %(untrusted)s::numeric, 'day', day) AS numbers,
       (array_agg(event_id ORDER BY at))[1:20] AS event_ids, array_agg(line_id) AS line_ids
FROM signed WHERE untrusted
GROUP BY station_id, day HAVING count(*) > %(untrusted)s::numeric
UNION ALL
SELECT b.station_id, 'day ' || b.day || ' handheld ' || b.device_id,
       jsonb_build_object('code', 'backwards', 'scans', count(*), 'minutes', round(max(b.minutes)),
                          'limit', %(backs)s::numeric, 'day', b.day),
       (array_agg(b.event_id ORDER BY b.seq))[1:20],
       ARRAY(SELECT s.line_id FROM signed s
             WHERE s.station_id = b.station_id AND s.day = b.day AND s.device_id = b.device_id)
FROM backs b
GROUP BY b.station_id, b.day, b.device_id HAVING count(*) > %(backs)s::numeric
UNION ALL
SELECT s.station_id, 'day ' || s.day || ' two roles',
       jsonb_build_object('code', 'two_roles', 'scans', count(*), 'limit', %(two_roles)s::numeric, 'day', s.day),
       (array_agg(s.event_id ORDER BY s.at))[1:20], array_agg(s.line_id)
FROM signed s JOIN upstream u ON u.device_id = s.device_id AND u.day = s.day
GROUP BY s.station_id, s.day HAVING count(*) > %(two_roles)s::numeric
UNION ALL
SELECT station_id, 'month ' || to_char(%(frozen_month)s::date, 'YYYY-MM') || ' handheld ' || device_id,
       jsonb_build_object('code', 'holes', 'scans', missing, 'limit', %(holes)s::numeric, 'day', %(frozen_month)s::date),
       ARRAY[]::uuid[], ARRAY[]::bigint[]
FROM gone WHERE missing > %(holes)s::numeric
