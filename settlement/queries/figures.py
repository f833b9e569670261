"""A month's figures out of its lines and adjustments, what marks compare them with, how a short fund is shared."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from operator import or_

from django.db.models import Q, Sum

from common import clock, sql
from settlement.models import Adjustment, OutletAccount, Policy, Statement
from stations.models import StationTransition
from stations.states import StationState

ZERO = Decimal(0)
# flags by which a statement stands first and is never ticked beforehand; the others ("no_account", "new_outlet") are
# good to know and say nothing about the sum
MARKS = ("negative", "change", "class_b", "typed", "held", "closed", "cap", "shortfall")


@dataclass(frozen=True)
class Figures:
    """An outlet's month out of one fund, as the lines and adjustments say it now; yuan."""

    station_id: int
    fund_id: int
    parcels: int  # accruals less reversals
    accruals: int
    weaker: int  # accruals of class B or C
    lines_yuan: Decimal
    held_parcels: int
    held_yuan: Decimal
    cap_yuan: Decimal
    shortfall_yuan: Decimal
    other_yuan: Decimal
    caps: int  # how many adjustments of the kind there are
    shortfalls: int

    @property
    def key(self) -> tuple[int, int]:
        return self.station_id, self.fund_id

    @property
    def adjusted_yuan(self) -> Decimal:
        return self.cap_yuan + self.shortfall_yuan + self.other_yuan


def figures(county_code: str, month: date) -> list[Figures]:
    """All outlets' figures of a month, by station and fund; one set-based read."""
    found = sql.rows("settlement", "statement_figures", {"county_code": county_code, "month": month})
    return [Figures(**row) for row in found]


def typed_deliveries(county_code: str, month: date) -> dict[int, int]:
    """Outlet → stated parcels with a scan typed at the outlet itself."""
    rows = sql.rows("settlement", "typed_deliveries", {"county_code": county_code, "month": month})
    return {row["station_id"]: row["typed"] for row in rows}


def stated_by_month(county_code: str, month: date) -> dict[tuple[int, int], list[tuple[date, Decimal]]]:
    """(outlet, fund) → what its statement takes up, by the month each line is booked in."""
    found: dict[tuple[int, int], list[tuple[date, Decimal]]] = {}
    for row in sql.rows("settlement", "stated_by_month", {"county_code": county_code, "month": month}):
        found.setdefault((row["station_id"], row["fund_id"]), []).append((row["period"], row["yuan"]))
    return found


def adjusted(county_code: str, month: date) -> dict[tuple[int, int], Decimal]:
    """(outlet, fund) → sum of the month's adjustments, yuan."""
    rows = Adjustment.objects.filter(county_code=county_code, period=month).order_by()
    summed = rows.values("station_id", "fund_id").annotate(yuan=Sum("amount"))
    return {(row["station_id"], row["fund_id"]): row["yuan"] for row in summed}


@dataclass(frozen=True)
class Surroundings:
    """What flags compare a month's figures with."""

    last_month: Mapping[tuple[int, int], Decimal]  # payable, yuan
    seen_before: frozenset[int]  # outlets with a statement of any earlier month
    earlier_months: bool
    closed_on: Mapping[int, date]
    with_account: frozenset[int]
    typed: Mapping[int, int]


def surroundings(county_code: str, month: date) -> Surroundings:
    """Everything the flags of a month need, in six reads."""
    start, end = clock.month_span(month)
    rows = Statement.objects.filter(county_code=county_code)
    last = rows.filter(period=clock.previous_month(month)).values_list("station_id", "fund_id", "payable_yuan")
    seen = frozenset(rows.filter(period__lt=month).values_list("station_id", flat=True).distinct())
    closed = StationTransition.objects.filter(
        station__region__county_code=county_code, to_state=StationState.CLOSED, at__gte=start, at__lt=end
    )
    accounts = OutletAccount.objects.filter(county_code=county_code, confirmed_at__isnull=False)
    return Surroundings(
        last_month={(station, fund): yuan for station, fund, yuan in last},
        seen_before=seen,
        earlier_months=bool(seen),
        closed_on={row.station_id: clock.business_date(row.at) for row in closed.order_by("at")},
        with_account=frozenset(accounts.values_list("station_id", flat=True).distinct()),
        typed=typed_deliveries(county_code, month),
    )


def month_caps(county_code: str, month: date) -> dict[int, Decimal]:
    """Fund → cap per outlet and month, yuan, by the newest policy of the month that is paid out of it."""
    policies = (
        Policy.objects.active()
        .filter(Q(valid_to__isnull=True) | Q(valid_to__gt=month), county_code=county_code)
        .filter(valid_from__lt=clock.next_month(month))
        .order_by("valid_from", "pk")
    )
    newest = {policy.fund_id: policy.month_cap for policy in policies}
    return {fund_id: cap for fund_id, cap in newest.items() if cap is not None}


def marked() -> Q:
    """Statements with a mark."""
    return reduce(or_, (Q(flags__contains=[{"code": code}]) for code in MARKS))


def share_out(wanted: Mapping[tuple[int, int], Decimal], available: Decimal) -> dict[tuple[int, int], Decimal]:
    """`available` yuan over what is wanted (positive, 2 places), each the same share, to the cent: cents that rounding
    leaves over go to the largest remainders, then by key. Nobody gets more than wanted or less than 0."""
    total = sum(wanted.values(), ZERO)
    cents = int(max(available, ZERO) * 100)  # towards zero: a fund is never overdrawn by a fraction of a cent
    if total <= 0 or cents >= int(total * 100):
        return dict(wanted)
    given: dict[tuple[int, int], int] = {}
    rest: list[tuple[Decimal, tuple[int, int]]] = []
    for key in sorted(wanted):
        exact = wanted[key] * cents / total
        given[key] = int(exact)
        rest.append((int(exact) - exact, key))
    for _remainder, key in sorted(rest)[: cents - sum(given.values())]:
        given[key] += 1
    return {key: Decimal(value) / 100 for key, value in given.items()}
