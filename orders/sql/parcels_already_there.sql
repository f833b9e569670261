-- The parcels of the named keys as they are, locked in id order until the chunk is written. Index: parcel_once, one
-- look-up a key: a scalar subquery, because a join starts at the parcels where a first load left no statistics.
WITH found AS MATERIALIZED (
    SELECT (
        SELECT p.id
        FROM orders_parcel p
        WHERE p.county_code = %(county_code)s::text AND p.carrier = k.carrier AND p.waybill_no = k.waybill_no
            AND p.leg_no = 1
    ) AS id
    FROM unnest(%(carriers)s::text[], %(waybills)s::text[]) AS k (carrier, waybill_no)
)
SELECT
    p.id, p.carrier, p.waybill_no, p.announced, p.state, p.village_id, p.destination_id, p.collected_at, p.weight_g,
    p.volume_ml, p.goods_class, p.created_at, r.name, r.phone
FROM orders_parcel p
LEFT JOIN orders_recipient r ON r.parcel_id = p.id
WHERE p.id = ANY (ARRAY(SELECT f.id FROM found f WHERE f.id IS NOT NULL))
ORDER BY p.id
FOR NO KEY UPDATE OF p
