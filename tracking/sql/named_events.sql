-- Those of some uploads' events that a stored correction names, with their parcels: read once the parcels are locked,
-- so that a correction folded before ours is seen, and one folded after ours sees our events.
-- Indexes: scanevent_by_upload, scanevent_corrections, parcel_once.
SELECT e.event_id::text AS event_id, p.id AS parcel_id
FROM (
    SELECT DISTINCT c.corrects FROM tracking_scanevent c
    WHERE c.county_code = %(county)s AND c.corrects = ANY(ARRAY(
        SELECT e.event_id FROM tracking_scanevent e
        WHERE e.county_code = %(county)s AND e.upload_id = ANY(%(uploads)s)
          AND e.event_id BETWEEN %(low)s AND %(high)s
          AND (%(only)s::uuid[] IS NULL OR e.event_id = ANY(%(only)s::uuid[]))
    ))
) AS named
JOIN tracking_scanevent e ON e.county_code = %(county)s AND e.event_id = named.corrects
                         AND e.event_id BETWEEN %(low)s AND %(high)s
JOIN orders_parcel p ON p.county_code = %(county)s AND p.carrier = e.carrier AND p.waybill_no = e.waybill_no
                    AND p.leg_no = 1
