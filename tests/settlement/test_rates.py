"""From policies and facts to cards: every factor, the facts of the day, and what is kept for good."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from settlement.models import Line, OutletFact, OutletMonth, Period, Statement
from settlement.services import activate_policy
from settlement.states import FactKind, FactorKind, PeriodState
from tests.conftest import NOW, County
from tests.settlement.people import make_draft, make_fund, make_policy
from tests.settlement.test_settle import deliver, run

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 20)
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)


def know(county: County, kind: str, value: object, *, since: date = date(2026, 11, 1)) -> None:
    OutletFact.objects.create(
        county_code=county.code,
        station=county.o1,
        kind=kind,
        valid_from=since,
        reason="实测",
        entered_by=county.people["township"],
        entered_at=NOW - timedelta(days=90),
        **({"grade": value} if kind == FactKind.GRADE else {"value": value}),
    )


def closed_month(county: County, month: date, parcels: int) -> None:
    Period.objects.create(county_code=county.code, month=month, state=PeriodState.CLOSED)
    Statement.objects.create(
        county_code=county.code,
        period=month,
        station=county.o1,
        fund=make_fund(county),
        parcels=parcels,
        lines_yuan=0,
        payable_yuan=0,
        computed_at=NOW,
    )


def in_force(county: County, factors: list[tuple[str, str | int, str]], **values):
    policy = make_draft(county, clamp_min=Decimal("0.01"), clamp_max=Decimal(2), **values)
    policy.factors.all().delete()
    for kind, at, multiplier in factors:
        word = {"key": at} if isinstance(at, str) else {"from_value": at}
        policy.factors.create(kind=kind, multiplier=Decimal(multiplier), **word)
    return activate_policy(policy_id=policy.pk, by=county.people["approver"], at=NOW)


def test_every_factor_and_the_remote_allowance(county):
    closed_month(county, SEPTEMBER, 900)
    closed_month(county, OCTOBER, 1200)
    for kind, value in ((FactKind.GRADE, "A"), (FactKind.DISTANCE, Decimal("31.5")), (FactKind.DENSITY, Decimal(12))):
        know(county, kind, value)
    in_force(
        county,
        [
            (FactorKind.TIER, 0, "1.2"),
            (FactorKind.TIER, 1000, "1.1"),
            (FactorKind.TERRAIN, "plain", "0.9"),
            (FactorKind.DISTANCE, 30, "1.5"),
            (FactorKind.DENSITY, 10, "1.25"),
            (FactorKind.MODEL, "pickup", "0.8"),
            (FactorKind.GRADE, "A", "1.05"),
        ],
        remote_allowance=Decimal("0.1"),
        remote_from_km=Decimal(30),
    )
    deliver(county, "73190553102501")
    run(county)
    line = Line.objects.get()
    exact = Decimal("0.3") * Decimal("1.1") * Decimal("0.9") * Decimal("1.5") * Decimal("1.25") * Decimal("0.8")
    assert line.amount == (exact * Decimal("1.05") + Decimal("0.1")).quantize(Decimal("0.0001"))
    assert line.rate == Decimal("0.3000")
    said = {reason["code"]: reason.get("value") for reason in line.reasons}
    assert said["tier"] == 1200
    assert said["distance"] == "31.5"
    assert [reason["code"] for reason in line.reasons] == [
        "base", "tier", "terrain", "distance", "density", "model", "grade", "remote",
    ]  # fmt: skip


def test_the_facts_of_the_delivery_day_count(county):
    in_force(county, [(FactorKind.GRADE, "A", "1.2"), (FactorKind.GRADE, "B", "1.1")])
    know(county, FactKind.GRADE, "B", since=TODAY - timedelta(days=10))
    know(county, FactKind.GRADE, "A", since=TODAY)
    for number, days in enumerate((12, 10, 1, 0)):
        deliver(county, f"7319055310250{number}", at=NOW - timedelta(days=days))
    run(county)
    paid = [str(one) for one in Line.objects.order_by("effective_at").values_list("amount", flat=True)]
    assert paid == ["0.3000", "0.3300", "0.3300", "0.3600"]


def test_the_volume_is_that_of_the_last_closed_month_of_the_outlet(county):
    tiers = [(FactorKind.TIER, 0, "1"), (FactorKind.TIER, 500, "1.5")]
    in_force(county, tiers, entry_volume=600)
    closed_month(county, SEPTEMBER, 400)
    Period.objects.create(county_code=county.code, month=OCTOBER, state=PeriodState.PAYING)
    deliver(county, "73190553102501")
    deliver(county, "73190553102502", outlet="FD-O2")  # new: the policy's entry volume
    run(county)
    assert dict(Line.objects.values_list("station__code", "amount")) == {
        "FD-O1": Decimal("0.3000"),
        "FD-O2": Decimal("0.4500"),
    }
    kept = OutletMonth.objects.get(station=county.o1)
    assert (kept.month, kept.volume, kept.volume_month) == (date(2026, 11, 1), 400, SEPTEMBER)
    assert OutletMonth.objects.get(station=county.o2).volume is None


def test_a_month_keeps_what_its_first_line_rested_on(county):
    in_force(county, [(FactorKind.TIER, 500, "1.5")])
    deliver(county, "73190553102501")
    run(county)
    closed_month(county, OCTOBER, 800)
    deliver(county, "73190553102502")
    deliver(county, "73190553102503", at=NOW + timedelta(days=12))  # December
    run(county, NOW + timedelta(days=12))
    paid = [str(one) for one in Line.objects.order_by("effective_at", "id").values_list("amount", flat=True)]
    assert paid == ["0.3000", "0.3000", "0.4500"]


def test_who_is_not_eligible_earns_nothing(county):
    in_force(county, [], townships=["500230102"])
    deliver(county, "73190553102501")
    deliver(county, "73190553102502", outlet="FD-O3")
    result = run(county)
    assert (result.accrued, result.no_policy) == (1, 0)
    assert Line.objects.get().station == county.o3


def test_cards_cost_the_same_few_queries_for_one_parcel_and_many(county):
    make_policy(county)
    counts = []
    for first, parcels in ((0, 1), (10, 30)):
        for number in range(first, first + parcels):
            deliver(county, f"731905531025{number:02}", outlet=f"FD-O{number % 3 + 1}")
        with CaptureQueriesContext(connection) as queries:
            run(county)
        counts.append(len(queries))
    assert counts[1] <= counts[0]  # the first run makes the county's cursor too
    assert Line.objects.count() == 31
