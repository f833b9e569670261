"""From what waits to the planner's problem: places, tasks, vehicles and buses with their numbers (problem.py's units).

1. A task is what one station gets and gives in one visit, split so that each part fits the smallest vehicle that gets
   there, and half a van at most. Goods that need a cold box or may be dangerous are tasks of their own. Where a bus
   that goes one way calls, what goes down and what comes up are two tasks, since no bus carries both.
2. What drives: carriage.py.
3. The locked trips of the plan that is planned anew stand at the end of the problem, with their own vehicles and
   times: the solver doesn't see them, the checker and the figures do.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import zip_longest

from django.utils.translation import gettext_lazy as _

from common import clock
from common.errors import Refused
from stations.models import Station
from stations.states import StationLevel
from vehicles import problem as p
from vehicles import rules
from vehicles.models import Plan, Trip
from vehicles.queries.demand import Demand, DemandParcel, demand
from vehicles.queries.fleet import Usable, usable_vehicles
from vehicles.queries.lines import Run, departures_on
from vehicles.services.carriage import Carriage
from vehicles.services.locks import Locks, locks_of
from vehicles.services.snapshots import Carrier, Continued, Snapshot
from vehicles.services.timing import timed
from vehicles.services.under_way import add_rolling, add_waiting, rolling_trips
from vehicles.states import Direction, VehicleKind

DAY_S = 86_400
DIMENSIONS = ("weight", "volume", "pieces")
FLIES = (VehicleKind.DRONE, VehicleKind.CABLEWAY)


@dataclass(frozen=True)
class Built(Snapshot):
    """The problem and everything behind its numbers."""

    demand: Demand = None  # type: ignore[assignment]
    vehicles: list[Usable | Run] = field(default_factory=list)  # of each vehicle of the problem
    idle: list[Usable] = field(default_factory=list)  # with their reasons
    stations: list[Station] = field(default_factory=list)  # of each place
    estimated: bool = False


def problem_for(
    *,
    hub: Station,
    day: date,
    wave: str,
    at: datetime,
    members: Sequence[str] | None = None,
    buses: bool = True,
    base: Plan | None = None,
    if_joined: bool = False,
    anew: bool = False,
) -> Built:
    """Refused "day_passed", "wave_over", "hub_not_on_map", "no_vehicle", "locked_trip_off" in a sentence. `anew`: the
    rest of `base`'s day, with what is on the road (under_way.py)."""
    earliest = earliest_start(day, wave, at)
    if hub.lng is None or hub.lat is None:
        raise Refused("hub_not_on_map", _("The hub has no place on the map yet: enter it first."))
    found = demand(hub=hub, day=day, wave=wave, at=at, members=members, if_joined=if_joined)
    locks = locks_of(base)
    builder = _Builder(found, locks, earliest)
    rolling = rolling_trips(base, at) if base is not None and anew else []
    builder.add_places(station for one in rolling for station in one.stations)
    fleet = usable_vehicles(hub, day)
    runs = departures_on(county_code=hub.county_code, day=day) if buses else []
    builder.add_vehicles(fleet, at)
    builder.add_buses(runs)
    if not builder.vehicles and not locks.trips:
        raise Refused("no_vehicle", _("No vehicle can drive that day, and no bus takes parcels: see the fleet's page."))
    builder.add_tasks()
    if base is not None and anew:
        add_waiting(builder, base)
        add_rolling(builder, rolling, fleet)
    builder.add_locked_trips({one.vehicle.pk: one for one in fleet}, {run.departure.pk: run for run in runs})
    return builder.built(fleet)


def earliest_start(day: date, wave: str, at: datetime) -> int:
    """From when on a vehicle may be loaded, in seconds after midnight of the day."""
    if wave not in rules.WAVES:
        raise Refused("unknown_wave", _("There is no such wave."), pointer="/wave")
    if day < clock.business_date(at):
        raise Refused(
            "day_passed", _("%(day)s is over: nothing can be planned for it any more.") % {"day": day}, pointer="/day"
        )
    first, last = rules.WAVES[wave]
    now = int((at - clock.day_start(day)).total_seconds()) + rules.LEAD_S
    if now >= last:
        raise Refused("wave_over", _("This wave is over: plan a later one, or tomorrow."), pointer="/wave")
    return max(first, now)


def _units(weight_g: int, volume_ml: int, pieces: int) -> p.Load:
    return (math.ceil(weight_g / rules.WEIGHT_G), math.ceil(volume_ml / rules.VOLUME_ML), pieces)


NOTHING: p.Load = (0, 0, 0)


class _Builder(Carriage):
    """Puts the problem together, part by part."""

    def __init__(self, found: Demand, locks: Locks, earliest: int) -> None:
        super().__init__(found, locks, earliest)
        self.here: dict[int, list[DemandParcel]] = {}
        for parcel in found.plannable:
            self.here.setdefault(parcel.station_id, []).append(parcel)
        self.tasks: list[p.Task] = []
        self.parcels_of_task: list[list[int]] = []
        self.locked_tasks: set[int] = set()
        self.fixed: list[p.Route] = []
        self.fixed_trips: list[int] = []
        self.free: tuple[int, int] = (0, 0)
        self.continues: dict[int, Continued] = {}
        self.orders: list[tuple[int, list[list[int]]]] = []  # vehicle, the tasks of its trips: where the search begins
        self.touched: set[int] = set()
        self.scope: list[DemandParcel] = []  # on the road, which the demand leaves out
        self.weekday = found.day.weekday()

    # --- places ---

    def add_places(self, more: Iterable[int] = ()) -> None:
        """The hub, where goods wait, and `more` stations."""
        for pk in more:
            if pk != self.hub.pk:
                self.here.setdefault(pk, [])
        self.stations = [self.hub, *(self.demand.stations[pk] for pk in sorted(self.here))]
        self.place = {station.pk: number for number, station in enumerate(self.stations)}

    # --- tasks ---

    def add_tasks(self) -> None:
        locked = self.locks.parcels
        for station_id in sorted(self.here):
            parcels = [parcel for parcel in self.here[station_id] if parcel.parcel_id not in locked]
            held = self.locks.stop_of
            for vehicles in sorted({held.get(parcel.parcel_id, ()) for parcel in parcels}):
                some = [parcel for parcel in parcels if held.get(parcel.parcel_id, ()) == vehicles]
                for skills in sorted({parcel.skills for parcel in some}, key=sorted):
                    self._add_visits(station_id, [each for each in some if each.skills == skills], skills, vehicles)
        self.free = (len(self.tasks), len(self.vehicles))

    def _add_visits(
        self, station_id: int, parcels: list[DemandParcel], skills: frozenset[str], lock: tuple[str, int] | tuple[()]
    ) -> None:
        limit = self._limit(self.place[station_id], skills)
        down = split([parcel for parcel in parcels if parcel.direction == Direction.DOWN], limit)
        up = split([parcel for parcel in parcels if parcel.direction == Direction.UP], limit)
        if self.place[station_id] in self.one_way:
            pairs: list[tuple[list[DemandParcel], list[DemandParcel]]] = [(part, []) for part in down] + [
                ([], part) for part in up
            ]
        else:
            pairs = list(zip_longest(down, up, fillvalue=[]))
        for part_down, part_up in pairs:
            if lock:
                self.locked_tasks.add(len(self.tasks))
            self._add_task(station_id, part_down, part_up, skills, self._allowed(part_down, part_up, lock))

    def _limit(self, place: int, skills: frozenset[str]) -> p.Load:
        """What a task there may come to: the smallest vehicle's hold that gets there, half a van at most."""
        kilos, litres, pieces = rules.TYPICAL["van"]
        half = (kilos * 1000 // rules.WEIGHT_G // 2, litres // 2, pieces // 2)
        holds = [
            vehicle.capacity
            for vehicle, behind in zip(self.vehicles, self.behind, strict=True)
            if isinstance(behind, Usable)
            and skills <= vehicle.skills
            and self.reaches[vehicle.profile][place]
            and behind.vehicle.kind not in FLIES
        ]
        if not holds:  # by air or by bus alone
            holds = [
                vehicle.capacity
                for vehicle, behind in zip(self.vehicles, self.behind, strict=True)
                if skills <= vehicle.skills
                and (
                    any(call.place == place for call in vehicle.timetable)
                    if isinstance(behind, Run)
                    else self.reaches[vehicle.profile][place]
                )
            ]
        return tuple(min(each) for each in zip(half, *holds, strict=True))

    def _allowed(
        self, down: list[DemandParcel], up: list[DemandParcel], lock: tuple[str, int] | tuple[()]
    ) -> frozenset[int] | None:
        """Which vehicles may serve it: by a dispatcher's lock, and no bus the wrong way."""
        wrong = (self.down_only if up else set()) | (self.up_only if down else set())
        everyone = range(len(self.vehicles))
        if lock:
            mine = {n for n in everyone if self._is(n, lock)}
            if mine:
                return frozenset(mine - wrong)
        return frozenset(set(everyone) - wrong) if wrong else None

    def _is(self, number: int, lock: tuple[str, int]) -> bool:
        kind, pk = lock
        return (self.carriers[number].vehicle_id if kind == "vehicle" else self.carriers[number].departure_id) == pk

    def _add_task(
        self,
        station_id: int,
        down: Sequence[DemandParcel],
        up: Sequence[DemandParcel],
        skills: frozenset[str],
        allowed: frozenset[int] | None,
    ) -> int:
        station = self.demand.stations[station_id]
        pieces = len(down) + len(up)
        stop = rules.CENTRE_STOP_S if station.level == StationLevel.CENTRE else rules.OUTLET_STOP_S
        window = rules.opening_window(station.opening_hours, self.weekday)
        self.tasks.append(
            p.Task(
                key=f"{station.code}/{len(self.tasks)}",
                place=self.place[station_id],
                down=_total(down),
                up=_total(up),
                service=stop + rules.PIECE_S * pieces,
                window=window or p.EVER,
                skills=skills,
                allowed=allowed,
                pieces=pieces,
                release=max((parcel.ready_s for parcel in down), default=0),
            )
        )
        self.parcels_of_task.append([parcel.parcel_id for parcel in (*down, *up)])
        return len(self.tasks) - 1

    # --- the rest of a day (under_way.py) ---

    def add_own(
        self,
        one: Usable,
        window: p.Window,
        *,
        driver_id: int | None,
        start: int,
        on_board: Sequence[DemandParcel],
    ) -> int:
        """A vehicle under way: from a station on, with what it has collected."""
        vehicle = replace(
            self._own(one, window, paid=True, trips=1),
            start=0 if start == self.hub.pk else self.place[start],
            loading=0,
            initial_load=_total(on_board),
        )
        number = self._add(vehicle, one)
        self.carriers[number] = Carrier(vehicle_id=one.vehicle.pk, driver_id=driver_id)
        self.free = (len(self.tasks), len(self.vehicles))
        return number

    def push_back(self, vehicle_id: int | None, driver_id: int | None, until: int, *, but: int) -> None:
        """Free no sooner than `until`."""
        for number, carrier in enumerate(self.carriers):
            same = (carrier.vehicle_id == vehicle_id) or (driver_id is not None and carrier.driver_id == driver_id)
            if same and carrier.vehicle_id is not None and number != but and number not in self.continues:
                low, high = self.vehicles[number].window
                self.vehicles[number] = replace(self.vehicles[number], window=(max(low, until), max(high, until)))

    def add_kept(self, station_id: int, down: list[DemandParcel], up: list[DemandParcel], number: int) -> int:
        """A stop of a vehicle under way: what is on board is its own, what it was to collect is promised to it."""
        allowed = frozenset({number}) if down else self._allowed(down, up, ())
        skills = frozenset[str]().union(*(parcel.skills for parcel in (*down, *up)))
        index = self._add_task(station_id, down, up, skills, allowed)
        self.tasks[index] = replace(self.tasks[index], keep=number, release=0)
        self.free = (len(self.tasks), len(self.vehicles))
        return index

    def vehicle_of(self, trip: Trip) -> int | None:
        """The vehicle of the problem that drives a trip: the gap it falls into."""
        mine = [
            number
            for number, carrier in enumerate(self.carriers)
            if number not in self.continues
            and (
                carrier.vehicle_id == trip.vehicle_id
                if trip.vehicle_id is not None
                else carrier.departure_id == trip.departure_id
            )
        ]
        depart = self.seconds(trip.departs_at)
        return next((n for n in mine if self.vehicles[n].window[1] >= depart), mine[-1] if mine else None)

    # --- the locked trips of the plan before ---

    def add_locked_trips(self, fleet: dict[int, Usable], runs: dict[int, Run]) -> None:
        wanted = {parcel.parcel_id: parcel for parcel in self.demand.plannable}
        for trip in self.locks.trips:
            parcels = [wanted[pk] for pk in self.locks.parcels_of[trip.pk] if pk in wanted]
            order = {pk: number for number, pk in enumerate(self.locks.stations_of[trip.pk])}
            parcels.sort(key=lambda parcel: (order.get(parcel.station_id, 0), sorted(parcel.skills), parcel.parcel_id))
            if not parcels:
                continue
            if trip.departure_id is not None:
                run = runs.get(trip.departure_id)
                rides = self._rides(run) if run else []
                if run is None or not rides:
                    raise Refused(
                        "locked_trip_off",
                        _("Trip %(code)s is locked, but its bus doesn't run that day: unlock it first.")
                        % {"code": trip.code},
                    )
                for bus, way in rides:
                    mine = [parcel for parcel in parcels if way in ("", parcel.direction)]
                    if mine:
                        self._fix(trip.pk, bus, run, mine, None)
                continue
            one = fleet.get(trip.vehicle_id or 0)
            if one is None or not one.usable:
                reason = one.reasons[0] if one and one.reasons else _("Not at this hub")
                raise Refused(
                    "locked_trip_off",
                    _("Trip %(code)s is locked, but %(plate)s can't drive that day (%(reason)s): unlock it first.")
                    % {"code": trip.code, "plate": trip.vehicle, "reason": reason},
                )
            depart = self.seconds(trip.departs_at)
            paid = any(carrier.vehicle_id == trip.vehicle_id for carrier in self.carriers[self.free[1] :])
            self._fix(trip.pk, self._own(one, (depart, DAY_S * 2), paid=paid, trips=1), one, parcels, depart)

    def _fix(
        self, trip_id: int, vehicle: p.Vehicle, behind: Usable | Run, parcels: list[DemandParcel], depart: int | None
    ) -> None:
        """A trip as it is: its goods as tasks of its vehicle, in the order of its stops."""
        number = self._add(vehicle, behind)
        groups: dict[tuple[int, tuple[str, ...]], list[DemandParcel]] = {}
        for parcel in parcels:
            groups.setdefault((parcel.station_id, tuple(sorted(parcel.skills))), []).append(parcel)
        tasks = [
            self._add_task(
                station_id,
                [parcel for parcel in some if parcel.direction == Direction.DOWN],
                [parcel for parcel in some if parcel.direction == Direction.UP],
                frozenset(skills),
                frozenset({number}),
            )
            for (station_id, skills), some in groups.items()
        ]
        route = timed(self._problem(), number, [tasks], leave=depart)
        if depart is not None:
            self.vehicles[number] = replace(vehicle, window=(depart, route.trips[0].back))
        self.fixed.append(route)
        self.fixed_trips.append(trip_id)

    # --- the whole ---

    def _problem(self) -> p.Problem:
        return p.Problem(
            places=tuple(
                p.Place(station.code, float(station.lng or 0), float(station.lat or 0)) for station in self.stations
            ),
            tasks=tuple(self.tasks),
            vehicles=tuple(self.vehicles),
            profiles=tuple(self.profiles),
            dimensions=DIMENSIONS,
        )

    def built(self, fleet: Iterable[Usable]) -> Built:
        return Built(
            problem=self._problem(),
            parcels_of_task=self.parcels_of_task,
            carriers=self.carriers,
            station_ids=[station.pk for station in self.stations],
            free_tasks=self.free[0],
            free_vehicles=self.free[1],
            fixed=tuple(self.fixed),
            fixed_trips=tuple(self.fixed_trips),
            locked_tasks=frozenset(self.locked_tasks),
            scope=(*self.demand.parcels, *self.scope),
            orders=tuple((number, tuple(tuple(trip) for trip in trips)) for number, trips in self.orders),
            touched=frozenset(self.touched),
            continues=self.continues,
            demand=self.demand,
            vehicles=self.behind,
            idle=[one for one in fleet if not one.usable],
            stations=self.stations,
            estimated=any(profile.estimated for profile in self.profiles),
        )


def _total(parcels: Sequence[DemandParcel]) -> p.Load:
    if not parcels:
        return NOTHING
    return _units(sum(each.weight_g for each in parcels), sum(each.volume_ml for each in parcels), len(parcels))


def split(parcels: Sequence[DemandParcel], limit: p.Load) -> list[list[DemandParcel]]:
    """In parts that fit `limit`, each filled before the next; a parcel that is larger alone is a part of its own."""
    parts: list[list[DemandParcel]] = []
    weight = volume = 0
    for parcel in parcels:
        after = _units(weight + parcel.weight_g, volume + parcel.volume_ml, len(parts[-1]) + 1 if parts else 1)
        if not parts or any(have > most for have, most in zip(after, limit, strict=True)):
            parts.append([])
            weight = volume = 0
        parts[-1].append(parcel)
        weight, volume = weight + parcel.weight_g, volume + parcel.volume_ml
    return parts
