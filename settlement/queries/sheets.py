"""What outlets are owed for a month: the list of statements, and one outlet's sheet with everything that makes it up.

A statement takes up its month's lines that were never held, and held ones whose hold was closed into it. Until the
month is computed there is no Statement: then the same lines are summed as they stand, "so far". From then on the stored
row counts, and the sums of its lines are only ever compared with it (services.checks).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Case, Count, F, Q, QuerySet, Sum, When
from django.db.models.functions import Abs

from accounts.models import User
from common import clock
from settlement.models import Adjustment, Clawback, Fund, Hold, Line, Period, Policy, Posting, Statement
from settlement.queries.periods import figures
from settlement.rules import Payable
from settlement.states import Account, PaidService, PeriodState
from stations.models import Region, Station
from stations.scope import scope_of
from stations.states import RegionLevel, StationLevel

ZERO = Decimal(0)
# a parcel counts once however often it was reversed and accrued again: even turns +1, odd turns −1
_PARCELS = Count("id", filter=Q(reversed_turn__isnull=True)) - Count("id", filter=Q(reversed_turn__isnull=False))


@dataclass(frozen=True)
class StatementRow:
    """One outlet's month out of one fund; `statement` is None while the month isn't computed."""

    station: Station
    township: str
    fund: Fund
    parcels: int
    lines_yuan: Decimal
    adjusted_yuan: Decimal
    held_parcels: int
    held_yuan: Decimal
    statement: Statement | None

    @property
    def payable(self) -> Payable:
        return Payable(self.lines_yuan + self.adjusted_yuan)


@dataclass(frozen=True)
class MonthTotals:
    """The last line of a list of statements. What is paid is the sum of rounded statements, so the remainders are
    summed apart."""

    outlets: int
    parcels: int
    lines_yuan: Decimal
    adjusted_yuan: Decimal
    held_parcels: int
    held_yuan: Decimal
    paid: Decimal
    remainder: Decimal

    @property
    def exact(self) -> Decimal:
        return self.lines_yuan + self.adjusted_yuan


def statement_rows(user: User, *, month: date, township_code: str = "", state: str = "") -> list[StatementRow]:
    """A row for each outlet and fund with anything in the month, by township and outlet. `state`: only statements in
    it. Stored ones by statement_once; a county that isn't computed yet by settlement/sql/statement_figures.sql."""
    outlets = Station.objects.visible_to(user, "settlement.read").filter(level=StationLevel.OUTLET)
    if township_code:
        outlets = outlets.filter(township_code=township_code[:9])
    by_id = {row.pk: row for row in outlets}
    counties = scope_of(user, "settlement.read").counties
    names = dict(
        Region.objects.filter(level=RegionLevel.TOWNSHIP, county_code__in=counties).values_list("code", "name")
    )
    stored = list(
        Statement.objects.visible_to(user)
        .filter(county_code__in=counties, period=month, station__in=list(by_id))
        .select_related("fund")
    )
    computed = set(
        Period.objects.filter(county_code__in=counties, month=month)
        .exclude(state__in=[PeriodState.OPEN, PeriodState.FROZEN])
        .values_list("county_code", flat=True)
    ) | {row.county_code for row in stored}
    rows = [
        StatementRow(
            by_id[row.station_id],
            names.get(f"{by_id[row.station_id].township_code}000", ""),
            row.fund,
            row.parcels,
            row.lines_yuan,
            row.adjusted_yuan,
            row.held_parcels,
            row.held_yuan,
            row,
        )
        for row in stored
        if not state or row.state == state
    ]
    for county in counties if not state else ():
        if county not in computed:
            rows += _so_far(county, month, by_id, names)
    return sorted(
        rows, key=lambda row: (row.station.county_code, row.station.township_code, row.station.code, row.fund.number)
    )


def _so_far(county: str, month: date, outlets: dict[int, Station], names: dict[str, str]) -> list[StatementRow]:
    funds = {fund.pk: fund for fund in Fund.objects.filter(county_code=county)}
    return [
        StatementRow(
            station,
            names.get(f"{station.township_code}000", ""),
            funds[found.fund_id],
            found.parcels,
            found.lines_yuan,
            found.adjusted_yuan,
            found.held_parcels,
            found.held_yuan,
            None,
        )
        for found in figures(county, month)
        if (station := outlets.get(found.station_id))
    ]


def month_totals(rows: Iterable[StatementRow]) -> MonthTotals:
    """The sums of a list of statements."""
    rows = list(rows)
    return MonthTotals(
        len({row.station.pk for row in rows}),
        sum(row.parcels for row in rows),
        sum((row.lines_yuan for row in rows), ZERO),
        sum((row.adjusted_yuan for row in rows), ZERO),
        sum(row.held_parcels for row in rows),
        sum((row.held_yuan for row in rows), ZERO),
        sum((row.payable.rounded for row in rows), ZERO),
        sum((row.payable.remainder for row in rows), ZERO),
    )


@dataclass(frozen=True)
class Part:
    """An outlet's month out of one fund: what one statement is, or will be. Yuan; parcels net of what was taken
    back."""

    fund: Fund
    deliveries: int
    deliveries_yuan: Decimal
    collections: int
    collections_yuan: Decimal
    adjusted_yuan: Decimal
    statement: Statement | None

    @property
    def parcels(self) -> int:
        return self.deliveries + self.collections

    @property
    def lines_yuan(self) -> Decimal:
        return self.deliveries_yuan + self.collections_yuan

    @property
    def payable(self) -> Payable:
        return Payable(self.lines_yuan + self.adjusted_yuan)

    @property
    def agrees(self) -> bool:
        """Whether the stored statement still is the sum of its lines and adjustments."""
        return self.statement is None or self.statement.payable_yuan == self.payable.rounded


@dataclass(frozen=True)
class RateRow:
    """Parcels of one service at one price under one policy."""

    policy_number: str
    service: str
    rate: Decimal
    price: Decimal
    parcels: int
    yuan: Decimal

    @property
    def service_label(self) -> str:
        return str(PaidService(self.service).label)


@dataclass(frozen=True)
class Sheet:
    """One outlet's month, whole. `earlier_yuan`: stated here, booked in earlier months; `booked`: what the ledger
    accrued for the outlet and month, read from the postings alone."""

    outlet: Station
    month: date
    period_state: str
    notice_until: date | None
    parts: Sequence[Part]
    adjustments: Sequence[Adjustment]
    held: Sequence[Hold]  # of this month's lines: open ones
    moved: Sequence[Hold]  # of this month's lines: closed, and stated in a later month
    late: Sequence[Hold]  # of earlier months' lines: stated in this one
    policies: Sequence[Policy]
    rates: Sequence[RateRow]
    lines: int
    booked: Decimal

    @property
    def parcels(self) -> int:
        return sum(part.parcels for part in self.parts)

    @property
    def lines_yuan(self) -> Decimal:
        return sum((part.lines_yuan for part in self.parts), ZERO)

    @property
    def adjusted_yuan(self) -> Decimal:
        return sum((part.adjusted_yuan for part in self.parts), ZERO)

    @property
    def exact(self) -> Decimal:
        return self.lines_yuan + self.adjusted_yuan

    @property
    def paid(self) -> Decimal:
        """What reaches the account: each fund's statement rounded by itself."""
        return sum((part.payable.rounded for part in self.parts), ZERO)

    @property
    def remainder(self) -> Decimal:
        return self.exact - self.paid

    @property
    def held_yuan(self) -> Decimal:
        return sum((hold.line.amount for hold in self.held), ZERO)

    @property
    def moved_yuan(self) -> Decimal:
        return sum((hold.line.amount for hold in self.moved), ZERO)

    @property
    def late_yuan(self) -> Decimal:
        return sum((hold.line.amount for hold in self.late), ZERO)

    @property
    def in_books(self) -> bool:
        """Lines of the month and adjustments = postings of the month, each from its own table."""
        return self.booked == self.exact + self.held_yuan + self.moved_yuan - self.late_yuan

    @property
    def is_stated(self) -> bool:
        return any(part.statement for part in self.parts)

    @property
    def is_empty(self) -> bool:
        return not (self.lines or self.held or self.moved or self.adjustments or self.is_stated)


def sheet(user: User, *, station: Station, month: date) -> Sheet:
    """An outlet's month; the caller has checked that the outlet is in the user's scope. A fixed number of queries."""
    county = station.county_code
    holds = list(
        Hold.objects.visible_to(user)
        .filter(Q(line__period=month) | Q(stated_in=month), county_code=county, station=station)
        .select_related("line")
        .order_by("line__effective_at", "pk")
    )
    lines = _stated(user, station, month, holds).order_by()
    sums = {
        row["fund"]: row
        for row in lines.values(fund=F("policy__fund_id")).annotate(
            lines=Count("id"),
            deliveries=_parcels_of(PaidService.OUTLET_DELIVERY),
            deliveries_yuan=_yuan_of(PaidService.OUTLET_DELIVERY),
            collections=_parcels_of(PaidService.OUTLET_COLLECTION),
            collections_yuan=_yuan_of(PaidService.OUTLET_COLLECTION),
        )
    }
    adjustments = list(
        Adjustment.objects.visible_to(user)
        .filter(county_code=county, period=month, station=station)
        .select_related("fund")
        .order_by("pk")
    )
    stored = {
        row.fund_id: row
        for row in Statement.objects.visible_to(user)
        .filter(county_code=county, station=station, period=month)
        .select_related("fund", "confirmed_by", "reviewed_by", "approved_by")
    }
    wanted = {*sums, *stored, *(row.fund_id for row in adjustments)}
    funds = {fund.pk: fund for fund in Fund.objects.filter(county_code=county, pk__in=wanted)} if wanted else {}
    period = Period.objects.filter(county_code=county, month=month).first()
    booked = Posting.objects.filter(county_code=county, account=Account.ACCRUED, station=station, period=month)
    return Sheet(
        outlet=station,
        month=month,
        period_state=period.state if period else PeriodState.OPEN,
        notice_until=period.notice_until if period else None,
        parts=[
            Part(
                fund=fund,
                deliveries=sums[pk]["deliveries"] if pk in sums else 0,
                deliveries_yuan=sums[pk]["deliveries_yuan"] if pk in sums else ZERO,
                collections=sums[pk]["collections"] if pk in sums else 0,
                collections_yuan=sums[pk]["collections_yuan"] if pk in sums else ZERO,
                adjusted_yuan=sum((row.amount for row in adjustments if row.fund_id == pk), ZERO),
                statement=stored.get(pk),
            )
            for pk, fund in sorted(funds.items(), key=lambda item: item[1].number)
        ],
        adjustments=adjustments,
        held=[hold for hold in holds if hold.line.period == month and hold.closed_at is None],
        moved=[hold for hold in holds if hold.line.period == month and hold.closed_at and hold.stated_in != month],
        late=[hold for hold in holds if hold.line.period != month],
        policies=list(
            Policy.objects.active()
            .filter(county_code=county, valid_from__lt=clock.next_month(month))
            .filter(Q(valid_to__isnull=True) | Q(valid_to__gt=month))
            .order_by("valid_from")
        ),
        rates=_rates(lines),
        lines=sum(row["lines"] for row in sums.values()),
        booked=-(booked.exclude(entry__kind="statement").aggregate(yuan=Sum("amount"))["yuan"] or ZERO),
    )


def _parcels_of(service: str) -> Count:
    even, odd = Q(service=service, reversed_turn__isnull=True), Q(service=service, reversed_turn__isnull=False)
    return Count("id", filter=even) - Count("id", filter=odd)  # type: ignore[return-value]


def _yuan_of(service: str) -> Sum:
    return Sum(Case(When(service=service, then=F("amount")), default=ZERO))


def _rates(lines: QuerySet[Line]) -> list[RateRow]:
    """Lines by policy, service and price; a line that takes back counts against the one it takes back."""
    found = (
        lines.values("policy__number", "service", "rate", price=Abs("amount"))
        .annotate(parcels=_PARCELS, yuan=Sum("amount"))
        .order_by("policy__number", "service", "-price")
    )
    return [
        RateRow(row["policy__number"], row["service"], row["rate"], row["price"], row["parcels"], row["yuan"])
        for row in found
    ]


def _stated(user: User, station: Station, month: date, holds: Iterable[Hold]) -> QuerySet[Line]:
    """The stated lines of one outlet. The few holds come as ids: an OR over a join would read every line."""
    held = [hold.line_id for hold in holds if hold.line.period == month and hold.stated_in != month]
    late = [hold.line_id for hold in holds if hold.line.period != month and hold.stated_in == month]
    rows = Line.objects.visible_to(user).filter(county_code=station.county_code, station=station)
    return rows.filter(Q(period=month) & ~Q(pk__in=held) | Q(pk__in=late))


def lines_of(user: User, *, station: Station, month: date) -> QuerySet[Line]:
    """The lines an outlet's statement of a month takes up, in the order of delivery."""
    holds = (
        Hold.objects.visible_to(user)
        .filter(Q(line__period=month) | Q(stated_in=month), county_code=station.county_code, station=station)
        .select_related("line")
    )
    return _stated(user, station, month, holds).order_by("effective_at", "parcel_id", "service", "turn")


def clawbacks_of(lines: Iterable[Line]) -> dict[int, Clawback]:
    """Line → the clawback that stands against it; by the key of Clawback."""
    return {row.line_id: row for row in Clawback.objects.filter(line__in=[line.pk for line in lines]).order_by("pk")}


def seal(page: Sheet, lines: QuerySet[Line]) -> str:
    """SHA-256 over the sums and the seals of all lines in their order: what a printed statement can be held against."""
    said = hashlib.sha256()
    said.update(f"{page.outlet.code}|{page.month:%Y-%m}|{page.exact:.4f}|{page.paid:.2f}|".encode())
    for row in page.adjustments:
        said.update(f"{row.source_key}={row.amount:.4f}|".encode())
    for line_hash in lines.values_list("line_hash", flat=True).iterator(chunk_size=5000):
        said.update(bytes(line_hash))
    return said.hexdigest()


def place_names(station: Station) -> tuple[str, str]:
    """The names of an outlet's county and township."""
    codes = (f"{station.county_code}000000", f"{station.township_code}000")
    names = dict(Region.objects.filter(code__in=codes).values_list("code", "name"))
    return names.get(codes[0], ""), names.get(codes[1], "")
