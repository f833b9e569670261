-- What a batch got that comes again with the same events. Index: upload_by_batch.
SELECT u.exceptions,
       (SELECT CASE WHEN lower(f.received) <= 1
                    THEN (SELECT upper(r) - 1 FROM unnest(f.received) AS r ORDER BY r LIMIT 1) ELSE 0 END
        FROM tracking_devicefeed f WHERE f.device_id = u.device_id) AS highest
FROM tracking_upload u
WHERE u.device_id = %(device)s AND u.batch_id = %(batch_id)s AND u.digest = %(digest)s
ORDER BY u.id
LIMIT 1
