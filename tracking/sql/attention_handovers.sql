-- Handovers with one side only: given and not taken within two hours, or taken and never given. A whole bag's handover
-- is matched by the bag. Two minutes are forgiven, which is what clocks may differ by unnoticed. Windows and no join:
-- where everything is handed over twice a day, a nested loop over them would never end.
-- Indexes: scanevent_odd, scanevent_corrections, dismissal_once.
WITH moved AS (
    SELECT e.event_id, e.side, e.effective_at, e.station_id,
           bool_or(e.side = 'take') OVER (
               PARTITION BY coalesce(e.carrier || ' ' || e.waybill_no, e.bag) ORDER BY e.effective_at
               RANGE BETWEEN interval '2 minutes' PRECEDING AND interval '2 hours' FOLLOWING) AS taken,
           bool_or(e.side = 'give') OVER (
               PARTITION BY coalesce(e.carrier || ' ' || e.waybill_no, e.bag) ORDER BY e.effective_at
               RANGE BETWEEN interval '2 hours' PRECEDING AND interval '2 minutes' FOLLOWING) AS given
    FROM tracking_scanevent e
    WHERE e.county_code = %(county)s AND e.type = 'HANDOVER'
      AND (e.untrusted OR e.type IN ('HANDOVER', 'LOST', 'CORRECTION'))
      AND e.effective_at >= %(start)s::timestamptz - interval '2 hours'
      AND e.effective_at < %(end)s::timestamptz + interval '2 hours'
      AND NOT EXISTS (SELECT FROM tracking_voided v WHERE v.county_code = %(county)s AND v.event_id = e.event_id)
)
SELECT m.event_id, NULL::uuid AS other_id, m.effective_at AS at
FROM moved m
WHERE NOT (m.given AND m.taken)
  AND m.effective_at >= %(start)s AND m.effective_at < %(end)s
  AND m.effective_at < %(at)s::timestamptz - interval '2 hours'
  AND (%(stations)s::bigint[] IS NULL OR m.station_id = ANY(%(stations)s::bigint[]))
  AND NOT EXISTS (
      SELECT FROM tracking_dismissal d
      WHERE d.county_code = %(county)s AND d.kind = %(kind)s AND d.event_id = m.event_id
  )
ORDER BY m.effective_at DESC, m.event_id DESC
LIMIT %(most)s
