"""What the public reads of a month: outlets and sums, no person. Kept in the cache for some minutes, since anybody may
ask for it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.core.cache import cache
from django.db.models import Max, Min, Q, Sum
from django.utils.functional import Promise

from common import clock
from settlement.models import Adjustment, Period, Policy, Statement
from settlement.queries.books import stated_lines
from settlement.states import AdjustmentKind, PeriodState
from stations.models import Region
from stations.states import RegionLevel

PUBLIC = (PeriodState.PUBLICISED, PeriodState.APPROVED, PeriodState.PAYING, PeriodState.CLOSED)
KEEP_S = 300


@dataclass(frozen=True)
class NoticeRow:
    """An outlet's month out of one fund; the lowest and highest a parcel earned."""

    station_id: int
    outlet: str
    fund: str
    parcels: int
    lowest: Decimal | None
    highest: Decimal | None
    lines_yuan: Decimal
    adjusted_yuan: Decimal
    payable_yuan: Decimal


@dataclass(frozen=True)
class TownshipPart:
    """A township's outlets and their sum."""

    name: str
    rows: tuple[NoticeRow, ...]

    @property
    def parcels(self) -> int:
        return sum(row.parcels for row in self.rows)

    @property
    def yuan(self) -> Decimal:
        return sum((row.payable_yuan for row in self.rows), Decimal(0))


@dataclass(frozen=True)
class Notice:
    """A published month. The parts add up: lines + adjustments + rounding = payable."""

    county: str
    parts: tuple[TownshipPart, ...]
    policies: tuple[tuple[str, str, str], ...]  # number, name, issuer
    adjustments: tuple[tuple[str, Decimal], ...]  # AdjustmentKind, yuan
    held_parcels: int

    @property
    def rows(self) -> list[NoticeRow]:
        return [row for part in self.parts for row in part.rows]

    @property
    def parcels(self) -> int:
        return sum(part.parcels for part in self.parts)

    @property
    def payable(self) -> Decimal:
        return sum((part.yuan for part in self.parts), Decimal(0))

    @property
    def lines_yuan(self) -> Decimal:
        return sum((row.lines_yuan for row in self.rows), Decimal(0))

    @property
    def rounding(self) -> Decimal:
        return self.payable - self.lines_yuan - sum((row.adjusted_yuan for row in self.rows), Decimal(0))

    @property
    def several_funds(self) -> bool:
        return len({row.fund for row in self.rows}) > 1

    @property
    def made_up(self) -> list[tuple[str | Promise, Decimal]]:
        """The adjustments in words."""
        return [(AdjustmentKind(kind).label, yuan) for kind, yuan in self.adjustments]


def published(county_code: str) -> list[Period]:
    """A county's published months, newest first."""
    return list(Period.objects.filter(county_code=county_code, state__in=PUBLIC).order_by("-month")[:60])


def published_month(county_code: str, month: date) -> Period | None:
    return Period.objects.filter(county_code=county_code, month=month, state__in=PUBLIC).first()


def open_for_objections(period: Period, today: date) -> bool:
    """Whether anybody may still object to the notice."""
    return bool(period.state == PeriodState.PUBLICISED and period.notice_until and today <= period.notice_until)


def county_name(county_code: str) -> str:
    found = Region.objects.filter(code=f"{county_code}000000", level=RegionLevel.COUNTY).values_list("name", flat=True)
    return found.first() or county_code


def notice(period: Period) -> Notice:
    """A published month, read at most every KEEP_S seconds."""
    key = f"notice:{period.pk}:{period.state}:{period.publicised_at.timestamp() if period.publicised_at else 0}"
    kept = cache.get(key)
    if not isinstance(kept, Notice):
        kept = _read(period)
        cache.set(key, kept, KEEP_S)
    return kept


def _read(period: Period) -> Notice:
    county, month = period.county_code, period.month
    statements = (
        Statement.objects.filter(county_code=county, period=month)
        .select_related("station", "fund")
        .order_by("station__township_code", "station__code", "fund_id")
    )
    rates = {
        (row["station_id"], row["policy__fund_id"]): (row["lowest"], row["highest"])
        for row in stated_lines(county, month)
        .filter(reversed_turn__isnull=True)
        .order_by()
        .values("station_id", "policy__fund_id")
        .annotate(lowest=Min("amount"), highest=Max("amount"))
    }
    townships = dict(Region.objects.filter(county_code=county, level=RegionLevel.TOWNSHIP).values_list("code", "name"))
    parts: dict[str, list[NoticeRow]] = {}
    held = 0
    for row in statements:
        held += row.held_parcels
        lowest, highest = rates.get((row.station_id, row.fund_id), (None, None))
        parts.setdefault(townships.get(f"{row.station.township_code}000", ""), []).append(
            NoticeRow(
                row.station_id,
                row.station.name,
                row.fund.name,
                row.parcels,
                lowest,
                highest,
                row.lines_yuan,
                row.adjusted_yuan,
                row.payable_yuan,
            )
        )
    policies = (
        Policy.objects.active()
        .filter(Q(valid_to__isnull=True) | Q(valid_to__gt=month), county_code=county)
        .filter(valid_from__lt=clock.next_month(month))
        .order_by("valid_from")
        .values_list("number", "name", "issuer")
    )
    adjustments = (
        Adjustment.objects.filter(county_code=county, period=month)
        .order_by("kind")
        .values_list("kind")
        .annotate(yuan=Sum("amount"))
    )
    return Notice(
        county_name(county),
        tuple(TownshipPart(name, tuple(rows)) for name, rows in parts.items()),
        tuple(policies),
        tuple(adjustments),
        held,
    )
