-- A device's stored events with sequence numbers in (after, upto], and whether they are folded. Events have no index by
-- number; their uploads know their first and last one. Reads at most so many uploads (all where null) from the first
-- that reaches beyond `after`. Indexes: upload_by_seq (device_id, last_seq), scanevent_by_upload (county_code, upload_id).
WITH reached AS MATERIALIZED (
    SELECT u.id, u.first_seq, u.folded_at
    FROM tracking_upload u
    WHERE u.device_id = %(device)s AND u.last_seq > %(after)s
    ORDER BY u.last_seq
    LIMIT %(uploads)s
), carried AS MATERIALIZED (
    SELECT id, folded_at FROM reached WHERE first_seq <= %(upto)s
)
SELECT DISTINCT ON (e.seq) e.seq, e.event_id::text AS event_id, c.folded_at IS NOT NULL AS folded
FROM tracking_scanevent e
JOIN carried c ON c.id = e.upload_id
WHERE e.county_code = %(county)s AND e.upload_id = ANY(ARRAY(SELECT id FROM carried))
  AND e.device_id = %(device)s AND e.seq > %(after)s AND e.seq <= %(upto)s
ORDER BY e.seq, e.upload_id, e.event_id
