"""What waits to be carried on a day: down from the hub, up from the stations, announced; and what can't come along.

Where a parcel is, is asked of its custodian: who holds it, not who saw it last. Down: in the hub's hands, or announced
and in nobody's yet, and bound for a station below. Up: in the hands of a station below, and bound elsewhere. What is on
a trip that is on the road, or on another wave's, is spoken for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import F, Q

from common import clock
from orders.models import Parcel
from orders.states import COLD, GoodsClass, ParcelState
from stations.models import Station
from stations.states import IN_SERVICE, StationState
from vehicles import rules
from vehicles.models import Plan, PlanParcel, Trip
from vehicles.queries.fleet import members_on
from vehicles.states import Direction, Reason, TripState

ON_THE_ROAD = (TripState.DEPARTED, TripState.COMPLETED, TripState.BROKEN_DOWN)
_WAITS_UP = (ParcelState.IN_NETWORK, ParcelState.AT_CENTRE, ParcelState.AT_OUTLET, ParcelState.IN_TRANSIT)
_COLUMNS = (
    "pk",
    "carrier_id",
    "station_id",
    "destination_id",
    "origin_id",
    "weight_g",
    "volume_ml",
    "goods_class",
    "on_hold",
)


@dataclass(frozen=True, slots=True)
class DemandParcel:
    """A parcel in scope. `station_id`: the end that isn't the hub; `ready_s`: seconds after midnight of the day;
    `reason`: why it can't come along whatever is planned, with the numbers for its sentence (`detail`)."""

    parcel_id: int
    carrier: str
    station_id: int
    direction: str
    weight_g: int
    volume_ml: int
    skills: frozenset[str]
    ready_s: int
    announced: bool
    reason: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Demand:
    """Everything in scope. `homeless`: parcels at the hub that nobody can say the station of: not in any plan."""

    hub: Station
    day: date
    wave: str
    stations: dict[int, Station]
    parcels: tuple[DemandParcel, ...]
    homeless: int = 0

    @property
    def plannable(self) -> list[DemandParcel]:
        return [parcel for parcel in self.parcels if not parcel.reason]

    @property
    def barred(self) -> list[DemandParcel]:
        return [parcel for parcel in self.parcels if parcel.reason]


def demand(
    *,
    hub: Station,
    day: date,
    wave: str,
    at: datetime,
    members: Sequence[str] | None = None,
    if_joined: bool = False,
) -> Demand:
    """What a hub's wave has to carry. `members`: organisation codes; None: all that are members that day. `if_joined`:
    reckoned as if those were members (what-ifs)."""
    below = {station.pk: station for station in Station.objects.below(hub).exclude(pk=hub.pk)}
    pool = set(members_on(hub.county_code, day).values_list("organisation__code", flat=True))
    if members is not None:
        pool = set(members) if if_joined else pool & set(members)
    spoken_for = _spoken_for(hub, day, wave)
    truck = truck_at(day, wave, at)
    found: list[DemandParcel] = []
    for row in _at_hub(hub, below):
        found.append(_down(row, announced=False, ready_s=0))
    for row in _announced(hub, below, at):
        parcel = _down(row, announced=True, ready_s=truck or 0)
        if truck is None and not parcel.reason:
            parcel = replace(parcel, reason=Reason.NOT_READY, detail={"why": "no_truck"})
        found.append(parcel)
    found += [_up(row) for row in _waiting_below(hub, below)]
    kept = [_checked(parcel, below, pool, day) for parcel in found if parcel.parcel_id not in spoken_for]
    homeless = Parcel.objects.filter(
        county_code=hub.county_code,
        station=hub,
        state=ParcelState.AT_HUB,
        destination__isnull=True,
        origin__isnull=True,
    ).count()
    return Demand(hub, day, wave, below, tuple(sorted(kept, key=lambda parcel: parcel.parcel_id)), homeless)


def truck_at(day: date, wave: str, at: datetime) -> int | None:
    """When the carriers' next truck within the wave is unloaded, seconds after midnight; None: none comes any more."""
    now = int((at - clock.day_start(day)).total_seconds())
    first, last = rules.WAVES[wave]
    return next((truck for truck in rules.TRUCKS_S if now <= truck and first - 3600 <= truck <= last), None)


def _at_hub(hub: Station, below: Iterable[int]) -> Iterable[tuple[Any, ...]]:
    """By the index parcel_at_station."""
    return Parcel.objects.filter(
        county_code=hub.county_code,
        station=hub,
        state__in=(ParcelState.AT_HUB, ParcelState.IN_NETWORK),
        c_kind="station",
        c_ref=hub.pk,
        destination__in=list(below),
    ).values_list(*_COLUMNS)


def _announced(hub: Station, below: Iterable[int], at: datetime) -> Iterable[tuple[Any, ...]]:
    """By the index parcel_bound_for."""
    return Parcel.objects.filter(
        county_code=hub.county_code,
        destination__in=list(below),
        state=ParcelState.REGISTERED,
        c_kind__isnull=True,
        created_at__gte=at - timedelta(days=rules.ANNOUNCED_DAYS),
    ).values_list(*_COLUMNS)


def _waiting_below(hub: Station, below: dict[int, Station]) -> Iterable[tuple[Any, ...]]:
    """In a station's hands and bound elsewhere: collected there, gone astray, or on the way back."""
    rows = (
        Parcel.objects.filter(
            county_code=hub.county_code,
            station__in=list(below),
            state__in=_WAITS_UP,
            c_kind="station",
            c_ref=F("station_id"),
        )
        .exclude(Q(origin__isnull=True) & Q(destination=F("station_id")) & ~Q(state=ParcelState.IN_TRANSIT))
        .values_list(*_COLUMNS, "state")
    )
    for *row, state in rows:
        here, destination, origin = row[2], row[3], row[4]
        elsewhere = destination is None or not _inside(below, destination, here)
        returning = state == ParcelState.IN_TRANSIT
        if returning or (elsewhere and (origin is not None or destination is not None)):
            yield tuple(row)


def _inside(below: dict[int, Station], station: int, top: int) -> bool:
    """Whether a station is `top` or hangs on it."""
    return station == top or (station in below and below[station].parent_id == top)


def _spoken_for(hub: Station, day: date, wave: str) -> set[int]:
    """Parcels on live trips that a new plan of this wave doesn't replace."""
    live = PlanParcel.objects.filter(county_code=hub.county_code, live=True)
    ours = Q(plan__hub=hub, plan__service_date=day, plan__wave=wave)
    replaced = ours & ~Q(trip__state__in=ON_THE_ROAD)
    return set(live.exclude(replaced).values_list("parcel_id", flat=True))


def _down(row: Sequence[Any], *, announced: bool, ready_s: int) -> DemandParcel:
    return _parcel(row, row[3], Direction.DOWN, announced, ready_s)


def _up(row: Sequence[Any]) -> DemandParcel:
    return _parcel(row, row[2], Direction.UP, False, 0)


def _parcel(row: Sequence[Any], station: int, direction: str, announced: bool, ready_s: int) -> DemandParcel:
    pk, carrier, _station, _destination, _origin, weight, volume, goods, on_hold = row
    farm = direction == Direction.UP and goods == GoodsClass.FRESH
    return DemandParcel(
        parcel_id=pk,
        carrier=carrier,
        station_id=station,
        direction=direction,
        weight_g=weight or (rules.FARM_BOX_G if farm else rules.PARCEL_G),
        volume_ml=volume or (rules.FARM_BOX_ML if farm else rules.PARCEL_ML),
        skills=skills_of(goods),
        ready_s=ready_s,
        announced=announced,
        reason=Reason.NOT_READY if on_hold else "",
        detail={"why": "held"} if on_hold else {},
    )


def skills_of(goods: str) -> frozenset[str]:
    """What a vehicle must be able to do for this class of goods."""
    if goods == GoodsClass.HAZARDOUS:
        return frozenset({"hazard"})
    return frozenset({"cold"}) if goods in COLD else frozenset()


def _checked(parcel: DemandParcel, below: dict[int, Station], pool: set[str], day: date) -> DemandParcel:
    """With the reason that no plan can change; membership before everything else."""
    station = below[parcel.station_id]
    if parcel.carrier not in pool:
        return replace(parcel, reason=Reason.ORG_SCOPE, detail={"why": "carrier"})
    if parcel.reason:
        return parcel
    if station.state != StationState.ACTIVE:
        shut = "suspended" if station.state in IN_SERVICE else "closed"
        return replace(parcel, reason=Reason.TIME_WINDOW, detail={"why": shut})
    if not station.dispatch_enabled:
        return replace(parcel, reason=Reason.TIME_WINDOW, detail={"why": "no_dispatch"})
    if not station.vehicle_access:
        return replace(parcel, reason=Reason.VEHICLE_CLASS, detail={"why": "no_access"})
    if rules.opening_window(station.opening_hours, day.weekday()) is None:
        return replace(parcel, reason=Reason.TIME_WINDOW, detail={"why": "rests"})
    return parcel


def vehicles_taken(hub: Station, day: date, wave: str) -> list[Trip]:
    """Live trips of the county that day which a new plan of this wave doesn't replace: when they end, their vehicle and
    driver are free again."""
    start, end = clock.day_span(day)
    ours = Q(plan__hub=hub, plan__service_date=day, plan__wave=wave)
    rows = Trip.objects.live().filter(county_code=hub.county_code, starts_at__lt=end, busy_until__gt=start)
    return list(rows.exclude(ours & ~Q(state__in=ON_THE_ROAD)).order_by("starts_at"))


def issued_plan(hub: Station, day: date, wave: str) -> Plan | None:
    """The one in force."""
    return Plan.objects.filter(hub=hub, service_date=day, wave=wave, state="issued").first()
