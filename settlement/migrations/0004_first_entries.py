"""What was there before funds, factors and books: each county with policies gets a fund of its own, the three rates by
terrain become a base rate and two multipliers, and the lines are posted in one opening entry."""

from decimal import Decimal

from django.db import migrations
from django.db.models import Sum
from django.utils import timezone


def forward(apps, schema_editor):
    Fund, Policy, Factor, Line, Entry, Posting = (
        apps.get_model("settlement", name)
        for name in ("Fund", "Policy", "PolicyFactor", "Line", "JournalEntry", "Posting")
    )
    now = timezone.now()
    run = schema_editor.execute
    run("ALTER TABLE settlement_policy DISABLE TRIGGER policy_stays")
    run("ALTER TABLE settlement_line DISABLE TRIGGER line_rows_stay")
    for county in Policy.objects.order_by().values_list("county_code", flat=True).distinct():
        fund = Fund.objects.create(
            county_code=county, number="FUND-1", name="村级寄递补贴专项资金", source="", budget=0, created_at=now
        )
        for policy in Policy.objects.filter(county_code=county):
            policy.fund, policy.rate_delivery = fund, policy.rate_plain
            policy.save(update_fields=["fund", "rate_delivery"])
            for terrain, rate in (("hill", policy.rate_hill), ("mountain", policy.rate_mountain)):
                multiplier = (rate / policy.rate_plain).quantize(Decimal("0.000001"))
                if multiplier != 1:
                    Factor.objects.create(policy=policy, kind="terrain", key=terrain, multiplier=multiplier)
        sums = list(
            Line.objects.filter(county_code=county)
            .order_by()
            .values("station_id", "period")
            .annotate(yuan=Sum("amount"))
            .exclude(yuan=0)
        )
        entry = Entry.objects.create(county_code=county, source_key="opening:1", kind="opening", at=now)
        for row in sums:
            of_whom = {
                "county_code": county,
                "entry": entry,
                "fund": fund,
                "station_id": row["station_id"],
                "period": row["period"],
            }
            Posting.objects.create(account="accrued", amount=-row["yuan"], **of_whom)
            Posting.objects.create(account="subsidy", amount=row["yuan"], **of_whom)
        Line.objects.filter(county_code=county).update(entry=entry)
    run("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks still to come can't be altered
    run("ALTER TABLE settlement_policy ENABLE TRIGGER policy_stays")
    run("ALTER TABLE settlement_line ENABLE TRIGGER line_rows_stay")


class Migration(migrations.Migration):
    dependencies = [("settlement", "0003_statements")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
