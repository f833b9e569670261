-- Parcels low … high of the settlement benchmark, over the days evenly: 96 of 100 come down to an outlet and are handed
-- out, 4 are collected at one and leave the county. Their registers are those of the scans settle_events.sql gives them.
INSERT INTO orders_parcel (county_code, carrier, waybill_no, leg_no, announced, village_id, destination_id, created_at,
    damaged, fold_version, s_k, s_state, s_station_id, c_k, c_kind, c_ref, l_k, last_scan_at, t_k, t_state, t_node,
    t_station_id, t_at, f_k, station_id, o_k, origin_id, folded_in)
SELECT '500230', (ARRAY['ZTO','YTO','STO','JT','EMS'])[1 + n %% 5], 'S' || lpad(n::text, 13, '0'), 1, n %% 40 <> 5,
    o.region_id, CASE WHEN NOT out THEN o.id END, at - interval '1 hour', false, 1,
    CASE WHEN out THEN bench_k(end_at, 95, n, 5) ELSE bench_k(end_at - interval '2 hours', 70, n, 4) END,
    CASE WHEN out THEN 'in_transit' ELSE 'at_outlet' END, CASE WHEN out THEN o.hub_id ELSE o.id END,
    CASE WHEN out THEN bench_k(end_at, 95, n, 5) ELSE bench_k(end_at - interval '2 hours', 70, n, 4) END,
    CASE WHEN out THEN 'carrier' ELSE 'station' END, CASE WHEN NOT out THEN o.id END,
    bench_k(end_at, CASE WHEN out THEN 95 ELSE 98 END, n, 5), end_at,
    CASE WHEN NOT out THEN bench_k(end_at, 98, n, 5) END, CASE WHEN NOT out THEN 'delivered' END,
    CASE WHEN out THEN NULL WHEN n %% 3 = 0 THEN 'SIGNED_SELF' ELSE 'SIGNED_PICKUP' END,
    CASE WHEN NOT out THEN o.id END, CASE WHEN NOT out THEN end_at END,
    bench_k(at, CASE WHEN out THEN 10 ELSE 20 END, n, 0), CASE WHEN out THEN o.hub_id ELSE o.id END,
    CASE WHEN out THEN bench_k(at, 10, n, 0) END, CASE WHEN out THEN o.id END, pg_current_xact_id()
FROM generate_series(%(low)s, %(high)s) n
CROSS JOIN LATERAL (SELECT n %% 25 = 0 AS out, bench_time(n) AS at) a
CROSS JOIN LATERAL (SELECT at + interval '14 hours' AS end_at) b
JOIN bench_outlet o ON o.slot = bench_slot(n)
