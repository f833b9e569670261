-- Takes the oldest waiting uploads of one county, up to so many rows and events, for one worker: skips rows another
-- one holds, counts the attempt now (a poison that kills the process is counted too). An upload that was tried before
-- goes alone. Index: upload_to_fold (county_code, id) where folded_at is null.
WITH free AS (
    SELECT id, event_count, attempts
    FROM tracking_upload
    WHERE county_code = %(county)s AND folded_at IS NULL AND (lease_until IS NULL OR lease_until < %(at)s)
    ORDER BY id
    LIMIT %(uploads)s
    FOR UPDATE SKIP LOCKED
), counted AS (
    SELECT id, attempts, sum(event_count) OVER (ORDER BY id) - event_count AS events_before,
           row_number() OVER (ORDER BY id) AS place, max(attempts) OVER (ORDER BY id) AS worst
    FROM free
)
UPDATE tracking_upload u
SET attempts = u.attempts + 1, lease_until = %(lease_until)s
FROM counted
WHERE u.id = counted.id AND (counted.place = 1 OR (counted.events_before < %(events)s AND counted.worst = 0))
RETURNING u.id, u.attempts, u.first_event::text, u.last_event::text
