-- Which stations of a county scanned in a span, with their township and village; one probe of scanevent_by_station each.
SELECT s.id, s.level, s.township_code AS township, left(s.region_id, 12) AS village,
       s.state IN ('active', 'suspended') AS in_service,
       EXISTS (SELECT FROM tracking_scanevent e
               WHERE e.county_code = %(county_code)s AND e.station_id = s.id
                 AND e.effective_at >= %(start)s::timestamptz AND e.effective_at < %(end)s::timestamptz
                 AND e.received_at <= %(watermark)s::timestamptz) AS reported
FROM stations_station s
WHERE s.county_code = %(county_code)s
