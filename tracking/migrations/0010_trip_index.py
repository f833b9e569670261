from django.db import migrations

# What vehicles/ pulls for its running trips; few scans name a trip.
FORWARD = """
CREATE INDEX scanevent_of_trip ON tracking_scanevent (county_code, trip, effective_at) WHERE trip IS NOT NULL;
"""
BACKWARD = """
DROP INDEX scanevent_of_trip;
"""


class Migration(migrations.Migration):
    dependencies = [("tracking", "0009_upload_index")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
