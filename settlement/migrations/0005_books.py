"""What keeps the books honest whoever writes them: entries balance when their transaction ends, and nothing that was
appended is changed. The old columns go."""

from decimal import Decimal

from django.db import migrations, models
import django.db.models.deletion

APPENDED = ("journalentry", "posting", "appropriation", "adjustment", "transition", "outletfact", "outletmonth")
FORWARD = """
-- Deferred: the postings of an entry come one after the other, the sum is looked at once they are all there.
CREATE FUNCTION settlement_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entry bigint := CASE TG_TABLE_NAME WHEN 'settlement_posting' THEN (to_jsonb(NEW)->>'entry_id')::bigint ELSE NEW.id END;
    legs integer;
    total numeric;
BEGIN
    SELECT count(*), sum(amount) INTO legs, total FROM settlement_posting WHERE entry_id = entry;
    -- an entry without postings says that there was nothing to post: all its lines cancelled out
    IF legs = 1 OR total <> 0 THEN
        RAISE EXCEPTION 'entry % does not balance: % postings sum to %', entry, legs, total
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER posting_balances AFTER INSERT ON settlement_posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION settlement_entry_balances();

-- A policy in force keeps its factors.
CREATE FUNCTION settlement_factor_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM settlement_policy p
               WHERE p.id = COALESCE(NEW.policy_id, OLD.policy_id) AND p.state = 'active') THEN
        RAISE EXCEPTION 'a policy in force keeps its factors: % refused', TG_OP USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER factor_stays BEFORE INSERT OR UPDATE OR DELETE ON settlement_policyfactor
    FOR EACH ROW EXECUTE FUNCTION settlement_factor_stays();
""" + "".join(
    f"""
CREATE TRIGGER {table}_rows_stay BEFORE UPDATE OR DELETE ON settlement_{table}
    FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER {table}_table_stays BEFORE TRUNCATE ON settlement_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
"""
    for table in APPENDED
)
BACK = (
    "".join(
        f"DROP TRIGGER {table}_rows_stay ON settlement_{table}; DROP TRIGGER {table}_table_stays ON settlement_{table};"
        for table in APPENDED
    )
    + """
DROP TRIGGER factor_stays ON settlement_policyfactor;
DROP FUNCTION settlement_factor_stays();
DROP TRIGGER posting_balances ON settlement_posting;
DROP FUNCTION settlement_entry_balances();
"""
)


class Migration(migrations.Migration):
    dependencies = [("settlement", "0004_first_entries")]
    operations = [
        migrations.RemoveField(model_name="policy", name="rate_plain"),
        migrations.RemoveField(model_name="policy", name="rate_hill"),
        migrations.RemoveField(model_name="policy", name="rate_mountain"),
        migrations.AlterField(
            model_name="policy",
            name="rate_delivery",
            field=models.DecimalField(decimal_places=4, max_digits=6, verbose_name="base rate of a delivery, yuan"),
        ),
        migrations.AlterField(
            model_name="policy",
            name="fund",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="policies",
                to="settlement.fund",
                verbose_name="fund",
            ),
        ),
        migrations.AlterField(
            model_name="line",
            name="entry",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="lines",
                to="settlement.journalentry",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(condition=models.Q(("rate_delivery__gt", 0), ("rate_delivery__lte", Decimal("2.0000")), models.Q(("rate_collection__isnull", True), models.Q(("rate_collection__gt", 0), ("rate_collection__lte", Decimal("2.0000"))), _connector="OR")), name="policy_rates_in_bounds"),
        ),
        migrations.RunSQL(FORWARD, BACK),
    ]
