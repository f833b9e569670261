-- What somebody looked at and let stand, by when they did. Indexes: dismissal_once, the events' primary key.
SELECT d.event_id, NULL::uuid AS other_id, d.at, d.id AS number
FROM tracking_dismissal d
LEFT JOIN tracking_scanevent e ON e.county_code = %(county)s AND e.event_id = d.event_id
WHERE d.county_code = %(county)s AND d.at >= %(start)s AND d.at < %(end)s
  AND (%(stations)s::bigint[] IS NULL OR e.station_id = ANY(%(stations)s::bigint[]))
ORDER BY d.at DESC, d.id DESC
LIMIT %(most)s
