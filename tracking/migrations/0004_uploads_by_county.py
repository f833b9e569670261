"""An upload's events by county and upload: with the upload alone, a partition that was never analysed is read by its
county's other indexes, that is whole."""

from django.db import migrations

NEW = """
DROP INDEX scanevent_by_upload;
CREATE INDEX scanevent_by_upload ON tracking_scanevent (county_code, upload_id);
"""
OLD = """
DROP INDEX scanevent_by_upload;
CREATE INDEX scanevent_by_upload ON tracking_scanevent (upload_id);
"""


class Migration(migrations.Migration):
    dependencies = [("tracking", "0003_fold")]
    operations = [migrations.RunSQL(NEW, OLD)]
