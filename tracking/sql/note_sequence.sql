-- Adds an upload's sequence numbers to what arrived from its device; returns the end of the unbroken run from the
-- first (number 0 or 1), 0 where that hasn't come. Primary key device_id.
INSERT INTO tracking_devicefeed AS feed (device_id, last_received_at, received)
VALUES (%(device)s, %(received_at)s, %(seqs)s::int8multirange)
ON CONFLICT (device_id) DO UPDATE
SET received = feed.received + EXCLUDED.received,
    last_received_at = greatest(feed.last_received_at, EXCLUDED.last_received_at)
RETURNING CASE WHEN lower(feed.received) <= 1
               THEN (SELECT upper(r) - 1 FROM unnest(feed.received) AS r ORDER BY r LIMIT 1) ELSE 0 END
