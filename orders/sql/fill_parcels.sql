-- staging: CREATE TEMP TABLE IF NOT EXISTS orders_fill (parcel_id bigint, village text, destination bigint, collected_at timestamptz, weight_g int, volume_ml int, goods text, name bytea, phone bytea, name_masked text, phone_masked text, phone_tail text) ON COMMIT DELETE ROWS
-- Parcels known from scans only, or announced with other content, take over what the file says. The registers of the
-- fold are tracking's and stay as they are; folded_in is no register but the stamp by which readers find what changed.
-- A parcel that was bound for another station leaves a redirect. Index: the primary keys.
WITH redirected AS (  -- sees the rows as they were before this statement
    INSERT INTO orders_redirect (county_code, parcel_id, former_id, written_in)
    SELECT p.county_code, p.id, p.destination_id, pg_current_xact_id()
    FROM orders_fill f JOIN orders_parcel p ON p.id = f.parcel_id AND p.county_code = %(county_code)s::text
    WHERE p.destination_id IS NOT NULL AND p.destination_id IS DISTINCT FROM f.destination
), filled AS (
    UPDATE orders_parcel p
    SET announced = true, village_id = f.village, destination_id = f.destination, collected_at = f.collected_at,
        weight_g = f.weight_g, volume_ml = f.volume_ml, goods_class = f.goods, folded_in = pg_current_xact_id()
    FROM orders_fill f
    WHERE p.id = f.parcel_id AND p.county_code = %(county_code)s::text
    RETURNING p.id
)
INSERT INTO orders_recipient (parcel_id, name, phone, name_masked, phone_masked, phone_tail)
SELECT f.parcel_id, f.name, f.phone, f.name_masked, f.phone_masked, f.phone_tail
FROM orders_fill f JOIN filled ON filled.id = f.parcel_id
ON CONFLICT (parcel_id) DO UPDATE
SET name = EXCLUDED.name, phone = EXCLUDED.phone, name_masked = EXCLUDED.name_masked,
    phone_masked = EXCLUDED.phone_masked, phone_tail = EXCLUDED.phone_tail
