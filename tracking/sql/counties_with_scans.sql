-- The counties with a scan whose id lies below `high` (a month's end as UUID): from county to county by the primary key
-- (county_code, event_id), one look-up a county and partition, whatever their number of scans.
WITH RECURSIVE county AS (
    SELECT min(county_code) AS code FROM tracking_scanevent WHERE event_id < %(high)s::uuid
    UNION ALL
    SELECT (SELECT min(e.county_code) FROM tracking_scanevent e
            WHERE e.county_code > county.code AND e.event_id < %(high)s::uuid)
    FROM county WHERE county.code IS NOT NULL
)
SELECT code FROM county WHERE code IS NOT NULL
