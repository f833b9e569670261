"""Reads of the reports: the rows of a page, and the parcels, stations or villages behind one number."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from accounts.models import User
from common import clock, sql
from common.clock import EPOCH
from orders.models import Parcel
from reports.definitions import BY_CODE, DEFINITIONS, RANKED_BY, UNKNOWN_REGION, Definition, Source
from reports.models import Indicator, Report
from stations.models import Region, Station
from stations.states import RegionLevel

ACTIVE_FOR = timedelta(days=30)
ENOUGH = 30  # a share of fewer cases says little: such townships are not ranked


@dataclass(frozen=True)
class Span:
    """What a report looks at: a county's month, and nothing received after the watermark."""

    county_code: str
    month: date
    watermark: datetime

    @property
    def params(self) -> dict[str, Any]:
        start, end = clock.month_span(self.month)
        return {
            "county_code": self.county_code,
            "month": self.month,
            "start": start,
            "end": end,
            "watermark": self.watermark,
        }

    @property
    def looked_until(self) -> datetime:
        """The end of the month, or the watermark while the month runs."""
        return min(clock.month_span(self.month)[1], self.watermark)


def span_of(report: Report) -> Span:
    return Span(report.county_code, report.month, report.watermark or EPOCH)


def watermark(county_code: str) -> datetime | None:
    """Up to when all that was received is folded; None before the first upload."""
    found: datetime | None = sql.value("reports", "watermark", {"county_code": county_code})
    return found


def with_facts(select: str) -> str:
    """A statement over `facts`, the one definition of what a parcel counts for in a month."""
    return f"WITH facts AS MATERIALIZED (\n{sql.statement('reports', 'parcel_facts')}\n)\n{select}"


def township_region(township: str | None) -> str:
    """A township's nine digits as its division code; parcels of unknown township have a row of their own."""
    return f"{township}000" if township else UNKNOWN_REGION


@dataclass(frozen=True)
class Place:
    """A station as the coverage sees it."""

    id: int
    level: str
    township: str
    village: str
    in_service: bool
    reported: bool


def places(span: Span, *, start: datetime, end: datetime) -> list[Place]:
    """Every station of the county and whether it scanned in [start, end)."""
    params = {**span.params, "start": start, "end": end}
    return [Place(**row) for row in sql.rows("reports", "stations_reporting", params)]


def covered_villages(span: Span) -> tuple[list[str], set[str]]:
    """(codes of the villages in the list on the last day looked at, those with an active outlet)."""
    until = span.looked_until
    day = clock.business_date(until - timedelta(microseconds=1))
    villages = (
        Region.objects.of_county(span.county_code)
        .villages()
        .filter(Q(valid_to__isnull=True) | Q(valid_to__gt=day), valid_from__lte=day)
    )
    found = places(span, start=until - ACTIVE_FOR, end=until)
    covered = {place.village for place in found if place.level == "OUTLET" and place.reported}
    return list(villages.order_by("code").values_list("code", flat=True)), covered


# --- the page ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A region's numbers by indicator code."""

    region_code: str
    name: str
    numbers: Mapping[str, Indicator]
    rank: int | None = None
    few: bool = False

    @property
    def cells(self) -> list[tuple[Definition, Indicator | None]]:
        return [(definition, self.numbers.get(definition.code)) for definition in DEFINITIONS]


@dataclass(frozen=True)
class Table:
    """A report as its page shows it; `county` is None only for a person who may not see the sums."""

    county: Row | None
    ranked: list[Row]
    few: list[Row]
    unknown: Row | None


def table_of(report: Report, user: User) -> Table:
    """The numbers a person may see in two queries: the county's row, townships ranked by the 24-hour share and then by
    volume, those with too few cases apart."""
    by_region: dict[str, dict[str, Indicator]] = {}
    for number in Indicator.objects.visible_to(user).filter(report=report):
        by_region.setdefault(number.region_code, {})[number.code] = number
    names = dict(Region.objects.filter(code__in=by_region).values_list("code", "name"))
    rows = [Row(code, names.get(code, ""), numbers) for code, numbers in by_region.items()]
    county = next((row for row in rows if row.region_code.endswith("000000")), None)
    unknown = next((row for row in rows if row.region_code == UNKNOWN_REGION), None)
    townships = [row for row in rows if row is not county and row is not unknown]
    few = [row for row in townships if _cases(row) < ENOUGH]
    enough = sorted((row for row in townships if _cases(row) >= ENOUGH), key=_order)
    return Table(
        county,
        [Row(row.region_code, row.name, row.numbers, rank) for rank, row in enumerate(enough, 1)],
        sorted(
            (Row(row.region_code, row.name, row.numbers, None, True) for row in few), key=lambda row: row.region_code
        ),
        unknown,
    )


def _cases(row: Row) -> int:
    number = row.numbers.get(RANKED_BY)
    return (number.denominator or 0) if number else 0


def _order(row: Row) -> tuple[float, int, str]:
    number = row.numbers[RANKED_BY]
    return (-number.numerator / (number.denominator or 1), -(number.denominator or 0), row.region_code)


# --- behind a number ----------------------------------------------------------------------------------


def parcels_behind(
    report: Report, user: User, *, definition: Definition, region_code: str, part: str
) -> tuple[int, QuerySet[Parcel]]:
    """(how many parcels count now, those of them the person may read). Same definition as the computation's, as of the
    report's watermark; only corrections and imports since can make the two differ."""
    ids = _parcel_ids(span_of(report), definition, region_code, part)
    return len(ids), Parcel.objects.visible_to(user).filter(county_code=report.county_code, pk__in=ids)


def _parcel_ids(span: Span, definition: Definition, region_code: str, part: str) -> list[int]:
    township = "" if region_code.endswith("000000") else region_code[:9]
    if definition.source is Source.LINES:
        params = {**span.params, "township": township}
        return [row["parcel_id"] for row in sql.rows("reports", "subsidy_parcels", params)]
    column = {"num": definition.numerator, "den": definition.denominator, "unknown": definition.unknown}[part]
    where = [column]  # a name out of definitions.py, never the reader's
    if region_code == UNKNOWN_REGION:
        where.append(f"{definition.township} IS NULL")
    elif township:
        where.append(f"{definition.township} = %(township)s")
    statement = with_facts(f"SELECT parcel_id FROM facts WHERE {' AND '.join(where)} ORDER BY parcel_id")  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, {**span.params, "township": township})
        return [row[0] for row in cursor.fetchall()]


def stations_behind(
    report: Report, user: User, *, region_code: str, part: str
) -> tuple[int, list[tuple[Station, bool]]]:
    """(how many count now, [(a station the person may read, whether it reported)])."""
    span = span_of(report)
    start, end = clock.month_span(report.month)
    found = {
        place.id: place.reported
        for place in places(span, start=start, end=end)
        if (place.reported if part == "num" else place.in_service or place.reported)
        and (region_code.endswith("000000") or township_region(place.township) == region_code)
    }
    stations = Station.objects.visible_to(user).filter(pk__in=found).order_by("level", "code")
    return len(found), [(station, found[station.pk]) for station in stations]


def villages_behind(report: Report, *, region_code: str, part: str) -> list[tuple[Region, bool]]:
    """[(village, whether it is covered)]; the list of divisions is public."""
    villages, covered = covered_villages(span_of(report))
    codes = [
        code
        for code in villages
        if (part == "den" or code in covered) and (region_code.endswith("000000") or code[:9] == region_code[:9])
    ]
    return [(region, region.code in covered) for region in Region.objects.filter(code__in=codes).order_by("code")]


def townships_of(county_code: str, on: date) -> list[str]:
    """Codes of the townships in the list on a day."""
    rows = Region.objects.of_county(county_code).filter(level=RegionLevel.TOWNSHIP, valid_from__lte=on)
    return list(
        rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=on)).order_by("code").values_list("code", flat=True)
    )


def newest_reports(user: User) -> list[Report]:
    """The newest version of each month a person may see, newest month first."""
    rows = Report.objects.visible_to(user).order_by("county_code", "-month", "-version")
    newest = rows.distinct("county_code", "month")
    return sorted(newest, key=lambda row: (-row.month.toordinal(), row.county_code))


def number_of(report: Report, user: User, *, code: str, region_code: str) -> Indicator | None:
    """One number, if it may be seen."""
    return Indicator.objects.visible_to(user).filter(report=report, code=code, region_code=region_code).first()


def stored_part(number: Indicator, part: str) -> int:
    """The stored count of one part of a number."""
    if part == "den":
        return number.denominator or 0
    return int(number.extra.get("unknown", 0)) if part == "unknown" else number.numerator


def definition_of(code: str) -> Definition | None:
    return BY_CODE.get(code)
