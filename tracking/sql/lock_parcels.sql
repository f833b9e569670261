-- Locks every parcel some uploads touch, in id order (the sort stands below the locking), so that workers queue up
-- instead of deadlocking. Indexes: scanevent_by_upload, parcel_once, primary key.
SELECT count(*) FROM (
    SELECT p.id
    FROM orders_parcel p
    WHERE p.id = ANY(ARRAY(
        SELECT q.id
        FROM (
            SELECT DISTINCT e.carrier, e.waybill_no
            FROM tracking_scanevent e
            WHERE e.county_code = %(county)s AND e.upload_id = ANY(%(uploads)s) AND e.waybill_no IS NOT NULL
              AND e.event_id BETWEEN %(low)s AND %(high)s
              AND (%(only)s::uuid[] IS NULL OR e.event_id = ANY(%(only)s::uuid[]))
        ) AS keys
        CROSS JOIN LATERAL (  -- OFFSET 0: one look-up a parcel, whatever the planner thinks of the table
            SELECT one.id FROM orders_parcel one
            WHERE one.county_code = %(county)s AND one.carrier = keys.carrier AND one.waybill_no = keys.waybill_no
              AND one.leg_no = 1
            OFFSET 0
        ) AS q
    ) || %(parcels)s::bigint[])
    ORDER BY p.id
    FOR UPDATE
) AS locked
