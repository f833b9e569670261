-- Stated parcels of a county's month of which a scan at the outlet itself was typed, by outlet. Only lines of a weaker
-- class are looked at (line_by_statement), so few scans are read, each by its key.
SELECT l.station_id, count(DISTINCT l.id)::int AS typed
FROM settlement_line l
LEFT JOIN settlement_hold h ON h.county_code = l.county_code AND h.line_id = l.id
CROSS JOIN LATERAL unnest(l.evidence) AS scan(event_id)
JOIN tracking_scanevent e ON e.county_code = l.county_code AND e.event_id = scan.event_id
WHERE l.county_code = %(county_code)s AND l.period = %(month)s AND l.evidence_class <> 'A' AND l.turn %% 2 = 0
  AND (h.id IS NULL OR h.stated_in = %(month)s)
  AND e.county_code = %(county_code)s AND e.station_id = l.station_id AND e.method <> 'scan'
GROUP BY l.station_id
