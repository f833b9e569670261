-- Live handhelds of some counties' stations: how many, how many haven't sent since then, how many numbered scans that
-- haven't come (a hole below what came). Few rows: stations_station by county, stations_device by station, feeds by
-- their primary key.
SELECT count(*) AS live,
       count(*) FILTER (WHERE coalesce(f.last_received_at, d.enrolled_at) < %(silent_since)s) AS silent,
       count(*) FILTER (WHERE (SELECT count(*) FROM unnest(f.received)) > 1 OR lower(f.received) > 1) AS with_holes
FROM stations_device d
JOIN stations_station s ON s.id = d.station_id
LEFT JOIN tracking_devicefeed f ON f.device_id = d.id
WHERE s.county_code = ANY(%(counties)s) AND d.revoked_at IS NULL
