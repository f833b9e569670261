"""The tree's rules as foreign keys: a centre hangs on a hub of its county, an outlet on a centre of its county whose
township holds the outlet's village (unless a reason for the exception is given). Generated columns carry what the
parent must be; a null among them switches a key off (MATCH SIMPLE)."""

from django.db import migrations

FORWARD = """
ALTER TABLE stations_station
    ADD COLUMN parent_level varchar(6) GENERATED ALWAYS AS (
        CASE level WHEN 'CENTRE' THEN 'HUB' WHEN 'OUTLET' THEN 'CENTRE' END) STORED,
    ADD COLUMN parent_township varchar(9) GENERATED ALWAYS AS (
        CASE WHEN level = 'OUTLET' AND exception_reason = '' THEN left(region_id, 9) END) STORED,
    ADD CONSTRAINT station_key_with_level UNIQUE (id, level, county_code),
    ADD CONSTRAINT station_key_with_township UNIQUE (id, township_code),
    ADD CONSTRAINT station_parent_is_one_level_up_in_its_county
        FOREIGN KEY (parent_id, parent_level, county_code) REFERENCES stations_station (id, level, county_code),
    ADD CONSTRAINT station_parent_serves_its_township
        FOREIGN KEY (parent_id, parent_township) REFERENCES stations_station (id, township_code);
"""
BACK = """
ALTER TABLE stations_station
    DROP CONSTRAINT station_parent_serves_its_township,
    DROP CONSTRAINT station_parent_is_one_level_up_in_its_county,
    DROP CONSTRAINT station_key_with_township,
    DROP CONSTRAINT station_key_with_level,
    DROP COLUMN parent_township,
    DROP COLUMN parent_level;
"""


class Migration(migrations.Migration):
    dependencies = [("stations", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
