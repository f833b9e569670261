"""What is on the road while the rest of the day is planned anew, as the planner sees it (solver/rest.py says the idea).

A trip that has left is a vehicle of the problem that starts where it is once the next quarter of an hour is driven.
What it has on board stays on it, what it was to collect may change hands. The trips that wait keep their order and
their vehicles as the search's start, a change of vehicle has its price. A bus on the road stays out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from vehicles import rules
from vehicles.models import Plan, PlanParcel, Trip, TripStop
from vehicles.queries.demand import DemandParcel, skills_of
from vehicles.queries.fleet import Usable
from vehicles.services.snapshots import Continued
from vehicles.solver.rest import HORIZON, SLACK
from vehicles.states import Direction, StopState, TripState

if TYPE_CHECKING:
    from vehicles.services.demand import _Builder

BUFFER_S = int(rules.BUFFER.total_seconds())
WAITING = (TripState.PLANNED, TripState.ASSIGNED, TripState.CHECKED)


@dataclass(frozen=True)
class Rolling:
    """A trip on the road: where it will be at `ready`, what is left for it, when it should be back."""

    trip: Trip
    after: int
    station_id: int
    ready: datetime
    back: datetime
    left: list[TripStop]
    parcels: list[DemandParcel]  # of the stops that are left
    collected: list[DemandParcel]  # on board since earlier stops, for the hub

    @property
    def stations(self) -> list[int]:
        return [self.station_id, *(stop.station_id for stop in self.left)]


def rolling_trips(base: Plan, at: datetime) -> list[Rolling]:
    """The hub's vehicles on the road that day, whichever plan sent them out."""
    trips = (
        Trip.objects.live()
        .filter(hub=base.hub_id, plan__service_date=base.service_date, state=TripState.DEPARTED, vehicle__isnull=False)
        .select_related("vehicle")
        .prefetch_related("stops")
        .order_by("pk")
    )
    return [_rolling(trip, at) for trip in trips]


def _rolling(trip: Trip, at: datetime) -> Rolling:
    stops = sorted(trip.stops.all(), key=lambda stop: stop.seq)
    done = [stop for stop in stops if stop.state != StopState.PENDING]
    last = done[-1] if done else stops[0]
    came = last.left_at or last.arrived_at or trip.departed_at or last.leaves_at
    late = came - (last.leaves_at if last.left_at else last.arrives_at)
    soon = at + timedelta(seconds=HORIZON)
    for stop in stops:
        if stop.seq > last.seq and stop is not stops[-1] and stop.arrives_at + late <= soon:
            last = stop
    ready = max(last.left_at or last.leaves_at + late, at if last.left_at is None else last.left_at)
    left = [stop for stop in stops[:-1] if stop.seq > last.seq]
    parcels: list[DemandParcel] = []
    collected: list[DemandParcel] = []
    open_stations = {stop.station_id for stop in left}
    for row in PlanParcel.objects.filter(trip=trip, live=True).select_related("parcel").order_by("parcel_id"):
        one = DemandParcel(
            row.parcel_id,
            "",
            row.station_id,
            row.direction,
            row.weight_g,
            row.volume_ml,
            skills_of(row.parcel.goods_class),
            0,
            False,
        )
        if row.station_id in open_stations:
            parcels.append(one)
        elif row.direction == Direction.UP:
            collected.append(one)
    back = stops[-1].arrives_at + max(late, timedelta())
    return Rolling(trip, last.seq, last.station_id, ready, back, left, parcels, collected)


def add_rolling(builder: "_Builder", rolling: Sequence[Rolling], fleet: Iterable[Usable]) -> None:
    """Their vehicles and tasks, and their orders; vehicles and drivers are free only once they are surely back."""
    by_vehicle = {one.vehicle.pk: one for one in fleet}
    for one in rolling:
        usable = by_vehicle.get(one.trip.vehicle_id or 0)
        if usable is None:  # of another hub: its goods stay with it
            continue
        ready, bound = builder.seconds(one.ready), builder.seconds(one.back) + SLACK
        number = builder.add_own(
            replace(usable, driver=None), (ready, bound), driver_id=one.trip.driver_id, start=one.station_id,
            on_board=one.collected,
        )  # fmt: skip
        builder.continues[number] = Continued(one.trip.pk, one.after)
        builder.push_back(one.trip.vehicle_id, one.trip.driver_id, bound + BUFFER_S, but=number)
        order = []
        for stop in one.left:
            here = [parcel for parcel in one.parcels if parcel.station_id == stop.station_id]
            down = [parcel for parcel in here if parcel.direction == Direction.DOWN]
            up = [parcel for parcel in here if parcel.direction == Direction.UP]
            if here:
                order.append(builder.add_kept(stop.station_id, down, up, number))
        builder.scope += one.parcels
        if order:
            builder.orders.append((number, [order]))


def add_waiting(builder: "_Builder", base: Plan) -> None:
    """The order of the trips that haven't left, over the tasks as they are now, and who each is promised to."""
    trips = {
        trip.pk: trip
        for trip in Trip.objects.live()
        .filter(plan=base, state__in=WAITING, locked=False)
        .order_by("departs_at", "pk")
        .prefetch_related("stops")
    }
    trip_of = dict(
        PlanParcel.objects.filter(plan=base, live=True, trip__in=list(trips)).values_list("parcel_id", "trip_id")
    )
    carried: dict[int, set[int]] = {}
    for parcel_id, trip_id in trip_of.items():
        carried.setdefault(trip_id, set()).add(parcel_id)
    tasks_of: dict[int, list[int]] = {}
    for index in range(builder.free[0]):
        counts: dict[int, int] = {}
        for parcel_id in builder.parcels_of_task[index]:
            if parcel_id in trip_of:
                counts[trip_of[parcel_id]] = counts.get(trip_of[parcel_id], 0) + 1
        if counts:
            chosen = max(counts, key=lambda pk: counts[pk])
            tasks_of.setdefault(chosen, []).append(index)
            if not set(builder.parcels_of_task[index]) <= carried[chosen]:
                builder.touched.add(index)
    orders: dict[int, list[list[int]]] = {}
    for pk, trip in trips.items():
        number = builder.vehicle_of(trip)
        if number is None or pk not in tasks_of:
            continue
        seq = {stop.station_id: stop.seq for stop in trip.stops.all()}
        place = {builder.place[station_id]: number for station_id, number in seq.items() if station_id in builder.place}
        mine = sorted(tasks_of[pk], key=lambda index: (place.get(builder.tasks[index].place, 0), index))
        for index in mine:
            builder.tasks[index] = replace(builder.tasks[index], keep=number)
        orders.setdefault(number, []).append(mine)
    builder.orders += list(orders.items())
