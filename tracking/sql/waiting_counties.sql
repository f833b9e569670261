-- Counties with uploads to fold, the one that waits longest first. Index: upload_to_fold.
SELECT county_code, min(id) AS first
FROM tracking_upload
WHERE folded_at IS NULL AND (lease_until IS NULL OR lease_until < %(at)s)
GROUP BY county_code
ORDER BY first
