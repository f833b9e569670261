"""What a month of a county stands at: its figures out of the lines, what keeps it from being frozen, whether statements
and ledger agree, and what its funds can pay."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_

from django.db.models import Count, Q, Sum

from common import clock, money, sql
from settlement.models import (
    Adjustment,
    Appeal,
    Fund,
    Hold,
    Line,
    OutletAccount,
    Period,
    Policy,
    Posting,
    Statement,
)
from settlement.queries.books import fund_money
from settlement.states import (
    Account,
    AdjustmentKind,
    AppealState,
    PeriodState,
    ShortfallRule,
    StatementState,
)
from stations.models import StationTransition
from stations.states import StationState
from tracking.models import SetAside, Upload

NOTICE_WORKING_DAYS = 5
SILENCE_DAYS = 5  # after computing: an outlet that says nothing has agreed
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


def period_of(county_code: str, month: date) -> Period | None:
    """The month's row; None while nothing happened to it (it is open)."""
    return Period.objects.filter(county_code=county_code, month=month).first()


# --- before a month can be frozen -----------------------------------------------------------------------------------


def open_set_asides(county_code: str, month: date) -> int:
    """Scans received in the month that nobody decided about; by setaside_open."""
    start, end = clock.month_span(month)
    return SetAside.objects.filter(
        county_code=county_code, closed_at__isnull=True, received_at__gte=start, received_at__lt=end
    ).count()


def unread_scans(county_code: str, month: date) -> int:
    """Scans received before the month's end that wait to be folded; by upload_to_fold."""
    _start, end = clock.month_span(month)
    rows = Upload.objects.unfolded().filter(county_code=county_code, received_at__lt=end)
    return rows.aggregate(scans=Sum("event_count"))["scans"] or 0


def unread_parcels(county_code: str, month: date) -> bool:
    """Whether a parcel delivered by the month's end was folded since settlement last read."""
    _start, end = clock.month_span(month)
    return bool(sql.value("settlement", "unread_parcels", {"county_code": county_code, "end": end}))


# --- what a statement is flagged with --------------------------------------------------------------------------------


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


# --- what the funds can pay ------------------------------------------------------------------------------------------


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


@dataclass(frozen=True)
class FundPreview:
    """A fund and a month that is not approved yet. `wanted`: positive statements before a share is cut; `cut`: what
    the pro-rata rule takes off; `waiting`: statements the money doesn't reach (rule "queue"), in order."""

    fund: Fund
    available: Decimal
    wanted: Decimal
    cut: Decimal
    waiting: tuple[Statement, ...] = ()

    @property
    def granted(self) -> Decimal:
        return self.wanted - self.cut

    @property
    def after(self) -> Decimal:
        return self.available - self.granted + self.waiting_yuan

    @property
    def short(self) -> bool:
        return self.wanted > self.available

    @property
    def waiting_yuan(self) -> Decimal:
        return sum((row.payable_yuan for row in self.waiting), ZERO)


def fund_previews(county_code: str, month: date) -> list[FundPreview]:
    """What approving the month does to each fund it is paid from."""
    rows = list(
        Statement.objects.filter(county_code=county_code, period=month)
        .select_related("fund", "station")
        # the order in which payments are made: by outlet, as the batches are
        .order_by("fund_id", "station__code", "pk")
    )
    cuts = dict(
        Adjustment.objects.filter(county_code=county_code, period=month, kind=AdjustmentKind.SHORTFALL)
        .order_by()
        .values_list("fund_id")
        .annotate(yuan=Sum("amount"))
    )
    previews = []
    for fund in {row.fund_id: row.fund for row in rows}.values():
        mine = [row for row in rows if row.fund_id == fund.pk]
        positive = [row for row in mine if row.payable_yuan > 0]
        cut = money.statement_yuan(-cuts.get(fund.pk, ZERO))
        granted = sum((row.payable_yuan for row in positive), ZERO)
        available = fund_money(fund).available
        if all(row.state in APPROVED_STATES for row in mine):
            available += sum((row.payable_yuan for row in mine), ZERO)  # as it was before the approval
        waiting: list[Statement] = []
        left = available
        for row in positive if fund.shortfall == ShortfallRule.QUEUE else ():
            if row.payable_yuan > left:
                waiting.append(row)
            else:
                left -= row.payable_yuan
        previews.append(FundPreview(fund, available, granted + cut, cut, tuple(waiting)))
    return previews


APPROVED_STATES = (StatementState.APPROVED, StatementState.IN_BATCH, StatementState.PAID, StatementState.FAILED)


# --- totals ----------------------------------------------------------------------------------------------------------


def marked() -> Q:
    """Statements with a mark."""
    return reduce(or_, (Q(flags__contains=[{"code": code}]) for code in MARKS))


@dataclass(frozen=True)
class PeriodTotals:
    """A month's statements summed; yuan."""

    outlets: int = 0
    statements: int = 0
    parcels: int = 0
    exact: Decimal = ZERO
    payable: Decimal = ZERO
    held_parcels: int = 0
    held: Decimal = ZERO
    flagged: int = 0
    states: Mapping[str, int] = field(default_factory=dict)


def period_totals(county_code: str, months: Iterable[date]) -> dict[date, PeriodTotals]:
    """Totals by month, for months that have statements."""
    rows = Statement.objects.filter(county_code=county_code, period__in=list(months)).order_by()
    sums = rows.values("period").annotate(
        outlets=Count("station_id", distinct=True),
        statements=Count("id"),
        parcels=Sum("parcels"),
        exact=Sum("lines_yuan") + Sum("adjusted_yuan"),
        payable=Sum("payable_yuan"),
        held_parcels=Sum("held_parcels"),
        held=Sum("held_yuan"),
        flagged=Count("id", filter=marked()),
    )
    states: dict[date, dict[str, int]] = {}
    for month, state, count in rows.values_list("period", "state").annotate(count=Count("id")):
        states.setdefault(month, {})[state] = count
    return {row.pop("period"): PeriodTotals(**row, states=states[month]) for row in sums if (month := row["period"])}


def lines_so_far(county_code: str, months: Iterable[date]) -> dict[date, PeriodTotals]:
    """What months without statements come to by now, held lines included; one read of line_by_statement."""
    rows = Line.objects.filter(county_code=county_code, period__in=list(months)).order_by().values("period")
    reversals = Count("id", filter=Q(reversed_turn__isnull=False))
    summed = rows.annotate(
        yuan=Sum("amount"), parcels=Count("id") - 2 * reversals, outlets=Count("station_id", distinct=True)
    )
    return {
        row["period"]: PeriodTotals(
            outlets=row["outlets"], parcels=row["parcels"], exact=row["yuan"], payable=money.statement_yuan(row["yuan"])
        )
        for row in summed
    }


def digest(county_code: str, month: date) -> str:
    """SHA-256 over all figures of a month's statements in order: two computations of the same say the same."""
    rows = (
        Statement.objects.filter(county_code=county_code, period=month)
        .order_by("station__code", "fund__number")
        .values_list(
            "station__code",
            "fund__number",
            "parcels",
            "lines_yuan",
            "adjusted_yuan",
            "held_parcels",
            "held_yuan",
            "payable_yuan",
        )
    )
    return hashlib.sha256("\n".join("|".join(map(str, row)) for row in rows).encode()).hexdigest()


@dataclass(frozen=True)
class LedgerCheck:
    """Three independent sums of one month, yuan: the statements, the lines and adjustments, the ledger's postings."""

    statements: Decimal
    lines: Decimal
    held: Decimal  # of the month, not stated in it
    earlier: Decimal  # booked in an earlier month, stated in this one
    ledger: Decimal  # accrued in the ledger for the month, whether or not cleared since
    approved: Decimal  # what the statements' entries made payable
    payable: Decimal  # the statements, rounded, that are approved

    @property
    def difference(self) -> Decimal:
        return self.ledger - (self.statements + self.held - self.earlier)

    @property
    def agrees(self) -> bool:
        return not self.difference and self.statements == self.lines and self.approved == self.payable


def ledger_check(county_code: str, month: date) -> LedgerCheck:
    """Whether Σ statements = Σ lines + Σ adjustments = what the ledger accrued; each read from its own table."""
    rows = Statement.objects.filter(county_code=county_code, period=month)
    statements = rows.aggregate(lines=Sum("lines_yuan"), adjusted=Sum("adjusted_yuan"))
    found = figures(county_code, month)
    earlier = sum(
        (yuan for parts in stated_by_month(county_code, month).values() for booked, yuan in parts if booked != month),
        ZERO,
    )
    postings = Posting.objects.filter(county_code=county_code)
    accrued = postings.filter(account=Account.ACCRUED, period=month).exclude(entry__kind="statement")
    approved = postings.filter(
        account=Account.PAYABLE,
        entry__source_key__in=[f"statement:{pk}" for pk in rows.values_list("pk", flat=True)],
    )
    return LedgerCheck(
        statements=(statements["lines"] or ZERO) + (statements["adjusted"] or ZERO),
        lines=sum((row.lines_yuan + row.adjusted_yuan for row in found), ZERO),
        held=sum((row.held_yuan for row in found), ZERO),
        earlier=earlier,
        ledger=-(accrued.aggregate(yuan=Sum("amount"))["yuan"] or ZERO),
        approved=-(approved.aggregate(yuan=Sum("amount"))["yuan"] or ZERO),
        payable=rows.filter(state__in=APPROVED_STATES).aggregate(yuan=Sum("payable_yuan"))["yuan"] or ZERO,
    )


def figures_changed(county_code: str, month: date) -> int:
    """Statements whose figures aren't what lines and adjustments say any more (a line held since, say)."""
    stored = {
        (row.station_id, row.fund_id): (row.lines_yuan, row.adjusted_yuan, row.parcels)
        for row in Statement.objects.filter(county_code=county_code, period=month)
    }
    now = {row.key: (row.lines_yuan, row.adjusted_yuan, row.parcels) for row in figures(county_code, month)}
    return sum(stored.get(key, (ZERO, ZERO, 0)) != now.get(key, (ZERO, ZERO, 0)) for key in stored.keys() | now.keys())


def open_appeals(county_code: str, month: date) -> int:
    """Objections to a month's notice or statements that nobody answered."""
    return Appeal.objects.filter(county_code=county_code, period=month, state=AppealState.OPEN).count()


def months_of(county_code: str, at: datetime) -> list[date]:
    """Months with lines or a period's row, newest first; at most five years."""
    ends = [
        Line.objects.filter(county_code=county_code).order_by("period").values_list("period", flat=True).first(),
        Period.objects.filter(county_code=county_code).order_by("month").values_list("month", flat=True).first(),
        Adjustment.objects.filter(county_code=county_code).order_by("period").values_list("period", flat=True).first(),
    ]
    first = min((month for month in ends if month), default=None)
    if first is None:
        return []
    months = [clock.month_of(at)]
    while months[-1] > first and len(months) < 60:
        months.append(clock.previous_month(months[-1]))
    return months


def notice_end(day: date) -> date:
    """The last of five working days after `day`. Working days are Monday to Friday: public holidays and the working
    weekends that make up for them aren't known here, so that a notice over a holiday is shorter than it looks. The
    county publishes after the holiday then."""
    left = NOTICE_WORKING_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    return day


def open_holds(county_code: str, month: date) -> int:
    """Lines of the month that wait for a decision."""
    return Hold.objects.filter(county_code=county_code, closed_at__isnull=True, line__period=month).count()


def is_over(period: Period | None) -> bool:
    """Whether a month was approved: nothing of it goes back any more."""
    return period is not None and period.state in (PeriodState.APPROVED, PeriodState.PAYING, PeriodState.CLOSED)
