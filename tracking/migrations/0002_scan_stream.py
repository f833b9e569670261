"""The event table, partitioned by event_id: a UUIDv7's leading 48 bits are its time, so a range of ids is a month.

Unique on (county_code, event_id) alone: partitioned by a time column, one id could come twice with two times. The
first partition begins at MINVALUE (devices with clocks in the past), DEFAULT takes ids beyond the last month made.
`k` is the fold's order as 25 bytes that compare bytewise."""

import datetime

from django.db import migrations

TABLE = """
CREATE TABLE tracking_scanevent (
    county_code varchar(6) NOT NULL,
    event_id uuid NOT NULL,
    upload_id bigint NOT NULL,
    type varchar(16) NOT NULL,
    rank smallint NOT NULL CHECK (rank BETWEEN 0 AND 99),
    carrier varchar(16),
    waybill_no varchar(40),
    bag varchar(40),
    station_id bigint,
    station_level varchar(6),
    device_id bigint,
    actor_id bigint,
    seq bigint,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    effective_at timestamptz NOT NULL,
    skewed boolean NOT NULL DEFAULT false,
    untrusted boolean NOT NULL DEFAULT false,
    method varchar(6) NOT NULL,
    side varchar(4),
    trip varchar(40),
    counterpart varchar(60),
    pickup_code varchar(20),
    reason varchar(120),
    lng double precision CHECK (lng BETWEEN -180 AND 180),
    lat double precision CHECK (lat BETWEEN -90 AND 90),
    corrects uuid,
    correction_counts boolean,
    content_hash bytea NOT NULL,
    k bytea NOT NULL GENERATED ALWAYS AS (
        int8send((extract(epoch FROM effective_at - timestamptz '1970-01-01 00:00:00+00') * 1000000)::bigint)
        || substring(int2send(rank) FROM 2) || uuid_send(event_id)) STORED,
    PRIMARY KEY (county_code, event_id)
) PARTITION BY RANGE (event_id);
CREATE INDEX scanevent_by_upload ON tracking_scanevent (upload_id);
CREATE INDEX scanevent_by_parcel ON tracking_scanevent (county_code, carrier, waybill_no, effective_at);
CREATE INDEX scanevent_by_station ON tracking_scanevent (county_code, station_id, effective_at);
CREATE INDEX scanevent_by_bag ON tracking_scanevent (county_code, bag, effective_at) WHERE bag IS NOT NULL;
CREATE INDEX scanevent_corrections ON tracking_scanevent (county_code, corrects) WHERE corrects IS NOT NULL;

-- The month's partition; the first of all reaches down to MINVALUE. Safe to call twice. See tracking/services/partitions.py.
CREATE FUNCTION tracking_make_partition(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := 'tracking_scanevent_' || to_char(month, 'YYYYMM');
    low text;
    high text := rpad(lpad(to_hex((extract(epoch FROM (month + interval '1 month') AT TIME ZONE 'UTC') * 1000)::bigint), 12, '0'), 32, '0');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN RETURN; END IF;
    low := rpad(lpad(to_hex((extract(epoch FROM month::timestamp AT TIME ZONE 'UTC') * 1000)::bigint), 12, '0'), 32, '0');
    IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'tracking_scanevent'::regclass
                   AND inhrelid::regclass::text <> 'tracking_scanevent_default') THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF tracking_scanevent FOR VALUES FROM (MINVALUE) TO (%L)', name, high::uuid);
    ELSE
        EXECUTE format('CREATE TABLE %I PARTITION OF tracking_scanevent FOR VALUES FROM (%L) TO (%L)', name, low::uuid, high::uuid);
    END IF;
    EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_insert_scale_factor = 0.02)', name);
END $$;
CREATE TABLE tracking_scanevent_default PARTITION OF tracking_scanevent DEFAULT;

ALTER TABLE tracking_devicefeed ADD COLUMN received int8multirange NOT NULL DEFAULT '{}';
ALTER TABLE tracking_upload SET (autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE orders_parcel SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
"""
BACK = """
ALTER TABLE tracking_devicefeed DROP COLUMN received;
DROP TABLE tracking_scanevent;
DROP FUNCTION tracking_make_partition(date);
"""


def make_partitions(apps, schema_editor):
    """Two years ahead; beat makes the following ones month by month."""
    month = datetime.date.today().replace(day=1)
    with schema_editor.connection.cursor() as cursor:
        for _ in range(25):
            cursor.execute("SELECT tracking_make_partition(%s)", [month])
            month = (month + datetime.timedelta(days=32)).replace(day=1)


class Migration(migrations.Migration):
    dependencies = [("tracking", "0001_initial"), ("orders", "0001_initial")]
    operations = [migrations.RunSQL(TABLE, BACK), migrations.RunPython(make_partitions, migrations.RunPython.noop)]
