-- What was set aside of a device's scans with sequence numbers in (after, upto]: for each number the newest that is
-- still open, else the newest. Index: tracking_setaside (device_id), a device's own refused scans.
SELECT DISTINCT ON (s.seq) s.seq, s.event_id, s.verdict, s.code, s.closed_at IS NULL AS open
FROM tracking_setaside s
WHERE s.device_id = %(device)s AND s.seq > %(after)s AND s.seq <= %(upto)s
ORDER BY s.seq, s.closed_at IS NULL DESC, s.id DESC
