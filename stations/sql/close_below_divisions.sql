-- Closes the divisions of one level that hang below a closed one, in the counties a list names. Index: region_children.
-- staging: CREATE TEMP TABLE division_staging (part smallint, line integer, code varchar(16), level varchar(16), parent_code varchar(16), name varchar(80), initials varchar(80), lng numeric, lat numeric, point_source varchar(60), terrain varchar(10), province_name varchar(40), prefecture_name varchar(40), urban_rural varchar(3), population integer, refused boolean DEFAULT false)
WITH closed AS (
    UPDATE stations_region AS r
    SET valid_to = greatest(above.valid_to, r.valid_from + 1)
    FROM stations_region AS above
    WHERE above.code = r.parent_id
      AND above.valid_to IS NOT NULL
      AND r.valid_to IS NULL
      AND r.level = %(level)s
      AND r.county_code IN (SELECT DISTINCT left(code, 6) FROM division_staging)
    RETURNING r.code, r.name
)
INSERT INTO stations_regionchange (region_id, edition, kind, before, after, at)
SELECT code, %(edition)s, 'closed', name, '', %(at)s FROM closed
