-- Stores an upload in one round trip: its events, those not yet there; its own row (the drain's work, the batch's
-- verdict, the queue's figures); and the sequence numbers that arrived from its device. Events go in event_id order, so
-- that two uploads with events in common wait for each other instead of deadlocking. An upload that stored nothing is no
-- work: it is folded from the start. `stored_ids` is null where all were stored; `highest` is the end of the device's
-- unbroken run from its first number (0 or 1), 0 where that hasn't come, null for a person.
-- Primary keys of tracking_scanevent (across all partitions), tracking_upload, tracking_devicefeed.
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
    FROM upload, unnest(  -- columns that are empty throughout come as empty arrays: unnest fills up with nulls
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
    RETURNING event_id, seq
), counted AS MATERIALIZED (
    SELECT count(*) AS number, min(seq) AS first_seq, max(seq) AS last_seq FROM stored
), kept AS (
    INSERT INTO tracking_upload (
        id, county_code, device_id, batch_id, received_at, event_count, duplicates, refused, first_event, last_event,
        first_seq, last_seq, digest, exceptions, attempts, folded_at
    )
    SELECT upload.id, %(county)s, %(device)s, %(batch_id)s, %(received_at)s, number, %(duplicates)s, %(refused)s,
           %(first_event)s::uuid, %(last_event)s::uuid, first_seq, last_seq,
           %(digest)s, %(exceptions)s::jsonb, 0, CASE WHEN number = 0 THEN %(received_at)s::timestamptz END
    FROM upload, counted
), feed AS (
    INSERT INTO tracking_devicefeed AS feed (device_id, last_received_at, received)
    SELECT %(device)s, %(received_at)s, %(seqs)s::int8multirange
    FROM counted
    WHERE %(device)s::bigint IS NOT NULL
    ON CONFLICT (device_id) DO UPDATE
    SET received = feed.received + EXCLUDED.received,
        last_received_at = greatest(feed.last_received_at, EXCLUDED.last_received_at)
    RETURNING CASE WHEN lower(feed.received) <= 1
                   THEN (SELECT upper(r) - 1 FROM unnest(feed.received) AS r ORDER BY r LIMIT 1) ELSE 0 END AS highest
)
SELECT upload.id, counted.number, (SELECT highest FROM feed) AS highest,
       CASE WHEN counted.number < %(given)s THEN ARRAY(SELECT event_id::text FROM stored) END AS stored_ids
FROM upload, counted
