-- Cancellations that came when somebody already had the parcel (x_k > f_k): it stays on its way. Both scans' ids stand
-- in the registers. Indexes: parcel_odd_end, the events' primary key, dismissal_once.
SELECT e.event_id, encode(substring(p.f_k FROM 10), 'hex')::uuid AS other_id, e.effective_at AS at
FROM orders_parcel p
JOIN tracking_scanevent e ON e.county_code = %(county)s AND e.event_id = encode(substring(p.x_k FROM 10), 'hex')::uuid
WHERE p.county_code = %(county)s AND p.last_scan_at >= %(start)s AND p.x_k > p.f_k AND p.leg_no = 1
  AND e.effective_at >= %(start)s AND e.effective_at < %(end)s
  AND (%(stations)s::bigint[] IS NULL
       OR e.station_id = ANY(%(stations)s::bigint[]) OR p.station_id = ANY(%(stations)s::bigint[]))
  AND NOT EXISTS (
      SELECT FROM tracking_dismissal d
      WHERE d.county_code = %(county)s AND d.kind = %(kind)s AND d.event_id = e.event_id
  )
ORDER BY e.effective_at DESC, e.event_id DESC
LIMIT %(most)s
