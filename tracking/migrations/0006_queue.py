"""The queue's figures by county and time; a month is made even where DEFAULT already holds scans of it."""

from django.db import migrations, models

# A handheld whose clock runs years ahead puts scans into DEFAULT, and a partition can't be made over rows that are
# there: they move into it. Made apart and attached, it takes no lock that stops the sending of scans; DEFAULT alone is
# locked while its rows move. Returns how many moved, null where the month (or its detached table) is already there.
NEW = """
DROP FUNCTION tracking_make_partition(date);
CREATE FUNCTION tracking_make_partition(month date) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    name text := 'tracking_scanevent_' || to_char(month, 'YYYYMM');
    low uuid := rpad(lpad(to_hex((extract(epoch FROM month::timestamp AT TIME ZONE 'UTC') * 1000)::bigint), 12, '0'), 32, '0');
    high uuid := rpad(lpad(to_hex((extract(epoch FROM (month + interval '1 month') AT TIME ZONE 'UTC') * 1000)::bigint), 12, '0'), 32, '0');
    first boolean;
    columns text;
    moved bigint;
BEGIN
    IF to_regclass(name) IS NOT NULL THEN RETURN NULL; END IF;
    LOCK TABLE tracking_scanevent_default IN ACCESS EXCLUSIVE MODE;
    IF to_regclass(name) IS NOT NULL THEN RETURN NULL; END IF; -- another worker's, while we waited
    first := NOT EXISTS (SELECT FROM pg_class WHERE relkind = 'r' AND relname ~ '^tracking_scanevent_[0-9]{6}$');
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
    WHERE attrelid = 'tracking_scanevent'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
    EXECUTE format('CREATE TABLE %I (LIKE tracking_scanevent INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_insert_scale_factor = 0.02)', name);
    EXECUTE format('WITH moved AS (DELETE FROM tracking_scanevent_default WHERE event_id < %L AND (%L OR event_id >= %L)
                    RETURNING %s) INSERT INTO %I (%s) SELECT %s FROM moved', high, first, low, columns, name, columns, columns);
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF first THEN
        EXECUTE format('ALTER TABLE tracking_scanevent ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', name, high);
    ELSE
        EXECUTE format('ALTER TABLE tracking_scanevent ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, low, high);
    END IF;
    RETURN moved;
END $$;
"""
# The first function is made again by unapplying 0002; back to 0005, this one does.
BACK = "SELECT 1"


class Migration(migrations.Migration):

    dependencies = [
        ('tracking', '0005_widened'),
    ]

    operations = [
        migrations.RunSQL(NEW, BACK),
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(fields=['county_code', 'received_at'], name='upload_by_time'),
        ),
    ]
