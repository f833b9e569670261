-- The runs of sequence numbers after N that arrived from a device, lowest first, at most so many; beside each the end
-- of its unbroken run from its first number (0 or 1) and whether it counts from 0. One row without a run where nothing
-- came after N, none for a device that never sent. Primary key of tracking_devicefeed.
SELECT run.low, run.high, coalesce(lower(f.received) = 0, false) AS from_zero,
       CASE WHEN lower(f.received) <= 1
            THEN (SELECT upper(r) - 1 FROM unnest(f.received) AS r ORDER BY r LIMIT 1) ELSE 0 END AS highest
FROM tracking_devicefeed f
LEFT JOIN LATERAL (
    SELECT lower(r) AS low, upper(r) - 1 AS high
    FROM unnest(f.received * int8multirange(int8range(%(after)s::bigint + 1, NULL))) AS r
    ORDER BY 1
    LIMIT %(runs)s
) AS run ON true
WHERE f.device_id = %(device)s
ORDER BY run.low
