-- What is stored of the counties a list names: how many divisions, and the newest edition with one of its counties.
-- Reads stations_region once (index region_county_level for a single county).
-- staging: CREATE TEMP TABLE division_staging (part smallint, line integer, code varchar(16), level varchar(16), parent_code varchar(16), name varchar(80), initials varchar(80), lng numeric, lat numeric, point_source varchar(60), terrain varchar(10), province_name varchar(40), prefecture_name varchar(40), urban_rural varchar(3), population integer, refused boolean DEFAULT false)
WITH named AS MATERIALIZED (
    SELECT DISTINCT left(code, 6) AS county_code FROM division_staging WHERE NOT refused
)
SELECT count(*) AS divisions, max(r.edition) AS edition, max(r.valid_from) AS newest_on,
       (array_agg(r.county_code ORDER BY r.edition DESC))[1] AS county_code
FROM (
    SELECT r.county_code, r.edition, max(r.valid_from) AS valid_from
    FROM stations_region AS r
    WHERE r.county_code IN (SELECT county_code FROM named)
    GROUP BY r.county_code, r.edition
) AS r
