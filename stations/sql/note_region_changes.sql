-- Writes down what a list is about to open, rename, move and reopen in counties that were stored before, and counts
-- it by kind. Runs before the rows themselves change. Index: stations_region_pkey.
-- staging: CREATE TEMP TABLE division_staging (part smallint, line integer, code varchar(16), level varchar(16), parent_code varchar(16), name varchar(80), initials varchar(80), lng numeric, lat numeric, point_source varchar(60), terrain varchar(10), province_name varchar(40), prefecture_name varchar(40), urban_rural varchar(3), population integer, refused boolean DEFAULT false)
WITH known AS MATERIALIZED (
    SELECT DISTINCT r.county_code
    FROM stations_region AS r
    WHERE r.edition <> '' AND r.county_code IN (SELECT DISTINCT left(code, 6) FROM division_staging)
), compared AS (
    SELECT s.code, s.name, s.parent_code, r.name AS old_name, r.parent_id AS old_parent, r.valid_to
    FROM division_staging AS s
    JOIN stations_region AS r ON r.code = s.code
    WHERE NOT s.refused
      AND (r.name <> s.name OR r.parent_id IS DISTINCT FROM s.parent_code OR r.valid_to IS NOT NULL)
), found AS (
    SELECT code, 'renamed' AS kind, old_name AS before, name AS after FROM compared WHERE old_name <> name
    UNION ALL
    SELECT code, 'moved', coalesce(old_parent, ''), coalesce(parent_code, '')
    FROM compared WHERE old_parent IS DISTINCT FROM parent_code
    UNION ALL
    SELECT code, 'reopened', to_char(valid_to, 'YYYY-MM-DD'), '' FROM compared WHERE valid_to IS NOT NULL
    UNION ALL
    SELECT s.code, 'opened', '', s.name
    FROM division_staging AS s
    WHERE NOT s.refused
      AND left(s.code, 6) IN (SELECT county_code FROM known)
      AND NOT EXISTS (SELECT FROM stations_region AS r WHERE r.code = s.code)
), noted AS (
    INSERT INTO stations_regionchange (region_id, edition, kind, before, after, at)
    SELECT code, %(edition)s, kind, before, after, %(at)s FROM found
    RETURNING kind
)
SELECT kind, count(*) AS divisions FROM noted GROUP BY kind
