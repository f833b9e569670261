-- The runs of sequence numbers after N that arrived from a device, lowest first, at most so many; beside each the end
-- of its unbroken run from its first number (0 or 1) and whether it counts from 0. One row without a run where nothing
-- came after N, none for a device that never sent. Primary key of tracking_devicefeed.
WITH feed AS MATERIALIZED (  -- once, not for each row: a feed may have many thousand holes
    SELECT f.received, coalesce(lower(f.received) = 0, false) AS from_zero,
           CASE WHEN lower(f.received) <= 1
                THEN (SELECT upper(r) - 1 FROM unnest(f.received) AS r ORDER BY r LIMIT 1) ELSE 0 END AS highest
    FROM tracking_devicefeed f
    WHERE f.device_id = %(device)s
)
SELECT run.low, run.high, feed.from_zero, feed.highest
FROM feed
LEFT JOIN LATERAL (
    SELECT greatest(lower(r), %(after)s::bigint + 1) AS low, upper(r) - 1 AS high
    FROM unnest(feed.received) AS r
    WHERE upper(r) > %(after)s::bigint + 1
    ORDER BY 1
    LIMIT %(runs)s
) AS run ON true
ORDER BY run.low
