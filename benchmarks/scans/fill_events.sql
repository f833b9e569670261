-- Events low … high of the past year, in the order they came, each of some parcel at some outlet; folded long ago.
INSERT INTO tracking_scanevent (county_code, event_id, upload_id, type, rank, carrier, waybill_no, station_id, station_level,
    device_id, actor_id, seq, occurred_at, received_at, effective_at, method, lng, lat, accuracy_m, content_hash)
SELECT '500230', (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
        || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid,
    -(n / 200), 'HUB_IN', 20, (ARRAY['ZTO','YTO','STO','JT','EMS'])[1 + p %% 5], 'B' || lpad(p::text, 13, '0'),
    (ARRAY(SELECT id FROM stations_station WHERE county_code = '500230' ORDER BY id))[1 + n %% 200], 'HUB',
    1, 1, n, at, at, at, 'scan', 107.7, 29.8, 8.5, sha256(n::text::bytea)
FROM generate_series(%(low)s::bigint, %(high)s::bigint) n
CROSS JOIN LATERAL (SELECT now() - interval '400 days' + n * interval '0.5 seconds' AS at,
    (abs(hashint8(n)) %% (SELECT count(*) FROM orders_parcel)) AS p) a
