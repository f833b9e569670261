-- Scans after a parcel's end, of some nodes: later ends, or anything else. The registers name the parcels (l_k > t_k),
-- so only those are looked into. Indexes: parcel_odd_end, scanevent_by_parcel, scanevent_corrections, dismissal_once.
WITH ended AS MATERIALIZED (
    SELECT p.carrier, p.waybill_no, p.t_k, p.t_at, p.t_station_id
    FROM orders_parcel p
    WHERE p.county_code = %(county)s AND p.last_scan_at >= %(start)s AND p.l_k > p.t_k AND p.leg_no = 1
)
SELECT e.event_id, encode(substring(ended.t_k FROM 10), 'hex')::uuid AS other_id, e.effective_at AS at
FROM ended
JOIN tracking_scanevent e ON e.county_code = %(county)s AND e.carrier = ended.carrier
                         AND e.waybill_no = ended.waybill_no AND e.effective_at >= ended.t_at
WHERE e.k > ended.t_k AND e.effective_at >= %(start)s AND e.effective_at < %(end)s AND e.type = ANY(%(types)s::varchar[])
  AND (%(stations)s::bigint[] IS NULL
       OR e.station_id = ANY(%(stations)s::bigint[]) OR ended.t_station_id = ANY(%(stations)s::bigint[]))
  AND NOT EXISTS (SELECT FROM tracking_voided v WHERE v.county_code = %(county)s AND v.event_id = e.event_id)
  AND NOT EXISTS (
      SELECT FROM tracking_dismissal d
      WHERE d.county_code = %(county)s AND d.kind = %(kind)s AND d.event_id = e.event_id
  )
ORDER BY e.effective_at DESC, e.event_id DESC
LIMIT %(most)s
