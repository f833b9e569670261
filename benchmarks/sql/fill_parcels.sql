-- Parcels low … high, spread evenly over the days; one in forty, and the newest, still wait on their shelf.
INSERT INTO orders_parcel (county_code, carrier, waybill_no, leg_no, announced, village_id, destination_id, collected_at,
    created_at, damaged, fold_version, s_k, s_state, s_station_id, c_k, c_kind, c_ref, p_k, pickup_code, l_k, last_scan_at,
    t_k, t_state, t_node, t_station_id, t_at, f_k, station_id, folded_in)
SELECT '500230', (ARRAY['ZTO','YTO','STO','JT','EMS'])[1 + n %% 5], 'B' || lpad(n::text, 13, '0'), 1, true, o.region_id, o.id,
    at - interval '40 hours', at - interval '1 hour', n %% 5000 = 0, 1,
    k5, 'at_outlet', o.id, k5, 'station', o.id, k5, (n %% 3 + 1) || '-' || (n %% 4 + 1) || '-' || lpad((n %% 9000)::text, 4, '0'),
    COALESCE(k6, k5), COALESCE(at6, at5), k6, CASE WHEN k6 IS NOT NULL THEN 'delivered' END,
    CASE WHEN k6 IS NOT NULL THEN 'SIGNED_PICKUP' END, CASE WHEN k6 IS NOT NULL THEN o.id END, at6,
    int8send((extract(epoch FROM at - timestamptz '1970-01-01 00:00:00+00') * 1000000)::bigint), o.id, pg_current_xact_id()
FROM generate_series(%(low)s, %(high)s) n
CROSS JOIN LATERAL (SELECT %(start)s::timestamptz + (n::float8 / %(parcels)s * %(days)s) * interval '1 day' AS at) a
CROSS JOIN LATERAL (SELECT at + interval '9 hours' AS at5,
    CASE WHEN n < %(parcels)s * 0.985 AND n %% 40 <> 0 THEN at + interval '9 hours' + (n %% 30 + 1) * interval '1 hour' END AS at6) b
CROSS JOIN LATERAL (SELECT
    int8send((extract(epoch FROM at5 - timestamptz '1970-01-01 00:00:00+00') * 1000000)::bigint) || '\x46'::bytea || uuid_send(gen_random_uuid()) AS k5,
    CASE WHEN at6 IS NOT NULL THEN
        int8send((extract(epoch FROM at6 - timestamptz '1970-01-01 00:00:00+00') * 1000000)::bigint) || '\x62'::bytea || uuid_send(gen_random_uuid()) END AS k6) c
JOIN bench_outlet o ON o.slot = n %% %(outlets)s
