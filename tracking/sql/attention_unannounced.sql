-- Parcels known from scans only that no announcement came for: of the last month and a window before it, those still
-- on their way and those scanned within the window. Collected in the county: nobody has to announce them. The scan that
-- stands for a parcel is its first owner's. Indexes: parcel_unannounced, dismissal_once.
SELECT encode(substring(coalesce(p.f_k, p.l_k) FROM 10), 'hex')::uuid AS event_id, NULL::uuid AS other_id,
       p.created_at AS at
FROM orders_parcel p
WHERE p.county_code = %(county)s AND NOT p.announced AND (p.f_k IS NULL OR substring(p.f_k FROM 9 FOR 1) <> '\x0a')
  AND p.l_k IS NOT NULL
  AND p.created_at >= %(start)s::timestamptz - interval '31 days' AND p.created_at < %(end)s
  AND (p.last_scan_at >= %(start)s OR p.state NOT IN ('delivered', 'returned', 'cancelled'))
  AND (%(stations)s::bigint[] IS NULL OR p.station_id = ANY(%(stations)s::bigint[]))
  AND NOT EXISTS (
      SELECT FROM tracking_dismissal d
      WHERE d.county_code = %(county)s AND d.kind = %(kind)s
        AND d.event_id = encode(substring(coalesce(p.f_k, p.l_k) FROM 10), 'hex')::uuid
  )
ORDER BY p.created_at DESC, p.id DESC
LIMIT %(most)s
