-- The parcels whose registers corrections, bagging or scans of a bag may change: those of a corrected scan (through
-- the correction of a correction too), and everything that ever was in a bag that was scanned or whose scan was
-- corrected. `id` is null where another drain is just making the row: the caller waits for it. Indexes: primary key, scanevent_by_bag, parcel_once.
WITH named AS (
    SELECT e.corrects AS event_id FROM tracking_scanevent e
    WHERE e.county_code = %(county)s AND e.event_id = ANY(%(corrections)s::uuid[])
), corrected AS (
    SELECT e.carrier, e.waybill_no, e.bag, e.type, e.corrects
    FROM named JOIN tracking_scanevent e ON e.county_code = %(county)s AND e.event_id = named.event_id
), targets AS MATERIALIZED (
    SELECT carrier, waybill_no, bag FROM corrected WHERE type NOT IN ('CORRECTION', 'DEPARTED', 'ARRIVED')
    UNION
    SELECT e.carrier, e.waybill_no, e.bag
    FROM corrected JOIN tracking_scanevent e ON e.county_code = %(county)s AND e.event_id = corrected.corrects
    WHERE corrected.type = 'CORRECTION' AND e.type NOT IN ('CORRECTION', 'DEPARTED', 'ARRIVED')
), bags AS MATERIALIZED (
    SELECT bag FROM targets WHERE waybill_no IS NULL AND bag IS NOT NULL
    UNION
    SELECT unnest(%(bags)s::varchar[])
), keys AS (
    SELECT carrier, waybill_no FROM targets WHERE waybill_no IS NOT NULL
    UNION
    SELECT * FROM unnest(%(carriers)s::varchar[], %(waybills)s::varchar[])
    UNION
    SELECT e.carrier, e.waybill_no
    FROM bags JOIN tracking_scanevent e ON e.county_code = %(county)s AND e.bag = bags.bag
    WHERE e.type = 'BAGGED'
)
SELECT keys.carrier, keys.waybill_no, p.id
FROM keys
LEFT JOIN LATERAL (
    SELECT one.id FROM orders_parcel one
    WHERE one.county_code = %(county)s AND one.carrier = keys.carrier AND one.waybill_no = keys.waybill_no
      AND one.leg_no = 1
    OFFSET 0
) AS p ON true
