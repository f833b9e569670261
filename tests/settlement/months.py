"""A settlement month in a few words: lines as the run writes them, and the people who pass the month on."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count

from accounts.roles import Role
from common.ids import uuid7
from orders.models import Parcel
from settlement import services
from settlement.models import Hold, Line, Period, Policy, Statement
from settlement.services.books import Leg, post
from settlement.services.funds import appropriate
from settlement.states import Account, EvidenceClass, HoldReason, PaidService
from stations.models import Station
from tests.conftest import County, make_member

OCTOBER = date(2026, 10, 1)
FREEZE = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)  # a Monday
AFTER_NOTICE = datetime(2026, 11, 10, 4, 0, tzinfo=UTC)
_runs = count(1)


def make_line(
    county: County,
    policy: Policy,
    station: Station,
    amount: str = "0.4000",
    *,
    month: date = OCTOBER,
    at: datetime | None = None,
    evidence_class: str = EvidenceClass.A,
    held: str = "",
    evidence: list | None = None,
) -> Line:
    """One parcel's accrual with its entry; `held`: the reason it waits for."""
    number = next(_runs)
    at = at or datetime(month.year, month.month, 20, 4, 0, tzinfo=UTC)
    parcel = Parcel.objects.create(
        county_code=county.code,
        carrier_id="ZTO",
        waybill_no=f"7319{number:010d}",
        village=county.regions["v1"],
        destination=station,
        created_at=at,
    )
    yuan = Decimal(amount)
    entry = post(
        county_code=county.code,
        source_key=f"settle:{1000 + number}",
        legs=[
            Leg(Account.SUBSIDY, yuan, policy.fund_id),
            Leg(Account.ACCRUED, -yuan, policy.fund_id, station.pk, month),
        ],
        at=at,
    )
    line = Line.objects.create(
        county_code=county.code,
        policy=policy,
        parcel=parcel,
        station=station,
        service=PaidService.OUTLET_DELIVERY,
        turn=0,
        period=month,
        effective_at=at,
        rate=yuan if yuan < 2 else Decimal("0.3"),
        amount=yuan,
        evidence_class=evidence_class,
        reasons=[],
        evidence=evidence or [uuid7(int(at.timestamp() * 1000), number)],
        entry=entry,
        created_at=at + timedelta(minutes=1),
    )
    if held:
        Hold.objects.create(county_code=county.code, line=line, station=station, reason=HoldReason(held), opened_at=at)
    return line


def give_money(county: County, fund, yuan: str, document: str = "拨款1号") -> None:
    appropriate(
        fund_id=fund.pk,
        document=document,
        amount=Decimal(yuan),
        received_on=date(2026, 1, 5),
        by=county.people["clerk"],
        at=datetime(2026, 1, 5, 4, 0, tzinfo=UTC),
    )


def township2(county: County):
    """The manager of the second township, where o3 is."""
    people = county.people
    if "township2" not in people:
        people["township2"] = make_member("township2", Role.TOWNSHIP_MANAGER, county.code, region=county.regions["t2"])
    return people["township2"]


def freeze(county: County, month: date = OCTOBER, at: datetime = FREEZE) -> Period:
    return services.freeze_period(county_code=county.code, month=month, by=county.people["clerk"], at=at)


def compute(county: County, month: date = OCTOBER, at: datetime = FREEZE) -> Period:
    return services.compute_period(county_code=county.code, month=month, by=county.people["clerk"], at=at)


def check_all(county: County, month: date = OCTOBER, at: datetime = FREEZE) -> None:
    """Every outlet agrees, the township passes them."""
    for row in Statement.objects.filter(county_code=county.code, period=month).order_by("pk"):
        services.confirm_statement(statement_id=row.pk, by=county.people["operator"], at=at)
    ids = Statement.objects.filter(county_code=county.code, period=month).values_list("pk", flat=True)
    services.check_statements(ids=list(ids), by=county.people["township"], at=at)


def publicise(county: County, month: date = OCTOBER, at: datetime = FREEZE) -> Period:
    """Frozen, computed, checked, reviewed and put up."""
    freeze(county, month, at)
    compute(county, month, at)
    check_all(county, month, at)
    services.review_period(county_code=county.code, month=month, by=county.people["officer"], at=at)
    return services.publicise_period(county_code=county.code, month=month, by=county.people["clerk"], at=at)


def approve(county: County, month: date = OCTOBER, at: datetime = AFTER_NOTICE) -> Period:
    return services.approve_period(county_code=county.code, month=month, by=county.people["approver"], at=at)
