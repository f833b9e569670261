-- The parcels of the named keys as they are, locked in id order until the chunk is written. Index: parcel_once.
SELECT
    p.id, p.carrier, p.waybill_no, p.announced, p.state, p.village_id, p.destination_id, p.collected_at, p.weight_g,
    p.created_at, r.name, r.phone
FROM unnest(%(carriers)s::text[], %(waybills)s::text[]) AS k (carrier, waybill_no)
JOIN orders_parcel p
    ON p.county_code = %(county_code)s::text AND p.carrier = k.carrier AND p.waybill_no = k.waybill_no AND p.leg_no = 1
LEFT JOIN orders_recipient r ON r.parcel_id = p.id
ORDER BY p.id
FOR NO KEY UPDATE OF p
