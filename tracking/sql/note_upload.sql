-- The upload's own row (the drain's work, the batch's verdict, the queue's figures) and the sequence numbers that
-- arrived with it. An upload that stored nothing is no work: it is folded from the start. Returns the end of the
-- device's unbroken run from its first number (0 or 1), 0 where that hasn't come; null for a person.
-- Primary keys of tracking_upload and tracking_devicefeed.
WITH kept AS (
    INSERT INTO tracking_upload (
        id, county_code, device_id, batch_id, received_at, event_count, duplicates, refused, first_seq, last_seq,
        digest, exceptions, attempts, folded_at
    )
    VALUES (
        coalesce(%(upload)s, nextval(pg_get_serial_sequence('tracking_upload', 'id'))), %(county)s, %(device)s,
        %(batch_id)s, %(received_at)s, %(stored)s, %(duplicates)s, %(refused)s, %(first_seq)s, %(last_seq)s,
        %(digest)s, %(exceptions)s::jsonb, 0, CASE WHEN %(stored)s = 0 THEN %(received_at)s::timestamptz END
    )
)
INSERT INTO tracking_devicefeed AS feed (device_id, last_received_at, received)
SELECT %(device)s, %(received_at)s, %(seqs)s::int8multirange
WHERE %(device)s::bigint IS NOT NULL
ON CONFLICT (device_id) DO UPDATE
SET received = feed.received + EXCLUDED.received,
    last_received_at = greatest(feed.last_received_at, EXCLUDED.last_received_at)
RETURNING CASE WHEN lower(feed.received) <= 1
               THEN (SELECT upper(r) - 1 FROM unnest(feed.received) AS r ORDER BY r LIMIT 1) ELSE 0 END
