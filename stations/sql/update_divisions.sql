-- Brings stored divisions up to a list; what the list is silent about (points, terrain, population) stays, and a row
-- that says nothing new is not written. Index: stations_region_pkey.
-- staging: CREATE TEMP TABLE division_staging (part smallint, line integer, code varchar(16), level varchar(16), parent_code varchar(16), name varchar(80), initials varchar(80), lng numeric, lat numeric, point_source varchar(60), terrain varchar(10), province_name varchar(40), prefecture_name varchar(40), urban_rural varchar(3), population integer, refused boolean DEFAULT false)
UPDATE stations_region AS r
SET name = s.name,
    parent_id = s.parent_code,
    initials = s.initials,
    province_name = coalesce(s.province_name, r.province_name),
    prefecture_name = coalesce(s.prefecture_name, r.prefecture_name),
    urban_rural = coalesce(s.urban_rural, r.urban_rural),
    terrain = coalesce(s.terrain, r.terrain),
    population = coalesce(s.population, r.population),
    lng = coalesce(s.lng, r.lng),
    lat = coalesce(s.lat, r.lat),
    point_source = coalesce(s.point_source, r.point_source),
    edition = %(edition)s,
    valid_from = CASE WHEN r.valid_to IS NULL THEN r.valid_from ELSE %(valid_from)s END,
    valid_to = NULL
FROM division_staging AS s
WHERE r.code = s.code
  AND NOT s.refused
  AND (
      r.edition <> %(edition)s
      OR r.valid_to IS NOT NULL
      OR r.name <> s.name
      OR r.initials <> s.initials
      OR r.parent_id IS DISTINCT FROM s.parent_code
      OR r.province_name <> coalesce(s.province_name, r.province_name)
      OR r.prefecture_name <> coalesce(s.prefecture_name, r.prefecture_name)
      OR r.urban_rural <> coalesce(s.urban_rural, r.urban_rural)
      OR r.terrain <> coalesce(s.terrain, r.terrain)
      OR r.point_source <> coalesce(s.point_source, r.point_source)
      OR r.population IS DISTINCT FROM coalesce(s.population, r.population)
      OR r.lng IS DISTINCT FROM coalesce(round(s.lng, 6), r.lng)
      OR r.lat IS DISTINCT FROM coalesce(round(s.lat, 6), r.lat)
  )
