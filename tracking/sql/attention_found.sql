-- Parcels that were lost and then scanned again: the first later scan that says where it is, or that it ended.
-- A loss may lie sixty days back. Indexes: scanevent_odd, scanevent_by_parcel, scanevent_corrections, dismissal_once.
WITH lost AS MATERIALIZED (
    SELECT e.event_id, e.carrier, e.waybill_no, e.k, e.effective_at, e.station_id
    FROM tracking_scanevent e
    WHERE e.county_code = %(county)s AND e.type = 'LOST' AND e.waybill_no IS NOT NULL
      AND (e.untrusted OR e.type IN ('HANDOVER', 'LOST', 'CORRECTION'))
      AND e.effective_at >= %(start)s::timestamptz - interval '60 days' AND e.effective_at < %(end)s
      AND NOT EXISTS (SELECT FROM tracking_voided v WHERE v.county_code = %(county)s AND v.event_id = e.event_id)
)
SELECT f.event_id, lost.event_id AS other_id, f.effective_at AS at
FROM lost
CROSS JOIN LATERAL (
    SELECT e.event_id, e.effective_at, e.station_id
    FROM tracking_scanevent e
    WHERE e.county_code = %(county)s AND e.carrier = lost.carrier AND e.waybill_no = lost.waybill_no
      AND e.effective_at >= lost.effective_at AND e.k > lost.k AND e.type = ANY(%(types)s::varchar[])
      AND NOT EXISTS (SELECT FROM tracking_voided v WHERE v.county_code = %(county)s AND v.event_id = e.event_id)
    ORDER BY e.k
    LIMIT 1
) f
WHERE f.effective_at >= %(start)s AND f.effective_at < %(end)s
  AND (%(stations)s::bigint[] IS NULL
       OR f.station_id = ANY(%(stations)s::bigint[]) OR lost.station_id = ANY(%(stations)s::bigint[]))
  AND NOT EXISTS (
      SELECT FROM tracking_dismissal d
      WHERE d.county_code = %(county)s AND d.kind = %(kind)s AND d.event_id = f.event_id
  )
ORDER BY f.effective_at DESC, f.event_id DESC
LIMIT %(most)s
