-- What needs more than a merge among the events of some uploads: parcels that have no row yet, corrections, bagging,
-- scans of a whole bag. Nothing comes back for an ordinary upload. The bounds keep partitions out; OFFSET 0
-- keeps the planner at one look-up a parcel: without statistics it would read the county's parcels for each event.
-- Indexes: scanevent_by_upload, parcel_once.
WITH fresh AS MATERIALIZED (
    SELECT e.event_id, e.type, e.carrier, e.waybill_no, e.bag, e.corrects
    FROM tracking_scanevent e
    WHERE e.county_code = %(county)s AND e.upload_id = ANY(%(uploads)s)
      AND e.event_id BETWEEN %(low)s AND %(high)s
      AND (%(only)s::uuid[] IS NULL OR e.event_id = ANY(%(only)s::uuid[]))
), without_row AS MATERIALIZED (
    SELECT keys.carrier, keys.waybill_no
    FROM (SELECT DISTINCT carrier, waybill_no FROM fresh WHERE waybill_no IS NOT NULL) AS keys
    WHERE NOT EXISTS (
        SELECT FROM orders_parcel p
        WHERE p.county_code = %(county)s AND p.carrier = keys.carrier AND p.waybill_no = keys.waybill_no AND p.leg_no = 1
        OFFSET 0
    )
)
SELECT f.event_id::text AS event_id, f.type, f.carrier, f.waybill_no, f.bag, f.corrects::text AS corrects,
       (f.carrier, f.waybill_no) IN (SELECT carrier, waybill_no FROM without_row)
           AND f.type NOT IN ('CORRECTION', 'DEPARTED', 'ARRIVED') AS missing
FROM fresh f
WHERE f.corrects IS NOT NULL OR f.bag IS NOT NULL
   OR (f.carrier, f.waybill_no) IN (SELECT carrier, waybill_no FROM without_row)
