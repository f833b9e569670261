-- Parcels whose first owner is an outlet, with no scan at hub or centre before; and parcels signed for at an outlet
-- that never shelved them and never sent them out. The registers name parcel and scan, the events confirm it.
-- Indexes: parcel_unseen, the events' primary key, scanevent_by_parcel, dismissal_once.
WITH unseen AS MATERIALIZED (
    SELECT p.carrier, p.waybill_no,
           p.t_state = 'delivered' AND (p.p_k IS NULL OR p.p_k > p.t_k)
               AND (p.s_k IS NULL OR substring(p.s_k FROM 9 FOR 1) <> '\x50') IS TRUE AS unshelved,
           p.t_k, p.f_k
    FROM orders_parcel p
    WHERE p.county_code = %(county)s AND p.last_scan_at >= %(start)s AND p.leg_no = 1
      AND (substring(p.f_k FROM 9 FOR 1) BETWEEN '\x46' AND '\x50'
           OR (p.t_state = 'delivered' AND (p.p_k IS NULL OR p.p_k > p.t_k)
               AND (p.s_k IS NULL OR substring(p.s_k FROM 9 FOR 1) <> '\x50')))
)
SELECT e.event_id, NULL::uuid AS other_id, e.effective_at AS at
FROM unseen
JOIN tracking_scanevent e ON e.county_code = %(county)s AND e.event_id = encode(
    substring(CASE WHEN unseen.unshelved THEN unseen.t_k ELSE unseen.f_k END FROM 10), 'hex')::uuid
WHERE e.station_level = 'OUTLET' AND e.effective_at >= %(start)s AND e.effective_at < %(end)s
  AND (%(stations)s::bigint[] IS NULL OR e.station_id = ANY(%(stations)s::bigint[]))
  AND (unseen.unshelved OR NOT EXISTS (
      SELECT FROM tracking_scanevent u
      WHERE u.county_code = %(county)s AND u.carrier = unseen.carrier AND u.waybill_no = unseen.waybill_no
        AND u.effective_at <= e.effective_at AND u.k < e.k AND u.station_level IN ('HUB', 'CENTRE')
        AND u.type <> 'CORRECTION'
  ))
  AND NOT EXISTS (
      SELECT FROM tracking_dismissal d
      WHERE d.county_code = %(county)s AND d.kind = %(kind)s AND d.event_id = e.event_id
  )
ORDER BY e.effective_at DESC, e.event_id DESC
LIMIT %(most)s
