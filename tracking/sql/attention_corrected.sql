-- Corrections that stand: who took which scan back, newest first. Indexes: scanevent_odd, scanevent_corrections.
SELECT c.event_id, c.corrects AS other_id, c.effective_at AS at
FROM tracking_scanevent c
JOIN tracking_voided v ON v.county_code = %(county)s AND v.event_id = c.corrects AND v.by_event_id = c.event_id
JOIN tracking_scanevent target ON target.county_code = %(county)s AND target.event_id = c.corrects
WHERE c.county_code = %(county)s AND c.type = 'CORRECTION'
  AND (c.untrusted OR c.type IN ('HANDOVER', 'LOST', 'CORRECTION'))
  AND c.effective_at >= %(start)s AND c.effective_at < %(end)s
  AND (%(stations)s::bigint[] IS NULL
       OR c.station_id = ANY(%(stations)s::bigint[]) OR target.station_id = ANY(%(stations)s::bigint[]))
ORDER BY c.effective_at DESC, c.event_id DESC
LIMIT %(most)s
