"""Recomputing: what all scans give now is what stands, whatever happened since; and what isn't, is found."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from settlement.models import Line, OutletFact, OutletMonth, Period
from settlement.queries.books import stated_lines
from settlement.services import activate_policy, recompute, settle
from settlement.services.lines import reverse_line
from settlement.states import FactKind, FactorKind
from tests.conftest import NOW
from tests.settlement.people import make_draft, make_policy
from tests.settlement.test_settle import HOUR, correct, deliver, run

pytestmark = pytest.mark.django_db
OCTOBER = date(2026, 10, 1)
THEN = datetime(2026, 10, 12, 4, 0, tzinfo=UTC)


def drift(county) -> tuple[int, Decimal]:
    found = recompute(county.code)
    return found.lines, found.yuan


def totals(county, month: date) -> bytes:
    """A month's sums outlet by outlet, and the seals of its lines, as they would be printed."""
    rows = stated_lines(county.code, month).order_by("station_id", "parcel_id", "turn")
    return json.dumps(
        [(row.station_id, row.parcel_id, row.turn, str(row.amount), bytes(row.line_hash).hex()) for row in rows]
    ).encode()


def test_what_was_settled_is_what_the_scans_give(county):
    make_policy(county)
    for number, outlet in enumerate(("FD-O1", "FD-O2", "FD-O3")):
        deliver(county, f"7319055310250{number}", outlet=outlet)
    run(county)
    assert drift(county) == (0, 0)
    assert Line.objects.count() == 3


def test_it_writes_nothing(county):
    make_policy(county)
    deliver(county, "73190553102501")
    found = recompute(county.code)
    assert (found.lines, found.pending) == (0, 1)  # a county that wasn't settled yet has no drift
    assert not Line.objects.exists()
    assert not OutletMonth.objects.exists()


def test_a_line_the_scans_do_not_give_is_found(county, capsys):
    make_policy(county)
    signed = deliver(county, "73190553102501")
    deliver(county, "73190553102502")
    run(county)
    correct(county, signed, NOW + HOUR)
    found = recompute(county.code)
    assert (found.lines, found.yuan) == (1, Decimal("0.3000"))
    assert (found.samples[0].stood, found.samples[0].wanted) == (Decimal("0.3000"), 0)
    with pytest.raises(CommandError, match="1 lines"):
        call_command("recompute_settlement", county.code)
    assert "0.3000 stands, the scans give 0" in capsys.readouterr().out
    run(county)
    call_command("recompute_settlement", county.code)


def test_a_wrong_amount_is_found(county):
    make_policy(county)
    deliver(county, "73190553102501")
    run(county)
    with connection.cursor() as db:
        db.execute("ALTER TABLE settlement_line DISABLE TRIGGER line_rows_stay")
        db.execute("UPDATE settlement_line SET amount = 0.31")
        db.execute("SET CONSTRAINTS ALL IMMEDIATE")
        db.execute("ALTER TABLE settlement_line ENABLE TRIGGER line_rows_stay")
    assert drift(county) == (1, Decimal("0.0100"))


def test_what_a_person_took_back_is_left_out(county):
    make_policy(county)
    deliver(county, "73190553102501")
    run(county)
    reverse_line(line=Line.objects.get(), by=county.people["approver"], at=NOW)
    assert drift(county) == (0, 0)


def test_rates_rest_on_what_was_kept(county):
    policy = make_draft(county)
    policy.factors.create(kind=FactorKind.GRADE, key="A", multiplier=Decimal("1.1"))
    policy.host_kinds = [county.o1.host_kind]
    policy.save(update_fields=["host_kinds"])
    activate_policy(policy_id=policy.pk, by=county.people["approver"], at=NOW)
    deliver(county, "73190553102501")
    run(county)
    region = county.o1.region
    region.terrain = "mountain"
    region.save(update_fields=["terrain"])
    county.o1.host_kind = "school"
    county.o1.save(update_fields=["host_kind"])
    OutletFact.objects.create(
        county_code=county.code,
        station=county.o1,
        kind=FactKind.GRADE,
        grade="A",
        valid_from=NOW.date() + timedelta(days=1),
        reason="年度考核",
        entered_by=county.people["township"],
        entered_at=NOW,
    )
    assert drift(county) == (0, 0)


def test_a_frozen_month_stays_as_it_is_to_the_byte(county):
    make_policy(county)
    signed = deliver(county, "73190553102501", at=THEN)
    deliver(county, "73190553102502", at=THEN, outlet="FD-O3")
    run(county)
    before = totals(county, OCTOBER)
    Period.objects.create(county_code=county.code, month=OCTOBER, state="frozen")
    correct(county, signed, NOW)
    deliver(county, "73190553102503", at=THEN)
    late = make_draft(county, number="新", valid_from=OCTOBER, rate_delivery=Decimal("0.35"))
    activate_policy(policy_id=late.pk, by=county.people["approver"], at=NOW)
    settle(at=NOW)
    assert totals(county, OCTOBER) == before
    assert Line.objects.filter(period__gt=OCTOBER).count() == 4  # a reversal; two turns re-rated; a late one
    assert drift(county) == (0, 0)
