-- When the newest upload came of which, and of all before, the registers know. Waiting uploads by upload_to_fold.
SELECT max(u.received_at)
FROM tracking_upload u
WHERE u.county_code = %(county_code)s AND u.folded_at IS NOT NULL
  AND u.received_at < COALESCE((SELECT min(w.received_at) FROM tracking_upload w
                                WHERE w.county_code = %(county_code)s AND w.folded_at IS NULL), 'infinity')
