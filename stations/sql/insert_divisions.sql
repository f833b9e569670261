-- Inserts the staged divisions that are not stored. Index: stations_region_pkey.
-- staging: CREATE TEMP TABLE division_staging (part smallint, line integer, code varchar(16), level varchar(16), parent_code varchar(16), name varchar(80), initials varchar(80), lng numeric, lat numeric, point_source varchar(60), terrain varchar(10), province_name varchar(40), prefecture_name varchar(40), urban_rural varchar(3), population integer, refused boolean DEFAULT false)
INSERT INTO stations_region (
    code, name, level, parent_id, initials, province_name, prefecture_name, urban_rural, terrain, population,
    lng, lat, point_source, edition, valid_from
)
SELECT s.code, s.name, s.level, s.parent_code, s.initials, coalesce(s.province_name, ''),
       coalesce(s.prefecture_name, ''), coalesce(s.urban_rural, ''), coalesce(s.terrain, 'plain'), s.population,
       s.lng, s.lat, coalesce(s.point_source, ''), %(edition)s, %(valid_from)s
FROM division_staging AS s
WHERE NOT s.refused
  AND NOT EXISTS (SELECT FROM stations_region AS r WHERE r.code = s.code)
