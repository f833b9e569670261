"""A draft on last month's real parcels: what each outlet was settled at, and what it would be under the draft.

The parcels are grouped by outlet, service and way of serving in one statement; only the groups, a few an outlet, are
priced here. The outlet's facts are those that hold when the draft begins (today, if it began before), its volume that
of the very month shown: which is what the draft will look at once that month is closed.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from accounts.models import User
from common import clock, sql
from orders.models import Parcel
from settlement.models import Policy
from settlement.queries.facts import facts_on
from settlement.queries.policies import rule_of
from settlement.rules import OutletFacts, Price, Rule, price, reason_sentences
from settlement.states import FactKind, FactorKind, PaidService
from stations.models import Station
from stations.states import StationLevel

ZERO = Decimal(0)
SHOWN, EXAMPLES = 20, 3


@dataclass
class PreviewRow:
    """One outlet's month; yuan. `then`: as it was settled, `now`: by the draft, its cap taken off in `capped`."""

    station: Station
    parcels: int = 0
    then: Decimal = ZERO
    now: Decimal = ZERO
    capped: Decimal = ZERO

    @property
    def change(self) -> Decimal:
        return self.now - self.then


@dataclass(frozen=True)
class Example:
    """One real parcel: what it was settled at (None: not paid for), what it would be (None: not paid for), and why."""

    station: Station
    parcel: Parcel
    then: Decimal | None
    now: Decimal | None
    why: list[str]


@dataclass(frozen=True)
class Preview:
    """The whole month of the outlets in scope. `parcels` = `priced` + those the draft doesn't pay; `paid_then` of them
    were paid; `clamped` of the priced ones hit a bound; `rows` by the size of the change, `others` the rest summed."""

    month: date
    rows: list[PreviewRow]
    others: int
    others_then: Decimal
    others_now: Decimal
    outlets: int
    parcels: int
    priced: int
    paid_then: int
    clamped: int
    capped_outlets: int
    then: Decimal
    now: Decimal
    examples: list[Example]


@dataclass(frozen=True)
class _Group:
    station: Station
    service: str
    parcels: int
    paid_parcels: int
    paid: Decimal
    sample: int
    sample_paid: Decimal | None
    price: Price | None

    @property
    def clamped(self) -> bool:
        return self.price is not None and any(reason["code"] == "clamp" for reason in self.price.reasons)


def preview(policy: Policy, *, user: User, month: date, today: date) -> Preview:
    """What `policy` makes of the month's parcels at the outlets the user may read."""
    outlets = Station.objects.visible_to(user, "settlement.read").filter(
        county_code=policy.county_code, level=StationLevel.OUTLET
    )
    stations = {row.pk: row for row in outlets.select_related("region")}
    groups = _groups(policy, stations, month, max(policy.valid_from, today))
    rows: dict[int, PreviewRow] = {}
    for group in groups:
        row = rows.setdefault(group.station.pk, PreviewRow(group.station))
        row.parcels += group.parcels
        row.then += group.paid
        row.now += group.parcels * group.price.amount if group.price else ZERO
    for row in rows.values():
        if policy.month_cap is not None and row.now > policy.month_cap:
            row.capped, row.now = row.now - policy.month_cap, policy.month_cap
    ordered = sorted(rows.values(), key=lambda row: (-abs(row.change), row.station.code))
    rest = ordered[SHOWN:]
    return Preview(
        month=month,
        rows=ordered[:SHOWN],
        others=len(rest),
        others_then=sum((row.then for row in rest), ZERO),
        others_now=sum((row.now for row in rest), ZERO),
        outlets=len(ordered),
        parcels=sum(group.parcels for group in groups),
        priced=sum(group.parcels for group in groups if group.price),
        paid_then=sum(group.paid_parcels for group in groups),
        clamped=sum(group.parcels for group in groups if group.clamped),
        capped_outlets=sum(1 for row in ordered if row.capped),
        then=sum((row.then for row in ordered), ZERO),
        now=sum((row.now for row in ordered), ZERO),
        examples=_examples(policy.county_code, groups),
    )


def _groups(policy: Policy, stations: dict[int, Station], month: date, day: date) -> list[_Group]:
    rule = rule_of(policy)
    start, end = clock.month_span(month)
    found = sql.rows(
        "settlement",
        "policy_preview",
        {
            "county_code": policy.county_code,
            "month": month,
            "stations": list(stations),
            "from": start,
            "until": end,
            "from_us": clock.micros(start),
            "until_us": clock.micros(end),
            "by_model": any(factor.kind == FactorKind.MODEL for factor in rule.factors),
        },
    )
    # a collection nobody paid for and the draft won't either says nothing
    found = [
        row
        for row in found
        if row["paid_parcels"] or row["service"] == PaidService.OUTLET_DELIVERY or rule.rate_collection is not None
    ]
    volumes: dict[int, int] = {}
    for row in found:
        volumes[row["station_id"]] = volumes.get(row["station_id"], 0) + row["parcels"]
    facts = facts_on(volumes, day)
    return [
        _Group(
            station=(station := stations[row["station_id"]]),
            service=row["service"],
            parcels=row["parcels"],
            paid_parcels=row["paid_parcels"],
            paid=row["paid"],
            sample=row["sample"],
            sample_paid=row["sample_paid"],
            price=_price(rule, station, facts.get(station.pk, {}), volumes[station.pk], month, row),
        )
        for row in found
    ]


def _price(rule: Rule, station: Station, facts: dict, volume: int, month: date, row: dict) -> Price | None:
    grade, distance, density = (facts.get(kind) for kind in (FactKind.GRADE, FactKind.DISTANCE, FactKind.DENSITY))
    return price(
        rule,
        OutletFacts(
            village=station.region.name,
            township_code=station.township_code,
            host_kind=station.host_kind,
            terrain=station.region.terrain,
            volume=volume,
            volume_month=month,
            distance_km=distance.value if distance else None,
            density=density.value if density else None,
            grade=grade.grade if grade else "",
        ),
        row["service"],
        row["model"],
    )


def _examples(county_code: str, groups: list[_Group]) -> list[Example]:
    """The commonest kind of parcel, one that meets a bound or isn't paid, and the one that changes most."""

    def change(group: _Group) -> Decimal:
        return abs((group.price.amount if group.price else ZERO) - (group.sample_paid or ZERO))

    wanted: list[_Group] = []
    odd = [group for group in groups if group.clamped or group.price is None]
    for candidates in (
        sorted(groups, key=lambda group: -group.parcels),
        sorted(odd, key=lambda group: -group.parcels),
        sorted(groups, key=change, reverse=True),
        sorted(groups, key=lambda group: -group.parcels),
        sorted(groups, key=lambda group: -group.parcels),
    ):
        fresh = next((group for group in candidates if group not in wanted), None)
        if fresh and len(wanted) < EXAMPLES:
            wanted.append(fresh)
    parcels = Parcel.objects.filter(county_code=county_code, pk__in=[group.sample for group in wanted])
    by_id = {parcel.pk: parcel for parcel in parcels.select_related("carrier")}
    return [
        Example(
            station=group.station,
            parcel=by_id[group.sample],
            then=group.sample_paid,
            now=group.price.amount if group.price else None,
            why=reason_sentences(group.price.reasons) if group.price else [],
        )
        for group in wanted
        if group.sample in by_id
    ]
