-- The scans that handhelds made and haven't sent: the holes below the highest number that arrived from each. A hole of
-- 10,000 and more is no scan on a shelf but a counter that leapt; a counter that went back shows as a late upload whose
-- first new scan bears a number that an earlier, unbroken upload had brought. Rows come worst first, each with the first
-- few of its holes. Reads the feeds by primary key, the counties' uploads of some days (upload_by_time), and for the
-- last five of each handheld the earlier one at that number (upload_by_seq).
WITH feed AS (
    SELECT d.device_id, d.live, f.last_received_at, coalesce(f.received, '{}') AS received,
           CASE WHEN lower(f.received) <= 1 THEN lower(f.received) ELSE 1 END AS first_seq
    FROM unnest(%(devices)s::bigint[], %(live)s::boolean[]) AS d (device_id, live)
    LEFT JOIN tracking_devicefeed f ON f.device_id = d.device_id
), holes AS (
    SELECT feed.*, upper(received) - 1 AS highest_seq,
           CASE WHEN isempty(received) THEN '{}'::int8multirange
                ELSE int8multirange(int8range(first_seq, upper(received))) - received END AS missing
    FROM feed
), recent AS MATERIALIZED (
    SELECT u.id, u.device_id, u.received_at, u.first_seq,
           row_number() OVER (PARTITION BY u.device_id ORDER BY u.id DESC) AS nth
    FROM tracking_upload u
    WHERE u.county_code = ANY(%(counties)s::text[]) AND u.received_at > %(since)s AND u.first_seq IS NOT NULL
      AND u.device_id = ANY(%(devices)s::bigint[])
), back AS (
    SELECT last.device_id, max(last.received_at) AS at
    FROM recent AS last
    JOIN holes ON holes.device_id = last.device_id
    WHERE last.nth <= 5 AND last.first_seq < holes.highest_seq
      AND EXISTS (
        SELECT FROM (
            SELECT e.first_seq, e.last_seq, e.event_count
            FROM tracking_upload e
            WHERE e.device_id = last.device_id AND e.last_seq >= last.first_seq AND e.id < last.id
            ORDER BY e.last_seq LIMIT 3
        ) AS earlier
        WHERE earlier.first_seq = last.first_seq
           OR (earlier.first_seq < last.first_seq
               AND earlier.last_seq - earlier.first_seq + 1 = earlier.event_count)
    )
    GROUP BY last.device_id
), counted AS (
    SELECT holes.*,
           CASE WHEN lower(received) <= 1
                THEN (SELECT upper(r) - 1 FROM unnest(received) AS r ORDER BY r LIMIT 1) ELSE 0 END AS contiguous_seq,
           coalesce(gap.scans, 0)::bigint AS scans, coalesce(gap.ranges, 0) AS ranges, gap.leap,
           back.at AS went_back_at
    FROM holes
    CROSS JOIN LATERAL (
        SELECT sum(upper(r) - lower(r)) FILTER (WHERE upper(r) - lower(r) < %(leap)s) AS scans,
               count(*) FILTER (WHERE upper(r) - lower(r) < %(leap)s) AS ranges,
               max(upper(r) - lower(r)) FILTER (WHERE upper(r) - lower(r) >= %(leap)s) AS leap
        FROM unnest(holes.missing) AS r
    ) AS gap
    LEFT JOIN back ON back.device_id = holes.device_id
), ranked AS (
    SELECT counted.*,
           CASE WHEN went_back_at IS NOT NULL OR leap IS NOT NULL THEN 0
                WHEN scans > 0 THEN 1
                WHEN last_received_at IS NULL OR last_received_at < %(silent_before)s THEN 2
                ELSE 3 END AS need
    FROM counted
    WHERE live OR scans > 0
)
SELECT ranked.device_id, ranked.last_received_at, ranked.contiguous_seq, ranked.highest_seq, ranked.scans, ranked.ranges,
       ranked.leap, ranked.went_back_at, ranked.need,
       (SELECT array_agg(ARRAY[lower(h.r), upper(h.r) - 1] ORDER BY h.r)
        FROM (SELECT r FROM unnest(ranked.missing) AS r WHERE upper(r) - lower(r) < %(leap)s ORDER BY r LIMIT %(shown)s
        ) AS h) AS holes
FROM ranked
ORDER BY need, scans DESC, last_received_at NULLS FIRST, device_id
