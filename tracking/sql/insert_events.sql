-- Stores an upload's events, those not yet there, under a new upload number: one round trip. Rows go in event_id
-- order, so that two uploads with events in common wait for each other instead of deadlocking.
-- Unique by the primary key (county_code, event_id), across all partitions. Returns the ids stored now.
WITH upload AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('tracking_upload', 'id')) AS id
), stored AS (
    INSERT INTO tracking_scanevent (
        county_code, upload_id, device_id, actor_id, received_at, skewed,
        event_id, type, rank, carrier, waybill_no, bag, station_id, station_level, seq, occurred_at, effective_at,
        untrusted, method, side, trip, counterpart, pickup_code, reason, lng, lat, accuracy_m,
        photo_sha256, corrects, content_hash, correction_counts
    )
    SELECT %(county)s, upload.id, %(device)s, %(actor)s, %(received_at)s, %(skewed)s, e.*,
           CASE WHEN e.corrects IS NOT NULL THEN %(may_correct)s::boolean END
    FROM upload, unnest(
        %(event_id)s::uuid[], %(type)s::varchar[], %(rank)s::smallint[], %(carrier)s::varchar[],
        %(waybill_no)s::varchar[], %(bag)s::varchar[], %(station_id)s::bigint[], %(station_level)s::varchar[],
        %(seq)s::bigint[], %(occurred_at)s::timestamptz[], %(effective_at)s::timestamptz[], %(untrusted)s::boolean[],
        %(method)s::varchar[], %(side)s::varchar[], %(trip)s::varchar[], %(counterpart)s::varchar[],
        %(pickup_code)s::varchar[], %(reason)s::varchar[], %(lng)s::float8[], %(lat)s::float8[],
        %(accuracy_m)s::float8[], %(photo_sha256)s::bytea[], %(corrects)s::uuid[], %(content_hash)s::bytea[]
    ) AS e (event_id, type, rank, carrier, waybill_no, bag, station_id, station_level, seq, occurred_at, effective_at,
            untrusted, method, side, trip, counterpart, pickup_code, reason, lng, lat, accuracy_m,
            photo_sha256, corrects, content_hash)
    ORDER BY e.event_id
    ON CONFLICT (county_code, event_id) DO NOTHING
    RETURNING event_id
)
SELECT stored.event_id::text, upload.id AS upload_id FROM stored, upload
