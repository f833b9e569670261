"""A report's numbers are appended, never changed: a restatement is a new version."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER indicator_rows_stay BEFORE UPDATE OR DELETE ON reports_indicator
    FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER indicator_table_stays BEFORE TRUNCATE ON reports_indicator
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
"""
BACK = """
DROP TRIGGER indicator_rows_stay ON reports_indicator;
DROP TRIGGER indicator_table_stays ON reports_indicator;
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_initial"), ("accounts", "0002_audit_append_only")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
