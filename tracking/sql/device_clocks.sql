-- How far off each handheld's clock was at its last upload of these days that stored something: seconds it was behind
-- the server's, null within two minutes, `untrusted` where it could not be told. By upload_by_time and
-- scanevent_by_upload.
SELECT last.device_id, scan.untrusted,
       CASE WHEN scan.skewed AND NOT scan.untrusted
            THEN extract(epoch FROM scan.effective_at - scan.occurred_at)::bigint END AS behind_s
FROM (
    SELECT DISTINCT ON (u.device_id) u.device_id, u.id, u.county_code
    FROM tracking_upload u
    WHERE u.county_code = ANY(%(counties)s::text[]) AND u.received_at > %(since)s AND u.event_count > 0
      AND u.device_id = ANY(%(devices)s::bigint[])
    ORDER BY u.device_id, u.id DESC
) AS last
CROSS JOIN LATERAL (
    SELECT e.skewed, e.untrusted, e.effective_at, e.occurred_at
    FROM tracking_scanevent e
    WHERE e.county_code = last.county_code AND e.upload_id = last.id
    ORDER BY e.effective_at DESC LIMIT 1
) AS scan
