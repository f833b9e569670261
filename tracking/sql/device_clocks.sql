-- How far off each handheld's clock was at its last upload that stored something: seconds the server's clock was ahead,
-- null within two minutes, `untrusted` where it could not be told. By upload_by_device and scanevent_by_upload.
SELECT d.device_id, scan.untrusted,
       CASE WHEN scan.skewed AND NOT scan.untrusted
            THEN extract(epoch FROM scan.effective_at - scan.occurred_at)::bigint END AS behind_s
FROM unnest(%(devices)s::bigint[]) AS d (device_id)
CROSS JOIN LATERAL (
    SELECT u.id, u.county_code
    FROM tracking_upload u
    WHERE u.device_id = d.device_id AND u.event_count > 0
    ORDER BY u.id DESC LIMIT 1
) AS last
CROSS JOIN LATERAL (
    SELECT e.skewed, e.untrusted, e.effective_at, e.occurred_at
    FROM tracking_scanevent e
    WHERE e.county_code = last.county_code AND e.upload_id = last.id
    ORDER BY e.effective_at DESC LIMIT 1
) AS scan
