-- Marks the staged rows of one level whose division above is neither in the list nor stored and open. Run from the
-- townships down, so that a refused township takes its villages along. Index: stations_region_pkey.
-- staging: CREATE TEMP TABLE division_staging (part smallint, line integer, code varchar(16), level varchar(16), parent_code varchar(16), name varchar(80), initials varchar(80), lng numeric, lat numeric, point_source varchar(60), terrain varchar(10), province_name varchar(40), prefecture_name varchar(40), urban_rural varchar(3), population integer, refused boolean DEFAULT false)
UPDATE division_staging AS s
SET refused = true
WHERE s.level = %(level)s
  AND NOT s.refused
  AND NOT EXISTS (
      SELECT FROM division_staging AS above
      WHERE above.code = s.parent_code AND above.level = %(above)s AND NOT above.refused
  )
  AND NOT EXISTS (
      SELECT FROM stations_region AS above
      WHERE above.code = s.parent_code AND above.level = %(above)s AND above.valid_to IS NULL
  )
RETURNING s.part, s.line, s.code, s.parent_code
