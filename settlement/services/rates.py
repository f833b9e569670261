"""What each parcel of a run is worth: a few "cards", one for each outlet, service, model and span of days on which
nothing the price depends on changes, calculated by rules.price and joined to the parcels by the database."""

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from common import sql
from settlement.models import OutletFact, OutletMonth, Policy
from settlement.queries.policies import rule_of
from settlement.rules import OutletFacts, Price, Rule, eligible, price
from settlement.states import FactKind, PaidService
from stations.models import Station

_TABLES = """
CREATE TEMP TABLE settlement_card (card_id int, policy_id bigint, fund_id bigint, eligible boolean, rate numeric(6, 4),
                                   amount numeric(12, 4), reasons jsonb) ON COMMIT DROP;
CREATE TEMP TABLE settlement_carded (station_id bigint, service text, model text, day date, card_id int) ON COMMIT DROP;
"""


@dataclass(frozen=True)
class _Key:
    """A price asked for: what one outlet did on one day in one way."""

    station_id: int
    service: str
    model: str
    day: date

    @property
    def month(self) -> date:
        return self.day.replace(day=1)


@dataclass(frozen=True)
class _InForce:
    policy: Policy
    rule: Rule

    def covers(self, day: date) -> bool:
        return self.policy.valid_from <= day and (self.policy.valid_to is None or day < self.policy.valid_to)


class FactBook:
    """The facts of some outlets by day: those a township entered, and those kept at a month's first line."""

    def __init__(self, county_code: str, station_ids: Iterable[int]) -> None:
        ids = list(station_ids)
        stations = Station.objects.filter(county_code=county_code, pk__in=ids).select_related("region")
        self._stations = {row.pk: row for row in stations}
        self._entered: dict[tuple[int, str], list[tuple[date, str | Decimal | None]]] = defaultdict(list)
        facts = OutletFact.objects.filter(county_code=county_code, station__in=ids).order_by("valid_from")
        for fact in facts:
            self._entered[fact.station_id, fact.kind].append((fact.valid_from, fact.grade or fact.value))
        self._changes: dict[int, list[date]] = defaultdict(list)
        for fact in facts:
            self._changes[fact.station_id].append(fact.valid_from)
        months = OutletMonth.objects.filter(county_code=county_code, station__in=ids)
        self._months = {(row.station_id, row.month): row for row in months}

    def on(self, station_id: int, day: date) -> OutletFacts:
        """An outlet's facts on a business day whose month was kept."""
        station = self._stations[station_id]
        kept = self._months[station_id, day.replace(day=1)]
        return OutletFacts(
            village=station.region.name,
            township_code=station.township_code,
            host_kind=station.host_kind,
            terrain=kept.terrain,
            volume=kept.volume,
            volume_month=kept.volume_month,
            distance_km=self._of(station_id, FactKind.DISTANCE, day),  # type: ignore[arg-type]
            density=self._of(station_id, FactKind.DENSITY, day),  # type: ignore[arg-type]
            grade=self._of(station_id, FactKind.GRADE, day) or "",  # type: ignore[arg-type]
        )

    def span(self, station_id: int, day: date) -> int:
        """A number that is the same for days of a month on which an outlet's facts are the same."""
        return bisect_right(self._changes.get(station_id, ()), day)

    def _of(self, station_id: int, kind: str, day: date) -> str | Decimal | None:
        rows = self._entered.get((station_id, kind), [])
        place = bisect_right(rows, day, key=lambda row: row[0])
        return rows[place - 1][1] if place else None


def keep_months(*, county_code: str, months: Iterable[tuple[int, date]], at: datetime) -> None:
    """Keep what the rates of (station id, first day of the month) rest on, unless it is kept already."""
    pairs = sorted(set(months))
    params = {
        "county_code": county_code,
        "at": at,
        "stations": [station for station, _month in pairs],
        "months": [month for _station, month in pairs],
    }
    if pairs:
        sql.run("settlement", "keep_outlet_months", params)


def write_cards(*, county_code: str, at: datetime) -> int:
    """Price what stands in the temporary table settlement_work into settlement_card and settlement_carded (which card
    holds for an outlet, service, model and day). Returns how many deliveries fell on days without a policy."""
    with connection.cursor() as db:
        db.execute(_TABLES)
        db.execute("""SELECT station_id, service, model, day, count(*) FROM settlement_work
                      WHERE station_id IS NOT NULL GROUP BY 1, 2, 3, 4""")
        asked = [(_Key(*row[:4]), row[4]) for row in db.fetchall()]
    in_force = [
        _InForce(policy, rule_of(policy))
        for policy in Policy.objects.active().filter(county_code=county_code).prefetch_related("factors")
    ]
    covered: list[tuple[_Key, _InForce]] = []
    without_policy = 0
    for key, count in asked:
        found = next((one for one in in_force if one.covers(key.day)), None)
        if found:
            covered.append((key, found))
        elif key.service == PaidService.OUTLET_DELIVERY:
            without_policy += count
    keep_months(county_code=county_code, months=((key.station_id, key.month) for key, _policy in covered), at=at)
    _insert(covered, FactBook(county_code, {key.station_id for key, _policy in covered}))
    return without_policy


def _insert(covered: list[tuple[_Key, _InForce]], facts: FactBook) -> None:
    cards: list[tuple[Any, ...]] = []
    carded: list[tuple[Any, ...]] = []
    numbers: dict[tuple[Any, ...], int | None] = {}
    for key, found in covered:
        span = (key.month, facts.span(key.station_id, key.day))
        same = (found.rule.policy_id, key.station_id, key.service, key.model, span)
        if same not in numbers:
            of_day = facts.on(key.station_id, key.day)
            priced = price(_for_anybody(found.rule), of_day, key.service, key.model)
            numbers[same] = len(cards) if priced else None
            if priced:
                cards.append(_card(len(cards), found, priced, eligible(found.rule, of_day)))
        if numbers[same] is not None:
            carded.append((key.station_id, key.service, key.model, key.day, numbers[same]))
    with connection.cursor() as db:
        db.execute(
            """INSERT INTO settlement_card
               SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::boolean[], %s::numeric[], %s::numeric[],
                                    %s::jsonb[])""",
            list(_columns(cards, 7)),
        )
        db.execute(
            """INSERT INTO settlement_carded
               SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::date[], %s::int[])""",
            list(_columns(carded, 5)),
        )
        db.execute("ANALYZE settlement_card")
        db.execute("ANALYZE settlement_carded")


def _for_anybody(rule: Rule) -> Rule:
    """The rule without its conditions on who is paid: an outlet that moved or changed hands since keeps its lines."""
    return replace(rule, host_kinds=(), townships=None)


def _card(number: int, found: _InForce, priced: Price, pays: bool) -> tuple[Any, ...]:
    reasons = json.dumps([dict(reason) for reason in priced.reasons], ensure_ascii=False)
    return (number, found.rule.policy_id, found.policy.fund_id, pays, priced.rate, priced.amount, reasons)


def _columns(rows: list[tuple[Any, ...]], width: int) -> Iterator[list[Any]]:
    """Rows as the arrays that unnest takes."""
    for place in range(width):
        yield [row[place] for row in rows]
