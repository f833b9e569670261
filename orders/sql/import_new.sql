-- staging: CREATE TEMP TABLE IF NOT EXISTS orders_line (row_no int, carrier text, waybill_no text, village text, destination bigint, collected_at timestamptz, weight_g int, volume_ml int, goods text, name bytea, phone bytea, name_masked text, phone_masked text, phone_tail text) ON COMMIT DELETE ROWS
-- Parcels of a chunk that are not there yet, with their recipients; returns the rows it wrote. A parcel that another
-- import or scan inserts at this moment is waited for and left alone (parcel_once). Ordered, so that two imports of
-- one file take their keys in one order and can't deadlock. folded_in is the stamp by which readers find what changed.
WITH written AS (
    INSERT INTO orders_parcel (
        county_code, carrier, waybill_no, leg_no, announced, village_id, destination_id, collected_at, weight_g,
        volume_ml, goods_class, created_at, damaged, fold_version, folded_in
    )
    SELECT
        %(county_code)s::text, l.carrier, l.waybill_no, 1, true, l.village, l.destination, l.collected_at, l.weight_g,
        l.volume_ml, l.goods, %(at)s::timestamptz, false, %(fold_version)s::smallint, pg_current_xact_id()
    FROM orders_line l
    ORDER BY l.carrier, l.waybill_no
    ON CONFLICT (county_code, carrier, waybill_no, leg_no) DO NOTHING
    RETURNING id, carrier, waybill_no
), addressed AS (
    INSERT INTO orders_recipient (parcel_id, name, phone, name_masked, phone_masked, phone_tail)
    SELECT w.id, l.name, l.phone, l.name_masked, l.phone_masked, l.phone_tail
    FROM written w JOIN orders_line l USING (carrier, waybill_no)
)
SELECT l.row_no FROM written w JOIN orders_line l USING (carrier, waybill_no)
