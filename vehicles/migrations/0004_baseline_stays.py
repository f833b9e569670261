"""A frozen "before" stays what it was, whoever writes: rows are added, never changed."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER baseline_rows_stay BEFORE UPDATE OR DELETE ON vehicles_baseline
    FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER baseline_table_stays BEFORE TRUNCATE ON vehicles_baseline
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
"""
BACK = """
DROP TRIGGER baseline_table_stays ON vehicles_baseline;
DROP TRIGGER baseline_rows_stay ON vehicles_baseline;
"""


class Migration(migrations.Migration):
    dependencies = [("vehicles", "0003_plan_problem"), ("accounts", "0002_audit_append_only")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
