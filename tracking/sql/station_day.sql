-- A station's scans of a day by node: how many, and the ids of the last few. Index: scanevent_by_station.
SELECT
    type,
    count(*) AS number,
    (array_agg(event_id ORDER BY effective_at DESC, event_id DESC))[1:%(newest)s] AS newest
FROM tracking_scanevent
WHERE county_code = %(county)s
  AND station_id = %(station)s
  AND effective_at >= %(start)s
  AND effective_at < %(end)s
  AND type NOT IN ('CORRECTION', 'SENSOR')
  AND (%(actor)s::bigint IS NULL OR actor_id = %(actor)s)
GROUP BY type
