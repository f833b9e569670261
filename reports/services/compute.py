"""Computes a county's month into rows.

1. The watermark: up to when all that was received is folded.
2. Each source gives numbers by region: parcels (one pass of sql/parcel_facts.sql), stations, villages, lines, map.
3. A fingerprint of all of them: where it is the newest version's, that version is confirmed; else a new one is written.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from accounts.models import User
from common import clock, logs, sql
from common.clock import EPOCH
from reports import queries
from reports.definitions import BY_CODE, DEFINITIONS, UNKNOWN_REGION, Definition, Source
from reports.models import Indicator, Report
from reports.queries import Span
from stations.models import Station
from stations.queries import service_radius

log = logs.get_logger("reports")


@dataclass(frozen=True)
class Number:
    """An indicator's value for a region, not yet stored."""

    region_code: str
    code: str
    numerator: int
    denominator: int | None = None
    amount: Decimal | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> list[Any]:
        amount = None if self.amount is None else f"{self.amount:.4f}"
        return [self.region_code, self.code, self.numerator, self.denominator, amount, self.extra]


def compute_report(
    *,
    county_code: str,
    month: date,
    at: datetime,
    by: User | None = None,
    step: Callable[[int, int], None] | None = None,
) -> Report:
    """The month's report as of now: a new version where a number changed, else the newest one, confirmed. `step` is
    told (done, of) along the way."""
    month = month.replace(day=1)
    tell = step or (lambda _done, _of: None)
    with transaction.atomic():
        with connection.cursor() as cursor:  # two at once would both write the next version
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"report {county_code} {month}"])
        mark = queries.watermark(county_code)
        numbers = _numbers(Span(county_code, month, mark or EPOCH), tell)
        digest = _digest(numbers)
        newest = Report.objects.filter(county_code=county_code, month=month).order_by("-version").first()
        if newest and newest.content_hash == digest:
            newest.confirmed_at, newest.watermark = at, mark
            newest.save(update_fields=["confirmed_at", "watermark"])
            return newest
        report = Report.objects.create(
            county_code=county_code,
            month=month,
            version=newest.version + 1 if newest else 1,
            computed_at=at,
            confirmed_at=at,
            watermark=mark,
            content_hash=digest,
            by=by,
        )
        Indicator.objects.bulk_create(
            [
                Indicator(
                    report=report,
                    region_code=one.region_code,
                    code=one.code,
                    unit=BY_CODE[one.code].unit.value,
                    numerator=one.numerator,
                    denominator=one.denominator,
                    amount=one.amount,
                    extra=one.extra,
                )
                for one in numbers
            ]
        )
    log.info("report.computed", county=county_code, month=f"{month:%Y-%m}", version=report.version)
    return report


def _digest(numbers: list[Number]) -> str:
    words = sorted((one.words for one in numbers), key=lambda word: (word[0], word[1]))
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def _numbers(span: Span, tell: Callable[[int, int], None]) -> list[Number]:
    county = f"{span.county_code}000000"
    day = clock.business_date(span.looked_until - timedelta(microseconds=1)) if span.watermark > EPOCH else span.month
    regions = [county, *queries.townships_of(span.county_code, max(day, span.month))]
    found: dict[tuple[str, str], Number] = {}
    sources = (_of_parcels, _of_stations, _of_villages, _of_lines, _of_map)
    for done, source in enumerate(sources, 1):
        for number in source(span, county):
            found[number.region_code, number.code] = number
        tell(done, len(sources))
    for definition in DEFINITIONS:  # a township where nothing happened says 0, not nothing
        for region in [county] if definition.source is Source.RADIUS else regions:
            found.setdefault((region, definition.code), _zero(region, definition))
    return list(found.values())


def _zero(region: str, definition: Definition) -> Number:
    return Number(
        region,
        definition.code,
        0,
        0 if definition.denominator else None,
        Decimal(0) if definition.source is Source.LINES else None,
        {"unknown": 0} if definition.unknown else {},
    )


def _of_parcels(span: Span, county: str) -> Iterator[Number]:
    mine = [definition for definition in DEFINITIONS if definition.source is Source.PARCELS]
    columns = {
        name
        for definition in mine
        for name in (definition.numerator, definition.denominator, definition.unknown)
        if name
    }
    counts = ", ".join(f"count(*) FILTER (WHERE {name}) AS {name}" for name in sorted(columns))
    sides = sorted({definition.township for definition in mine})
    select = " UNION ALL ".join(
        f"SELECT '{side}' AS side, {side} AS place, GROUPING({side}) = 1 AS whole, {counts}"  # noqa: S608 our own names
        f" FROM facts GROUP BY GROUPING SETS (({side}), ())"
        for side in sides
    )
    with connection.cursor() as cursor:
        cursor.execute(queries.with_facts(select), span.params)
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        region = county if row["whole"] else queries.township_region(row["place"])
        for definition in mine:
            if definition.township != row["side"]:
                continue
            number = Number(
                region,
                definition.code,
                row[definition.numerator],
                row[definition.denominator] if definition.denominator else None,
                None,
                {"unknown": row[definition.unknown]} if definition.unknown else {},
            )
            if region != UNKNOWN_REGION or number.numerator or number.denominator:
                yield number


def _of_stations(span: Span, county: str) -> Iterator[Number]:
    start, end = clock.month_span(span.month)
    counts: dict[str, list[int]] = {}
    for place in queries.places(span, start=start, end=end):
        if not (place.in_service or place.reported):
            continue
        for region in {county, queries.township_region(place.township)}:  # a hub may belong to no township
            both = counts.setdefault(region, [0, 0])
            both[0] += place.reported
            both[1] += 1
    for region, (reported, expected) in counts.items():
        yield Number(region, "stations", reported, expected)


def _of_villages(span: Span, county: str) -> Iterator[Number]:
    villages, covered = queries.covered_villages(span)
    counts: dict[str, list[int]] = {}
    for code in villages:
        for region in (county, queries.township_region(code[:9])):
            both = counts.setdefault(region, [0, 0])
            both[0] += code in covered
            both[1] += 1
    for region, (inside, listed) in counts.items():
        yield Number(region, "coverage", inside, listed)


def _of_lines(span: Span, county: str) -> Iterator[Number]:
    for row in sql.rows("reports", "subsidy_by_township", span.params):
        region = queries.township_region(row["township"]) if row["township"] else county
        yield Number(region, "subsidy", row["parcels"], None, row["yuan"] or Decimal(0))


def _of_map(span: Span, county: str) -> Iterator[Number]:
    radius = service_radius(Station.objects.filter(county_code=span.county_code))
    extra = {"mean_km": radius.mean_km or 0.0, "p90_km": radius.p90_km or 0.0}
    yield Number(county, "radius", radius.measured, radius.outlets, None, extra)
