"""What a month of a county stands at: its figures out of the lines, what keeps it from being frozen, whether statements
and ledger agree, and what its funds can pay."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum

from common import clock, money, sql
from settlement.models import (
    Adjustment,
    Appeal,
    Fund,
    Line,
    Period,
    Posting,
    Statement,
    Transition,
)
from settlement.queries.books import fund_money
from settlement.queries.figures import ZERO, figures, marked, stated_by_month
from settlement.states import (
    APPROVED_STATEMENTS,
    Account,
    AdjustmentKind,
    AppealState,
    PeriodState,
    ShortfallRule,
)
from stations.models import Region
from stations.states import RegionLevel
from tracking.models import SetAside, Upload

NOTICE_WORKING_DAYS = 5
SILENCE_DAYS = 5  # after computing: an outlet that says nothing has agreed
BEFORE_APPROVAL = (PeriodState.COMPUTED, PeriodState.REVIEWED, PeriodState.PUBLICISED)


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


# --- what the funds can pay ------------------------------------------------------------------------------------------


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
        if all(row.state in APPROVED_STATEMENTS for row in mine):
            available += granted  # as it was before the approval; what some owe never counted
        waiting: list[Statement] = []
        left = available
        for row in positive if fund.shortfall == ShortfallRule.QUEUE else ():
            if waiting or row.payable_yuan > left:  # nobody overtakes: as queries.payments.payment_plan
                waiting.append(row)
            else:
                left -= row.payable_yuan
        previews.append(FundPreview(fund, available, granted + cut, cut, tuple(waiting)))
    return previews


# --- totals ----------------------------------------------------------------------------------------------------------


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
    totals: dict[date, PeriodTotals] = {}
    for row in sums:
        values: dict[str, Any] = {**row}
        month = values.pop("period")
        totals[month] = PeriodTotals(**values, states=states[month])
    return totals


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
        payable=rows.filter(state__in=APPROVED_STATEMENTS).aggregate(yuan=Sum("payable_yuan"))["yuan"] or ZERO,
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


def months_in_work(county_codes: Iterable[str]) -> list[date]:
    """Months whose statements may be answered and checked now."""
    rows = Period.objects.filter(county_code__in=list(county_codes), state__in=BEFORE_APPROVAL)
    return list(rows.values_list("month", flat=True).distinct())


def period_steps(period: Period) -> list[Transition]:
    """Who moved a month when and why, in order."""
    rows = Transition.objects.filter(county_code=period.county_code, entity="period", entity_id=period.pk or 0)
    return list(rows.select_related("by").order_by("pk"))


def township_names(county_code: str) -> dict[str, str]:
    """Code (12 digits) → name of a county's townships."""
    rows = Region.objects.filter(level=RegionLevel.TOWNSHIP, county_code=county_code)
    return dict(rows.values_list("code", "name"))


def is_over(period: Period | None) -> bool:
    """Whether a month was approved: nothing of it goes back any more."""
    return period is not None and period.state in (PeriodState.APPROVED, PeriodState.PAYING, PeriodState.CLOSED)
