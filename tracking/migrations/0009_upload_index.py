"""The index of an upload's events holds their ids too: the drain's bounds are met in it, and the planner has no reason to
read a range of the primary key, which one wrong clock makes as long as the month."""

from django.db import migrations

NEW = """
DROP INDEX scanevent_by_upload;
CREATE INDEX scanevent_by_upload ON tracking_scanevent (county_code, upload_id, event_id);
"""
OLD = """
DROP INDEX scanevent_by_upload;
CREATE INDEX scanevent_by_upload ON tracking_scanevent (county_code, upload_id);
"""


class Migration(migrations.Migration):
    dependencies = [("tracking", "0008_upload_bounds")]
    operations = [migrations.RunSQL(NEW, OLD)]
