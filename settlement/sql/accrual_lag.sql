-- How long a month's accruals took, by outlet and (station_id null) for the county: seconds from the delivery to its
-- line, and from the receipt of the claim's last scan to the line. Lines by line_by_statement, that scan by its key.
SELECT l.station_id, count(*)::int AS parcels,
       extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY l.created_at - l.effective_at)) AS delivered_p50,
       extract(epoch FROM percentile_cont(0.95) WITHIN GROUP (ORDER BY l.created_at - l.effective_at)) AS delivered_p95,
       extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY l.created_at - e.received_at)) AS received_p50,
       extract(epoch FROM percentile_cont(0.95) WITHIN GROUP (ORDER BY l.created_at - e.received_at)) AS received_p95
FROM settlement_line l
LEFT JOIN tracking_scanevent e
  ON e.county_code = l.county_code AND e.event_id = l.evidence[array_upper(l.evidence, 1)]
WHERE l.county_code = %(county_code)s AND l.period = %(month)s AND l.turn = 0
GROUP BY GROUPING SETS ((l.station_id), ())
ORDER BY l.station_id
