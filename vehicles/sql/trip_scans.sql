-- The scans that name these trips, corrected ones left out, in the fold's order.
-- Indexes: scanevent_of_trip, scanevent_corrections.
SELECT e.event_id, e.type, e.side, e.carrier, e.waybill_no, e.bag, e.station_id, e.actor_id, e.trip, e.counterpart,
       e.effective_at AS at, e.method, e.reason, e.lng, e.lat
FROM tracking_scanevent e
WHERE e.county_code = %(county)s AND e.trip = ANY(%(trips)s::varchar[])
  AND e.type NOT IN ('CORRECTION', 'SENSOR')
  AND NOT EXISTS (SELECT FROM tracking_voided v WHERE v.county_code = %(county)s AND v.event_id = e.event_id)
ORDER BY e.k
LIMIT 20000
