-- Those of some uploads' events that a stored correction names, with their parcels: read once the parcels are locked,
-- so that a correction folded before ours is seen, and one folded after ours sees our events.
-- Indexes: scanevent_by_upload, scanevent_corrections, primary key, parcel_once; the lists keep the planner at them.
WITH named AS MATERIALIZED (
    SELECT DISTINCT c.corrects AS event_id FROM tracking_scanevent c
    WHERE c.county_code = %(county)s AND c.corrects = ANY(ARRAY(
        SELECT e.event_id FROM tracking_scanevent e
        WHERE e.county_code = %(county)s AND e.upload_id = ANY(%(uploads)s)
          AND e.event_id BETWEEN %(low)s AND %(high)s
          AND (%(only)s::uuid[] IS NULL OR e.event_id = ANY(%(only)s::uuid[]))
    ))
), events AS MATERIALIZED (
    SELECT e.event_id, e.carrier, e.waybill_no FROM tracking_scanevent e
    WHERE e.county_code = %(county)s AND e.event_id = ANY(ARRAY(SELECT event_id FROM named))
      AND e.event_id BETWEEN %(low)s AND %(high)s AND e.waybill_no IS NOT NULL
)
SELECT events.event_id::text AS event_id, p.id AS parcel_id
FROM events
CROSS JOIN LATERAL (
    SELECT one.id FROM orders_parcel one
    WHERE one.county_code = %(county)s AND one.carrier = events.carrier AND one.waybill_no = events.waybill_no
      AND one.leg_no = 1
    OFFSET 0
) AS p
