-- What was set aside of a device's scans with sequence numbers in (after, upto]: for each number the newest that is
-- still open, else the newest. A scan the fold stumbled over stays open until a replay worked.
-- Index: tracking_setaside (device_id), a device's own refused scans.
SELECT DISTINCT ON (s.seq) s.seq, s.event_id, s.verdict, s.code,
       s.closed_at IS NULL OR s.code = 'fold_failed' AND s.close_reason <> 'replayed' AS open
FROM tracking_setaside s
WHERE s.device_id = %(device)s AND s.seq > %(after)s AND s.seq <= %(upto)s
ORDER BY s.seq, open DESC, s.id DESC
