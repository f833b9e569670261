-- F7: more hand-overs than hands can: in one minute, over sixty of them with a median gap (thirty of fifty-nine gaps
-- below the limit), or in one hour against the station's own busiest (the 99th of a hundred hours of the 30 days
-- before). One row an outlet, day and way. Reads fraud_work alone.
-- staging: CREATE TEMP TABLE fraud_work (line_id bigint, parcel_id bigint, station_id bigint, service varchar, evidence_class varchar, fresh boolean, at timestamptz, day date, carrier varchar, waybill_no varchar, announced boolean, from_here boolean, known_at timestamptz, event_id uuid, type varchar, device_id bigint, actor_id bigint, seq bigint, occurred_at timestamptz, untrusted boolean, skewed boolean, lng float8, lat float8, accuracy_m float8, arrived_at timestamptz, arrival_id uuid) ON COMMIT DROP
WITH signed AS MATERIALIZED (
    SELECT line_id, station_id, day, at, event_id, fresh FROM fraud_work WHERE service = 'outlet_delivery'
), minutes AS (
    SELECT station_id, min(day) AS day, count(*) AS scans, array_agg(line_id) AS lines,
           array_agg(event_id ORDER BY at) AS ids
    FROM signed WHERE fresh
    GROUP BY station_id, date_trunc('minute', at)
    HAVING count(*) > %(a_minute)s::numeric
), gaps AS (
    SELECT *, (at - lag(at) OVER (PARTITION BY station_id, day ORDER BY at, event_id) < %(gap_s)s::float8 * interval '1 s')
              ::int AS quick
    FROM signed WHERE fresh
), sixties AS (
    SELECT *, sum(coalesce(quick, 0)) OVER back >= 30 AND count(*) OVER back = 59 AS ends
    FROM gaps WINDOW back AS (PARTITION BY station_id, day ORDER BY at, event_id ROWS 58 PRECEDING)
), runs AS (
    SELECT *, bool_or(ends) OVER (PARTITION BY station_id, day ORDER BY at, event_id
                                  ROWS BETWEEN CURRENT ROW AND 59 FOLLOWING) AS inside
    FROM sixties
), hours AS MATERIALIZED (
    SELECT station_id, date_trunc('hour', at) AS hour, min(day) AS day, count(*) AS scans, bool_and(fresh) AS fresh
    FROM signed GROUP BY station_id, date_trunc('hour', at)
), busy AS (
    SELECT h.*, past.p99
    FROM hours h
    CROSS JOIN LATERAL (
        SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY o.scans) AS p99, count(*) AS known
        FROM hours o
        WHERE o.station_id = h.station_id AND o.day < h.day AND o.day >= h.day - 30
    ) past
    WHERE h.fresh AND h.scans > 3 * %(times_p99)s::numeric
      AND past.known >= 20 AND h.scans > %(times_p99)s::numeric * past.p99
)
SELECT station_id, 'day ' || day || ' minute' AS subject,
       jsonb_build_object('code', 'minute', 'scans', max(scans), 'limit', %(a_minute)s::numeric, 'day', day) AS numbers,
       (array_agg(ids[1]))[1:20] AS event_ids,
       ARRAY(SELECT unnest(m.lines) FROM minutes m
             WHERE m.station_id = minutes.station_id AND m.day = minutes.day) AS line_ids
FROM minutes GROUP BY station_id, day
UNION ALL
SELECT station_id, 'day ' || day || ' gaps',
       jsonb_build_object('code', 'gaps', 'scans', count(*), 'limit', %(gap_s)s::numeric, 'day', day),
       (array_agg(event_id ORDER BY at))[1:20], array_agg(line_id)
FROM runs WHERE inside GROUP BY station_id, day
UNION ALL
SELECT b.station_id, 'day ' || b.day || ' hour',
       jsonb_build_object('code', 'hour', 'scans', max(b.scans), 'p99', min(b.p99), 'limit', %(times_p99)s::numeric,
                          'day', b.day),
       (array_agg(s.event_id ORDER BY s.at))[1:20], array_agg(s.line_id)
FROM busy b JOIN signed s ON s.station_id = b.station_id AND date_trunc('hour', s.at) = b.hour
GROUP BY b.station_id, b.day
