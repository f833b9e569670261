"""Lines, holds and statements as the engine and the months leave them, for tests of what follows on them."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count

from django.db.models import Sum

from common.ids import uuid7
from orders.models import Parcel
from settlement.models import Clawback, Hold, Line, Period, Policy, Statement
from settlement.services.books import Leg, post
from settlement.services.clawbacks import notify_clawback, propose_clawback
from settlement.states import Account, ClawbackCause, HoldReason, PaidService, PeriodState, StatementState
from stations.models import Station
from tests.conftest import NOW, County, make_parcel
from tests.settlement.people import make_fund, make_policy

MONTH = date(2026, 10, 1)
NEXT = date(2026, 11, 1)
YUAN = Decimal("0.4000")
_numbers = count(1)


def policy_of(county: County) -> Policy:
    return Policy.objects.filter(county_code=county.code).first() or make_policy(county)


def make_line(
    county: County,
    *,
    station: Station | None = None,
    parcel: Parcel | None = None,
    period: date = MONTH,
    at: datetime | None = None,
    amount: Decimal = YUAN,
    held: str = "",
    evidence: list | None = None,
) -> Line:
    """An accrual of `amount` yuan with its entry; `held`: the reason of an open hold."""
    number = next(_numbers)
    policy = policy_of(county)
    station = station or county.o1
    entry = post(
        county_code=county.code,
        source_key=f"test:{number}",
        legs=[
            Leg(Account.SUBSIDY, amount, policy.fund_id),
            Leg(Account.ACCRUED, -amount, policy.fund_id, station.pk, period),
        ],
        at=NOW,
    )
    line = Line.objects.create(
        county_code=county.code,
        policy=policy,
        parcel=parcel or make_parcel(county, f"7319055{number:07d}"),
        station=station,
        service=PaidService.OUTLET_DELIVERY,
        turn=0,
        period=period,
        effective_at=at or NOW - timedelta(days=30),
        rate=Decimal("0.3"),
        amount=amount,
        reasons=[{"code": "base", "service": "outlet_delivery", "rate": "0.3000", "policy": policy.number}],
        evidence=evidence or [uuid7()],
        entry=entry,
        created_at=NOW,
    )
    if held:
        Hold.objects.create(county_code=county.code, line=line, station=station, reason=held, opened_at=NOW)
    return line


def make_hold(county: County, reason: str = HoldReason.NO_ARRIVAL, **values) -> Hold:
    return make_line(county, held=reason, **values).hold


def make_period(county: County, state: str = PeriodState.PUBLICISED, month: date = MONTH, **values) -> Period:
    """A month past `open`, prepared by the clerk, with its notice up to NOW's day plus five."""
    row = {
        "state": state,
        "frozen_at": NOW,
        "prepared_by": county.people["clerk"],
        "publicised_at": NOW,
        "notice_until": NOW.date() + timedelta(days=5),
    }
    return Period.objects.create(county_code=county.code, month=month, **{**row, **values})


def make_statement(
    county: County, *, station: Station | None = None, state: str = StatementState.PAID, month: date = MONTH
) -> Statement:
    """The statement over what the outlet's lines of the month say."""
    station = station or county.o1
    lines = Line.objects.filter(county_code=county.code, station=station, period=month)
    yuan = lines.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    return Statement.objects.create(
        county_code=county.code,
        period=month,
        station=station,
        fund=make_fund(county),
        parcels=lines.count(),
        lines_yuan=yuan,
        payable_yuan=yuan.quantize(Decimal("0.01")),
        state=state,
        computed_at=NOW,
    )


def make_clawback(county: County, *, by: str | None = "township", told: bool = False, **values) -> Clawback:
    """A clawback of a paid line at 大池, proposed by that person (None: by the clock), told to the outlet or not."""
    line = make_line(county, **values)
    make_statement(county, station=line.station)
    if not Period.objects.filter(county_code=county.code, month=MONTH).exists():
        make_period(county, PeriodState.CLOSED)
    row = propose_clawback(
        line_id=line.pk,
        cause=ClawbackCause.FALSE_SIGNATURE,
        reason="收件人说没有收到",
        evidence=[],
        by=county.people[by] if by else None,
        at=NOW,
    )
    return notify_clawback(clawback_id=row.pk, by=county.people["clerk"], at=NOW) if told else row
