-- Announced parcels low … high that nobody scanned yet.
INSERT INTO orders_parcel (county_code, carrier, waybill_no, leg_no, announced, destination_id, created_at, damaged,
    fold_version, folded_in)
SELECT '500230', (ARRAY['ZTO','YTO','STO','JT','EMS'])[1 + n %% 5], 'B' || lpad(n::text, 13, '0'), 1, true,
    (SELECT id FROM stations_station WHERE level = 'OUTLET' ORDER BY id OFFSET n %% 200 LIMIT 1),
    now() - interval '5 days', false, 1, pg_current_xact_id()
FROM generate_series(%(low)s, %(high)s) n
