-- The six scans of each parcel low … high, as its registers say.
INSERT INTO tracking_scanevent (county_code, event_id, upload_id, type, rank, carrier, waybill_no, station_id, station_level,
    device_id, actor_id, seq, occurred_at, received_at, effective_at, method, pickup_code, content_hash)
SELECT '500230',
    encode(substring(int8send((extract(epoch FROM e.at - timestamptz '1970-01-01 00:00:00+00') * 1000)::bigint) FROM 3)
        || substring(uuid_send(gen_random_uuid()) FROM 7), 'hex')::uuid,
    0, e.type, e.rank, p.carrier, p.waybill_no, e.station_id, e.level, NULL, NULL, NULL, e.at, e.at + interval '1 minute', e.at, 'scan',
    CASE WHEN e.type IN ('OUTLET_IN', 'SIGNED_PICKUP') THEN p.pickup_code END, '\x00'
FROM orders_parcel p
JOIN bench_outlet o ON o.id = p.destination_id
CROSS JOIN LATERAL (VALUES
    ('HUB_IN', 20, p.created_at + interval '1 hour', o.hub_id, 'HUB'),
    ('LOADED', 40, p.created_at + interval '3 hours', o.hub_id, 'HUB'),
    ('UNLOADED', 60, p.created_at + interval '5 hours', o.centre_id, 'CENTRE'),
    ('LOADED', 40, p.created_at + interval '8 hours', o.centre_id, 'CENTRE'),
    ('OUTLET_IN', 70, p.created_at + interval '10 hours', o.id, 'OUTLET'),
    ('SIGNED_PICKUP', 98, p.t_at, o.id, 'OUTLET')) AS e(type, rank, at, station_id, level)
WHERE p.id BETWEEN %(low)s AND %(high)s AND e.at IS NOT NULL
