-- Scans whose clock can't be trusted, a line a device (or person) and business day. The newest scan stands for the
-- line: more of them later, and a dismissed line is there again. Indexes: scanevent_odd, dismissal_once.
WITH off AS (
    SELECT (array_agg(e.event_id ORDER BY e.effective_at DESC, e.event_id DESC))[1] AS event_id,
           max(e.effective_at) AS at, count(*) AS number
    FROM tracking_scanevent e
    WHERE e.county_code = %(county)s AND e.untrusted
      AND (e.untrusted OR e.type IN ('HANDOVER', 'LOST', 'CORRECTION'))
      AND e.effective_at >= %(start)s AND e.effective_at < %(end)s
      AND (%(stations)s::bigint[] IS NULL OR e.station_id = ANY(%(stations)s::bigint[]))
    GROUP BY e.device_id, CASE WHEN e.device_id IS NULL THEN e.actor_id END,
             (e.effective_at AT TIME ZONE %(zone)s)::date
)
SELECT off.event_id, NULL::uuid AS other_id, off.at, off.number
FROM off
WHERE NOT EXISTS (
    SELECT FROM tracking_dismissal d
    WHERE d.county_code = %(county)s AND d.kind = %(kind)s AND d.event_id = off.event_id
)
ORDER BY off.at DESC, off.event_id DESC
LIMIT %(most)s
