"""What keeps the lines honest whoever writes them: append-only, a reversal's key to what it reverses, turns without a
gap, and a policy in force that nothing changes but an earlier end."""

from django.db import migrations

FORWARD = """
ALTER TABLE settlement_line ADD CONSTRAINT line_reverses_the_turn_before
    FOREIGN KEY (county_code, parcel_id, service, reversed_turn)
    REFERENCES settlement_line (county_code, parcel_id, service, turn);

CREATE TRIGGER line_rows_stay BEFORE UPDATE OR DELETE ON settlement_line
    FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER line_table_stays BEFORE TRUNCATE ON settlement_line
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- After the statement, so that a reversal and the accrual that follows it may come in one INSERT. First turns, nearly
-- all lines, never get here.
CREATE FUNCTION settlement_line_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before settlement_line;
BEGIN
    SELECT * INTO before FROM settlement_line
        WHERE county_code = NEW.county_code AND parcel_id = NEW.parcel_id AND service = NEW.service AND turn = NEW.turn - 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'turn % has no turn before it', NEW.turn USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.turn % 2 = 1 AND (before.policy_id, before.station_id, before.rate, before.amount)
            IS DISTINCT FROM (NEW.policy_id, NEW.station_id, NEW.rate, -NEW.amount) THEN
        RAISE EXCEPTION 'a reversal repeats what it reverses, with the other sign'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER line_follows AFTER INSERT ON settlement_line
    FOR EACH ROW WHEN (NEW.turn > 0) EXECUTE FUNCTION settlement_line_follows();

CREATE FUNCTION settlement_policy_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'active' THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'valid_to' = to_jsonb(OLD) - 'valid_to'
            AND NEW.valid_to <= COALESCE(OLD.valid_to, 'infinity') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a policy in force may only end earlier: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER policy_stays BEFORE UPDATE OR DELETE ON settlement_policy
    FOR EACH ROW EXECUTE FUNCTION settlement_policy_stays();
"""
BACK = """
DROP TRIGGER policy_stays ON settlement_policy;
DROP FUNCTION settlement_policy_stays();
DROP TRIGGER line_follows ON settlement_line;
DROP FUNCTION settlement_line_follows();
DROP TRIGGER line_table_stays ON settlement_line;
DROP TRIGGER line_rows_stay ON settlement_line;
ALTER TABLE settlement_line DROP CONSTRAINT line_reverses_the_turn_before;
"""


class Migration(migrations.Migration):
    dependencies = [("settlement", "0001_initial"), ("accounts", "0002_audit_append_only")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
