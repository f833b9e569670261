-- Closes what a list no longer names, inside the counties whose own row it holds and at the levels it holds rows of
-- there; a division that a refused row names, or that a kept row names as the one above it, stays.
-- Indexes: region_county_level, and a hash of the staged codes.
-- staging: CREATE TEMP TABLE division_staging (part smallint, line integer, code varchar(16), level varchar(16), parent_code varchar(16), name varchar(80), initials varchar(80), lng numeric, lat numeric, point_source varchar(60), terrain varchar(10), province_name varchar(40), prefecture_name varchar(40), urban_rural varchar(3), population integer, refused boolean DEFAULT false)
WITH told AS MATERIALIZED (
    SELECT DISTINCT left(s.code, 6) AS county_code, s.level
    FROM division_staging AS s
    WHERE left(s.code, 6) IN (
        SELECT left(code, 6) FROM division_staging WHERE level = 'county' AND NOT refused
    )
), closed AS (
    UPDATE stations_region AS r
    SET valid_to = greatest(%(valid_from)s, r.valid_from + 1)
    FROM told
    WHERE told.county_code = r.county_code
      AND told.level = r.level
      AND r.valid_to IS NULL
      AND r.code <> ALL (%(named)s)
      AND NOT EXISTS (SELECT FROM division_staging AS s WHERE s.code = r.code)
      AND NOT EXISTS (SELECT FROM division_staging AS s WHERE s.parent_code = r.code)
    RETURNING r.code, r.name
)
INSERT INTO stations_regionchange (region_id, edition, kind, before, after, at)
SELECT code, %(edition)s, 'closed', name, '', %(at)s FROM closed
