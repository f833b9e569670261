-- The six scans of each parcel low … high. Of those handed out 1 in 100 never arrived by scan, 1 in 50 was signed for by
-- typing, 1 in 200 was typed throughout.
INSERT INTO tracking_scanevent (county_code, event_id, upload_id, type, rank, carrier, waybill_no, station_id,
    station_level, device_id, actor_id, occurred_at, received_at, effective_at, method, content_hash)
SELECT '500230', bench_event(e.at, n, e.step), 0, e.type, e.rank, (ARRAY['ZTO','YTO','STO','JT','EMS'])[1 + n %% 5],
    'S' || lpad(n::text, 13, '0'), e.station_id, e.level, NULL, NULL, e.at, e.at + interval '1 minute', e.at, e.method, '\x00'
FROM generate_series(%(low)s, %(high)s) n
CROSS JOIN LATERAL (SELECT n %% 25 = 0 AS out, bench_time(n) AS at) a
JOIN bench_outlet o ON o.slot = bench_slot(n)
CROSS JOIN LATERAL (
    SELECT 0, 'HUB_IN', 20, at, o.hub_id, 'HUB', 'scan' WHERE NOT out UNION ALL
    SELECT 1, 'LOADED', 40, at + interval '2 hours', o.hub_id, 'HUB', 'scan' WHERE NOT out UNION ALL
    SELECT 2, 'UNLOADED', 60, at + interval '4 hours', o.centre_id, 'CENTRE', 'scan' WHERE NOT out UNION ALL
    SELECT 3, 'LOADED', 40, at + interval '7 hours', o.centre_id, 'CENTRE', 'scan' WHERE NOT out UNION ALL
    SELECT 4, CASE WHEN n %% 100 = 7 THEN 'SORTED' ELSE 'OUTLET_IN' END, CASE WHEN n %% 100 = 7 THEN 30 ELSE 70 END,
           at + interval '12 hours', o.id, 'OUTLET', CASE WHEN n %% 200 = 11 THEN 'typed' ELSE 'scan' END
    WHERE NOT out UNION ALL
    SELECT 5, CASE WHEN n %% 3 = 0 THEN 'SIGNED_SELF' ELSE 'SIGNED_PICKUP' END, 98, at + interval '14 hours', o.id,
           'OUTLET', CASE WHEN n %% 50 = 3 OR n %% 200 = 11 THEN 'typed' ELSE 'scan' END WHERE NOT out UNION ALL
    SELECT 0, 'COLLECTED', 10, at, o.id, 'OUTLET', 'scan' WHERE out UNION ALL
    SELECT 1, 'LOADED', 40, at + interval '3 hours', o.id, 'OUTLET', 'scan' WHERE out UNION ALL
    SELECT 2, 'UNLOADED', 60, at + interval '5 hours', o.centre_id, 'CENTRE', 'scan' WHERE out UNION ALL
    SELECT 3, 'LOADED', 40, at + interval '8 hours', o.centre_id, 'CENTRE', 'scan' WHERE out UNION ALL
    SELECT 4, 'UNLOADED', 60, at + interval '10 hours', o.hub_id, 'HUB', 'scan' WHERE out UNION ALL
    SELECT 5, 'CARRIER_OUT', 95, at + interval '14 hours', o.hub_id, 'HUB', 'scan' WHERE out
) AS e(step, type, rank, at, station_id, level, method)
