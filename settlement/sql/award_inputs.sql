-- What a year's award of a county's outlets rests on, one row an outlet that has been in service: parcels paid for on
-- balance, those of class A, the days they fall on, all claims and those that were held for good or taken back, and
-- deliveries within 48 h of their arrival. Lines by line_by_statement, arrivals by the key of the scans in evidence.
WITH lines AS (
    SELECT l.station_id, l.parcel_id, l.service,
           sum(CASE WHEN l.turn %% 2 = 0 THEN 1 ELSE -1 END) > 0 AS stands, bool_or(l.turn > 0) AS turned,
           (array_agg(l.id ORDER BY l.turn DESC) FILTER (WHERE l.turn %% 2 = 0))[1] AS last_id,
           bool_or(h.id IS NOT NULL AND h.outcome <> 'released') AS held
    FROM settlement_line l
    LEFT JOIN settlement_hold h ON h.county_code = l.county_code AND h.line_id = l.id
    WHERE l.county_code = %(county_code)s AND l.period >= %(month)s::date
      AND l.effective_at >= %(start)s::timestamptz AND l.effective_at < %(end)s::timestamptz
    GROUP BY l.station_id, l.parcel_id, l.service
), counted AS (
    SELECT k.*, l.evidence_class, l.evidence, l.effective_at
    FROM lines k JOIN settlement_line l ON l.id = k.last_id
), speed AS (
    SELECT c.station_id, count(*) AS arrived,
           count(*) FILTER (WHERE c.effective_at <= a.at + interval '48 hours') AS quick
    FROM counted c
    CROSS JOIN LATERAL (
        SELECT min(e.effective_at) AS at FROM tracking_scanevent e
        WHERE e.county_code = %(county_code)s AND e.event_id = ANY (c.evidence) AND e.station_id = c.station_id
          AND e.type IN ('OUTLET_IN', 'UNLOADED', 'HANDOVER')
    ) a
    WHERE c.service = 'outlet_delivery' AND c.stands AND NOT c.held AND a.at IS NOT NULL
    GROUP BY c.station_id
), summed AS (
    SELECT station_id, count(*) AS claims,
           count(*) FILTER (WHERE stands AND NOT held) AS parcels,
           count(*) FILTER (WHERE stands AND NOT held AND evidence_class = 'A') AS whole,
           count(*) FILTER (WHERE NOT held AND NOT turned) AS clean,
           count(DISTINCT (effective_at AT TIME ZONE 'Asia/Shanghai')::date)
               FILTER (WHERE stands AND NOT held) AS days
    FROM counted GROUP BY station_id
)
SELECT s.id AS station_id, s.parent_id, coalesce(m.parcels, 0)::int AS parcels, coalesce(m.whole, 0)::int AS whole,
       coalesce(m.days, 0)::int AS days, coalesce(m.claims, 0)::int AS claims, coalesce(m.clean, 0)::int AS clean,
       coalesce(v.arrived, 0)::int AS arrived, coalesce(v.quick, 0)::int AS quick
FROM stations_station s
LEFT JOIN summed m ON m.station_id = s.id
LEFT JOIN speed v ON v.station_id = s.id
WHERE s.county_code = %(county_code)s AND s.level = 'OUTLET'
  AND (s.state IN ('active', 'suspended') OR m.station_id IS NOT NULL)
ORDER BY s.id
