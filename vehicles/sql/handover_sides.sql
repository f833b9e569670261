-- Whatever may be the other side of handovers of these parcels and bags: the other half, or a station's own scan that
-- it has them. Indexes: scanevent_by_parcel, scanevent_by_bag, scanevent_corrections.
SELECT e.event_id, e.type, e.side, e.carrier, e.waybill_no, e.bag, e.station_id, e.actor_id, e.trip,
       e.effective_at AS at
FROM (
    SELECT one.*
    FROM unnest(%(carriers)s::varchar[], %(waybills)s::varchar[]) AS w (carrier, waybill_no)
    JOIN tracking_scanevent one ON one.county_code = %(county)s AND one.carrier = w.carrier
                               AND one.waybill_no = w.waybill_no
    UNION ALL
    SELECT two.*
    FROM unnest(%(bags)s::varchar[]) AS b (bag)
    JOIN tracking_scanevent two ON two.county_code = %(county)s AND two.bag = b.bag AND two.waybill_no IS NULL
) e
WHERE e.type IN ('HANDOVER', 'HUB_IN', 'UNLOADED', 'OUTLET_IN')
  AND e.effective_at >= %(start)s AND e.effective_at <= %(end)s
  AND NOT EXISTS (SELECT FROM tracking_voided v WHERE v.county_code = %(county)s AND v.event_id = e.event_id)
ORDER BY e.k
