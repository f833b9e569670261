"""What drives on a day, as the planner's problem has it: our vehicles with the gaps of their day, buses by their
timetable, and the ways between the stations for each.

A vehicle that has other trips that day (of another wave, on the road already, locked) is one vehicle of the problem for
each gap that is left; its day is paid for already. A bus takes goods down from its call at the hub, and up until it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np

from common import clock
from stations.models import Station
from vehicles import problem as p
from vehicles import rules
from vehicles.graph import RoadMode
from vehicles.queries.demand import Demand, vehicles_taken
from vehicles.queries.fleet import Usable
from vehicles.queries.lines import Run
from vehicles.services.locks import Locks
from vehicles.services.matrices import matrices, mode_of
from vehicles.services.snapshots import Carrier
from vehicles.states import Direction

BUFFER_S = int(rules.BUFFER.total_seconds())
LEAST_GAP_S = 1800  # a gap between two trips that is shorter is no use


class Carriage:
    """Profiles, vehicles and buses of a problem."""

    def __init__(self, found: Demand, locks: Locks, earliest: int) -> None:
        self.demand = found
        self.locks = locks
        self.earliest = earliest
        self.latest = rules.WAVES[found.wave][1]
        self.hub = found.hub
        self.stations: list[Station] = []
        self.place: dict[int, int] = {}
        self.vehicles: list[p.Vehicle] = []
        self.behind: list[Usable | Run] = []
        self.carriers: list[Carrier] = []
        self.profiles: list[p.Profile] = []
        self.reaches: list[np.ndarray] = []  # of each profile: places it gets to from the hub and back
        self.one_way: set[int] = set()  # places where a bus calls that goes one way
        self.down_only: set[int] = set()  # vehicles that can't bring anything up
        self.up_only: set[int] = set()
        self.occupied: dict[tuple[str, int], list[tuple[int, int]]] = {}
        self.midnight = clock.day_start(found.day)

    def seconds(self, at: datetime) -> int:
        return int((at - self.midnight).total_seconds())

    def add_profiles(self, modes: Sequence[RoadMode]) -> None:
        """A matrix for each mode; a station that isn't on the map is reached by nothing but a bus."""
        count = len(self.stations)
        on_map = [n for n, station in enumerate(self.stations) if station.lng is not None and station.lat is not None]
        points = [(float(self.stations[n].lng or 0), float(self.stations[n].lat or 0)) for n in on_map]
        travels = matrices(
            county_code=self.hub.county_code,
            points=points,
            modes=modes,
            at=self.midnight + timedelta(hours=12),
        )
        for mode, travel in zip(modes, travels, strict=True):
            distance = np.full((count, count), p.UNREACHABLE, dtype=np.int64)
            duration = np.full((count, count), p.UNREACHABLE, dtype=np.int64)
            rows = np.ix_(on_map, on_map)
            reached = travel.metres < p.UNREACHABLE
            units = np.ceil(travel.metres / rules.DISTANCE_M).astype(np.int64)
            distance[rows] = np.where(reached, units, p.UNREACHABLE)
            duration[rows] = np.where(reached, travel.seconds, p.UNREACHABLE)
            np.fill_diagonal(distance, 0)
            np.fill_diagonal(duration, 0)
            self.profiles.append(p.Profile(mode.name, distance, duration, travel.estimated))
            self.reaches.append((distance[0] < p.UNREACHABLE) & (distance[:, 0] < p.UNREACHABLE))
        if not self.profiles:  # buses alone: nobody drives
            none = np.full((count, count), p.UNREACHABLE, dtype=np.int64)
            np.fill_diagonal(none, 0)
            self.profiles.append(p.Profile("none", none, none))
            self.reaches.append(np.zeros(count, dtype=bool))

    def add_vehicles(self, fleet: Iterable[Usable], at: datetime) -> None:
        """Each with every gap of its day; what is locked or on the road takes its time out."""
        self._occupy()
        able = [one for one in fleet if one.usable]
        modes = {one.vehicle.pk: mode_of(one.vehicle, terrain=self.hub.region.terrain) for one in fleet}
        distinct = list(dict.fromkeys(modes.values()))
        self.add_profiles(distinct)
        self.profile_of = {pk: distinct.index(mode) for pk, mode in modes.items()}
        for one in able:
            taken = sorted(
                self.occupied.get(("vehicle", one.vehicle.pk), [])
                + (self.occupied.get(("driver", one.driver.pk), []) if one.driver else [])
            )
            start, end = max(one.window[0], self.earliest), min(one.window[1], self.latest)
            for low, high in gaps(start, end, taken):
                self._add(self._own(one, (low, high), paid=("vehicle", one.vehicle.pk) in self.occupied), one)

    def _occupy(self) -> None:
        """When vehicles and drivers are on trips that stay as they are."""
        for trip in [*vehicles_taken(self.hub, self.demand.day, self.demand.wave), *self.locks.trips]:
            span = (self.seconds(trip.starts_at) - BUFFER_S, self.seconds(trip.busy_until))
            for kind, pk in (("vehicle", trip.vehicle_id), ("driver", trip.driver_id)):
                if pk is not None:
                    self.occupied.setdefault((kind, pk), []).append(span)

    def _add(self, vehicle: p.Vehicle, behind: Usable | Run) -> int:
        self.vehicles.append(vehicle)
        self.behind.append(behind)
        if isinstance(behind, Run):
            self.carriers.append(Carrier(departure_id=behind.departure.pk))
        else:
            driver = behind.driver.pk if behind.driver else None
            self.carriers.append(Carrier(vehicle_id=behind.vehicle.pk, driver_id=driver))
        return len(self.vehicles) - 1

    def _own(self, one: Usable, window: p.Window, *, paid: bool, trips: int = rules.MOST_TRIPS) -> p.Vehicle:
        row = one.vehicle
        skills = {name for name, has in (("cold", row.cold), ("hazard", row.hazard)) if has}
        return p.Vehicle(
            key=row.plate,
            capacity=(row.payload_kg * 1000 // rules.WEIGHT_G, row.volume_l, row.piece_capacity),
            profile=self.profile_of[row.pk],
            start=0,
            end=0,
            window=window,
            max_distance=row.range_km * 1000 // rules.DISTANCE_M if row.range_km else 10**9,
            max_trips=trips,
            loading=rules.LOADING_S,
            fixed_cost=0 if paid else int(row.day_cost * rules.YUAN_UNITS),
            distance_cost=round(row.km_cost * rules.YUAN_UNITS * rules.DISTANCE_M / 1000),
            duration_cost=round(row.hour_cost * rules.YUAN_UNITS / 3600),
            skills=frozenset(skills),
        )

    def add_buses(self, runs: Iterable[Run]) -> None:
        """A departure carries down from where it calls at the hub, and up until it does; dangerous goods never. One
        that locked goods ride on stays out: it is taken up with them."""
        locked = {trip.departure_id for trip in self.locks.trips}
        taken = {
            trip.departure_id for trip in vehicles_taken(self.hub, self.demand.day, self.demand.wave)
        }  # its hold is another plan's
        for run in runs:
            if run.departure.pk not in locked | taken and run.starts_s >= self.earliest:
                for bus, way in self._rides(run):
                    number = self._add(bus, run)
                    self._note_way(number, bus, way)

    def _note_way(self, number: int, bus: p.Vehicle, way: str) -> None:
        if way == Direction.DOWN:
            self.down_only.add(number)
        elif way == Direction.UP:
            self.up_only.add(number)
        if way:
            self.one_way.update(call.place for call in bus.timetable if call.place)

    def _rides(self, run: Run) -> list[tuple[p.Vehicle, str]]:
        """The bus as the problem sees it, and which way: round trips take goods both ways."""
        at_hub = [n for n, call in enumerate(run.calls) if call.station_id == self.hub.pk]
        if not at_hub:
            return []
        first, last = at_hub[0], at_hub[-1]
        rides = []
        if first == 0 and last == len(run.calls) - 1 and last > 0:
            rides.append((run.calls, ""))
        else:
            rides += [(run.calls[last:], Direction.DOWN.value), (run.calls[: first + 1], Direction.UP.value)]
        found = []
        for calls, way in rides:
            kept = [
                p.Call(self.place[call.station_id], call.arrive_s, call.leave_s)
                for call in calls
                if call.station_id in self.place and self._takes(call.pickup_ok, call.dropoff_ok, way, call.station_id)
            ]
            if len(kept) > 1 and any(call.place for call in kept):
                found.append((self._bus(run, tuple(kept)), way))
        return found[:1]  # through the hub: a departure is one trip, so it serves what lies beyond

    def _takes(self, pickup: bool, dropoff: bool, way: str, station_id: int) -> bool:
        """Whether goods may change hands there: at the hub the other way round."""
        down, up = way != Direction.UP, way != Direction.DOWN
        if station_id == self.hub.pk:
            return (pickup or not down) and (dropoff or not up) if way else True
        return (dropoff or not down) and (pickup or not up)

    def _bus(self, run: Run, calls: tuple[p.Call, ...]) -> p.Vehicle:
        return p.Vehicle(
            key=str(run.departure.line),
            capacity=(run.hold_kg * 1000 // rules.WEIGHT_G, run.hold_l, run.hold_pieces),
            profile=0,
            start=calls[0].place,
            end=calls[-1].place,
            distance_cost=0,
            skills=frozenset({"cold"}) if run.cold else frozenset(),
            timetable=calls,
            tariff=round(run.tariff * rules.YUAN_UNITS),
        )


def gaps(start: int, end: int, taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of a window between sorted spans, as far as it is long enough for a trip."""
    found, now = [], start
    for low, high in [*taken, (end, end)]:
        if min(low, end) - now >= LEAST_GAP_S:
            found.append((now, min(low, end)))
        now = max(now, high)
    return found
