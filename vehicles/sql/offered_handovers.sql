-- Parcels that drivers of these trips gave to a trip (`taker`), which nobody took since.
-- Indexes: scanevent_of_trip, scanevent_by_parcel, scanevent_corrections.
SELECT DISTINCT ON (g.carrier, g.waybill_no) g.carrier, g.waybill_no, g.station_id, g.trip, g.actor_id,
       g.effective_at AS at
FROM tracking_scanevent g
WHERE g.county_code = %(county)s AND g.trip = ANY(%(trips)s::varchar[]) AND g.type = 'HANDOVER' AND g.side = 'give'
  AND g.counterpart = %(taker)s AND g.waybill_no IS NOT NULL AND g.effective_at >= %(since)s
  AND NOT EXISTS (SELECT FROM tracking_voided v WHERE v.county_code = %(county)s AND v.event_id = g.event_id)
  AND NOT EXISTS (
      SELECT FROM tracking_scanevent t
      WHERE t.county_code = %(county)s AND t.carrier = g.carrier AND t.waybill_no = g.waybill_no
        AND t.type = 'HANDOVER' AND t.side = 'take' AND t.effective_at >= g.effective_at - interval '2 minutes'
        AND NOT EXISTS (SELECT FROM tracking_voided v WHERE v.county_code = %(county)s AND v.event_id = t.event_id)
  )
ORDER BY g.carrier, g.waybill_no, g.k DESC
