-- What needs more than a merge among the events of some uploads: parcels that have no row yet, corrections, bagging,
-- scans of a whole bag. Nothing comes back for an ordinary upload. Indexes: scanevent_by_upload, parcel_once.
SELECT e.event_id::text AS event_id, e.type, e.carrier, e.waybill_no, e.bag, e.corrects::text AS corrects,
       e.waybill_no IS NOT NULL AND p.id IS NULL AND e.type NOT IN ('CORRECTION', 'DEPARTED', 'ARRIVED') AS missing
FROM tracking_scanevent e
LEFT JOIN orders_parcel p ON p.county_code = %(county)s AND p.carrier = e.carrier AND p.waybill_no = e.waybill_no
                         AND p.leg_no = 1
WHERE e.county_code = %(county)s AND e.upload_id = ANY(%(uploads)s)
  AND (%(only)s::uuid[] IS NULL OR e.event_id = ANY(%(only)s::uuid[]))
  AND ((e.waybill_no IS NOT NULL AND p.id IS NULL) OR e.corrects IS NOT NULL OR e.bag IS NOT NULL)
