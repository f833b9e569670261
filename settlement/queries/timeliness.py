"""How long money takes: from the scan to the line, from the month's end to its approval, from there to the bank; and
what waits right now, how long, and since when it waits too long."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Avg, DurationField, ExpressionWrapper, F, Max, Model, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from common import clock, sql
from settlement.models import Appeal, Clawback, FraudCase, Hold, Line, PaymentBatch, Period, Statement
from settlement.states import (
    AppealState,
    BatchState,
    CaseState,
    ClawbackState,
    PeriodState,
    StatementState,
)

OLDEST = 20  # rows shown of each kind


@dataclass(frozen=True)
class Waiting:
    """One thing that waits: for what it is, whose, since when."""

    kind: str
    what: str  # an outlet's name, a batch's number
    month: date | None
    since: datetime
    station_id: int | None = None


@dataclass(frozen=True)
class Queue:
    """All that waits for one step. `limit_days`: after which it is an alarm; `who`: whose turn it is."""

    kind: str
    label: str | Promise
    who: str | Promise
    limit_days: int
    count: int
    oldest: tuple[Waiting, ...]
    at: datetime

    @property
    def oldest_days(self) -> int:
        return (self.at - self.oldest[0].since).days if self.oldest else 0

    @property
    def alarm(self) -> bool:
        return bool(self.oldest) and self.at - self.oldest[0].since > timedelta(days=self.limit_days)


@dataclass(frozen=True)
class _Kind:
    kind: str
    label: str | Promise
    who: str | Promise
    limit_days: int
    rows: Callable[[str], QuerySet[Any]]
    since: str
    month: str = ""


_OUTLET, _TOWNSHIP, _COUNTY = _("the outlet"), _("the township"), _("the county")


def _statements(county_code: str, state: str) -> QuerySet[Statement]:
    return Statement.objects.filter(county_code=county_code, state=state).select_related("station")


# after how many days each wait is an alarm
_KINDS: tuple[_Kind, ...] = (
    _Kind(
        "draft",
        _("Statements the outlet hasn't answered"),
        _OUTLET,
        6,  # after five its silence counts
        lambda code: _statements(code, StatementState.DRAFT),
        "computed_at",
        "period",
    ),
    _Kind(
        "confirmed",
        _("Statements to be checked by the township"),
        _TOWNSHIP,
        3,
        lambda code: _statements(code, StatementState.CONFIRMED),
        "confirmed_at",
        "period",
    ),
    _Kind(
        "appeals",
        _("Objections without an answer"),
        _COUNTY,
        7,
        lambda code: Appeal.objects.filter(county_code=code, state=AppealState.OPEN).select_related("station"),
        "opened_at",
        "period",
    ),
    _Kind(
        "holds",
        _("Held lines without a decision"),
        _COUNTY,
        10,
        lambda code: Hold.objects.filter(county_code=code, closed_at__isnull=True).select_related("station", "line"),
        "opened_at",
        "line.period",
    ),
    _Kind(
        "cases",
        _("Doubts without a decision"),
        _COUNTY,
        14,
        lambda code: FraudCase.objects.filter(
            county_code=code, state__in=[CaseState.RAISED, CaseState.ANSWERED, CaseState.PROPOSED]
        ).select_related("station"),
        "raised_at",
    ),
    _Kind(
        "clawbacks",
        _("Clawbacks that aren't finished"),
        _COUNTY,
        30,
        lambda code: (
            Clawback.objects.filter(county_code=code)
            .exclude(state__in=[ClawbackState.NETTED, ClawbackState.WAIVED])
            .select_related("station")
        ),
        "proposed_at",
    ),
    _Kind(
        "approved",
        _("Approved sums in no payment batch"),
        _COUNTY,
        3,
        lambda code: _statements(code, StatementState.APPROVED).filter(payable_yuan__gt=0),
        "approved_at",
        "period",
    ),
    _Kind(
        "failed",
        _("Failed payments to be sent again"),
        _COUNTY,
        10,
        lambda code: _statements(code, StatementState.FAILED).filter(payable_yuan__gt=0),
        "approved_at",
        "period",
    ),
    _Kind(
        "sent",
        _("Batches without the bank's answer"),
        _COUNTY,
        3,
        lambda code: PaymentBatch.objects.filter(county_code=code, state=BatchState.SENT),
        "sent_at",
    ),
)

# the step a month waits for, since when, days until it is an alarm
_PERIOD_STEPS = {
    PeriodState.FROZEN: ("to_compute", _("Months to be computed"), "frozen_at", 1),
    PeriodState.COMPUTED: ("to_review", _("Months to be reviewed"), "computed_at", 3),
    PeriodState.REVIEWED: ("to_publicise", _("Months to be published"), "reviewed_at", 1),
    PeriodState.PUBLICISED: ("to_approve", _("Months to be approved, their notice over"), "notice_until", 3),
}
_FREEZE_DAYS = 5


def _waiting(kind: _Kind, row: Model) -> Waiting:
    month: Any = row
    for name in kind.month.split(".") if kind.month else ():
        month = getattr(month, name)
    station = getattr(row, "station", None)
    return Waiting(
        kind.kind,
        station.name if station else str(row) if isinstance(row, PaymentBatch) else "",
        month if kind.month else None,
        getattr(row, kind.since),
        station.pk if station else None,
    )


def queues(county_code: str, at: datetime) -> list[Queue]:
    """Everything a county's money waits for, what waits longest first; each by its own index and a count."""
    found = _period_queues(county_code, at)
    for kind in _KINDS:
        rows = kind.rows(county_code).exclude(**{f"{kind.since}__isnull": True}).order_by(kind.since, "pk")
        oldest = [_waiting(kind, row) for row in rows[:OLDEST]]
        if oldest:
            count = len(oldest) if len(oldest) < OLDEST else rows.count()
            found.append(Queue(kind.kind, kind.label, kind.who, kind.limit_days, count, tuple(oldest), at))
    return sorted(found, key=lambda queue: queue.oldest[0].since)


def _period_queues(county_code: str, at: datetime) -> list[Queue]:
    periods = list(Period.objects.filter(county_code=county_code).order_by("month"))
    found = []
    for state, (kind, label, since, days) in _PERIOD_STEPS.items():
        rows = []
        for period in periods:
            moment = getattr(period, since)
            if period.state != state or moment is None:
                continue
            if isinstance(moment, date) and not isinstance(moment, datetime):  # a last day: it is over when it ends
                moment = datetime.combine(moment + timedelta(days=1), time(), clock.SHANGHAI)
            if moment <= at:
                rows.append(Waiting(kind, "", period.month, moment))
        if rows:
            found.append(
                Queue(kind, label, _COUNTY, days, len(rows), tuple(sorted(rows, key=lambda row: row.since)), at)
            )
    touched = {period.month for period in periods if period.state != PeriodState.OPEN}
    first = Line.objects.filter(county_code=county_code).order_by("period").values_list("period", flat=True).first()
    ended = []
    while first is not None and clock.next_month(first) <= clock.business_date(at):
        if first not in touched:
            ended.append(Waiting("to_freeze", "", first, clock.month_span(first)[1]))
        first = clock.next_month(first)
    if ended:
        found.append(
            Queue("to_freeze", _("Months to be frozen"), _COUNTY, _FREEZE_DAYS, len(ended), tuple(ended[:OLDEST]), at)
        )
    return found


def alarms(county_code: str, at: datetime) -> list[Queue]:
    """The queues whose oldest waits longer than it should."""
    return [queue for queue in queues(county_code, at) if queue.alarm]


@dataclass(frozen=True)
class Lag:
    """Of one outlet's month, or the county's: seconds from the delivery, and from the receipt of its scan, to the line;
    half of the parcels were faster than `_p50`, 95 % faster than `_p95`."""

    station_id: int | None
    parcels: int
    delivered_p50: Decimal | None
    delivered_p95: Decimal | None
    received_p50: Decimal | None
    received_p95: Decimal | None


def accrual_lags(county_code: str, month: date) -> tuple[Lag | None, dict[int, Lag]]:
    """The county's and each outlet's; (None, {}) where nothing was delivered."""
    rows = sql.rows("settlement", "accrual_lag", {"county_code": county_code, "month": month})
    lags = [Lag(**row) for row in rows if row["parcels"]]
    county = next((lag for lag in lags if lag.station_id is None), None)
    return county, {lag.station_id: lag for lag in lags if lag.station_id is not None}


@dataclass(frozen=True)
class MonthPace:
    """A month's way: from its end to the approval, from there to the last money; None while it isn't there yet."""

    month: date
    state: str
    approval: timedelta | None
    money: timedelta | None  # mean over its paid statements
    last_money: timedelta | None


def month_paces(county_code: str, months: Iterable[date]) -> list[MonthPace]:
    """How fast each of the months went, newest first."""
    wanted = sorted(months, reverse=True)
    periods = {row.month: row for row in Period.objects.filter(county_code=county_code, month__in=wanted)}
    passed = ExpressionWrapper(F("paid_at") - F("approved_at"), output_field=DurationField())
    paid = {
        row["period"]: row
        for row in Statement.objects.filter(county_code=county_code, period__in=wanted, paid_at__isnull=False)
        .order_by()
        .values("period")
        .annotate(mean=Avg(passed), last=Max(passed))
    }
    paces = []
    for month in wanted:
        period = periods.get(month)
        approved = period.approved_at if period else None
        paces.append(
            MonthPace(
                month,
                period.state if period else PeriodState.OPEN,
                approved - clock.month_span(month)[1] if approved else None,
                paid[month]["mean"] if month in paid else None,
                paid[month]["last"] if month in paid else None,
            )
        )
    return paces


def paid_after(county_code: str, month: date) -> dict[int, timedelta]:
    """Outlet → from the approval of its statement to the money (the slowest fund's)."""
    passed = ExpressionWrapper(F("paid_at") - F("approved_at"), output_field=DurationField())
    rows = Statement.objects.filter(county_code=county_code, period=month, paid_at__isnull=False).order_by()
    return dict(rows.values_list("station_id").annotate(slowest=Max(passed)))
