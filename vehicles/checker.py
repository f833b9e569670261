"""Is this plan true, and what does it cost? Reckoned from the visits' order alone; shares nothing with the solver.

A plan carries its own certificate: the times of every departure, visit and return. The checker drives each trip again
by the profile's matrices and compares. How it reads the contract where that leaves room: a drive takes exactly its
matrix time and waiting happens between `arrive` and `start`; a vehicle's day runs from its first `depart` (after
loading) to its last `back`; a bus keeps its timetable, so goods change hands while it stands (`start` between the
call's arrive and leave), the service after that is the station's, and it costs its tariff and its fixed cost, no
distance and no time, since it goes anyway; being left out is no change of vehicle.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from vehicles.problem import UNREACHABLE, Load, Plan, Problem, Profile, Route, Shipment, Task, Trip, Vehicle, Visit

Stops = list[tuple[int, Visit, Task | Shipment]]  # each visit with its number in the trip and what it is for
Where = tuple[int, int, int | None]  # route, trip, visit

CODES = (
    "unknown_vehicle",  # no such vehicle
    "unknown_visit",  # no such kind, task or shipment
    "too_many_vehicles",  # more routes than vehicles of the type
    "empty_route",  # a vehicle without a trip
    "too_many_trips",
    "reload_elsewhere",  # a second trip where the first ended somewhere else
    "loading_time",  # leaves before the last trip is back and the next one loaded
    "departs_early",
    "departs_late",
    "returns_late",
    "not_ready",  # leaves before the goods are there
    "no_road",
    "travel_time",  # the drive takes longer or less long than said
    "starts_early",  # begins before arriving
    "window",
    "service",  # leave is not start + service
    "overload",
    "skills",
    "not_allowed",
    "bus_stop",  # a place the bus doesn't call at
    "bus_order",  # behind the bus by its own line
    "bus_time",
    "shift",  # max_duration
    "range",  # max_distance
    "pair_split",  # pickup and delivery not in the same trip
    "pair_order",  # delivery before pickup
    "linehaul_first",
    "served_twice",
    "unaccounted",  # neither in a route nor left out
    "left_and_served",
    "left_required",  # kept apart: Report.left_out
)


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong and where: route in the plan, trip in the route, visit in the trip, and the numbers behind it."""

    code: str
    route: int | None = None
    trip: int | None = None
    visit: int | None = None
    detail: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Leg:
    """A drive between two stops and what is on board during it."""

    origin: int
    destination: int
    distance: int  # 0 on a bus: it goes anyway
    load: Load


@dataclass(frozen=True, slots=True)
class TripLoads:
    """One trip with its load at departure and on each of its legs."""

    route: int
    trip: int
    vehicle: int
    at_departure: Load
    legs: tuple[Leg, ...]

    @property
    def distance(self) -> int:
        return sum(leg.distance for leg in self.legs)


@dataclass(frozen=True, slots=True)
class Costs:
    """Where the cost comes from, in the problem's unit of money."""

    fixed: int = 0
    distance: int = 0
    duration: int = 0
    tariff: int = 0
    skipped: int = 0
    changed: int = 0

    @property
    def total(self) -> int:
        return self.fixed + self.distance + self.duration + self.tariff + self.skipped + self.changed


@dataclass(frozen=True, slots=True)
class Report:
    """`ok`: nothing is wrong but, perhaps, required tasks left out, which need a reason each (vehicles.reasons)."""

    violations: tuple[Violation, ...]
    left_out: tuple[Violation, ...]
    costs: Costs
    distance: int  # of our own vehicles; a bus goes anyway
    duration: int
    trip_loads: tuple[TripLoads, ...]
    vehicles_used: int  # buses not counted
    buses_used: int

    @property
    def ok(self) -> bool:
        return not self.violations

    @property
    def cost(self) -> int:
        return self.costs.total

    @property
    def trips(self) -> int:
        return len(self.trip_loads)


def check(problem: Problem, plan: Plan) -> Report:
    """Drive the plan again and say everything that is wrong with it; raises nothing, however broken the plan."""
    found: list[Violation] = []
    day = _Day(problem, found)
    for number, route in enumerate(plan.routes):
        day.drive(number, route)
    used = Counter(route.vehicle for route in plan.routes if 0 <= route.vehicle < len(problem.vehicles))
    for vehicle, count in sorted(used.items()):
        available = problem.vehicles[vehicle].count
        if count > available:
            detail = {"vehicle": vehicle, "used": count, "available": available}
            found.append(Violation("too_many_vehicles", detail=detail))
    left_out = _account(problem, plan, found)
    buses = sum(count for vehicle, count in used.items() if problem.vehicles[vehicle].timetable)
    return Report(
        violations=tuple(found),
        left_out=tuple(left_out),
        costs=Costs(
            fixed=sum(problem.vehicles[vehicle].fixed_cost * count for vehicle, count in used.items()),
            distance=day.distance_cost,
            duration=day.duration_cost,
            tariff=day.tariff,
            skipped=_skipped(problem, plan),
            changed=day.changes * problem.change_cost,
        ),
        distance=day.distance,
        duration=day.duration,
        trip_loads=tuple(day.trip_loads),
        vehicles_used=sum(used.values()) - buses,
        buses_used=buses,
    )


class _Day:
    """Goes along every route and adds up."""

    def __init__(self, problem: Problem, found: list[Violation]) -> None:
        self.problem = problem
        self.found = found
        self.kinds: dict[str, Sequence[Task | Shipment]] = {
            "task": problem.tasks,
            "pickup": problem.shipments,
            "delivery": problem.shipments,
        }
        self.zero: Load = (0,) * len(problem.dimensions)
        self.distance = self.duration = self.distance_cost = self.duration_cost = self.tariff = self.changes = 0
        self.trip_loads: list[TripLoads] = []

    def wrong(self, code: str, route: int, trip: int | None = None, visit: int | None = None, **detail: int) -> None:
        self.found.append(Violation(code, route, trip, visit, detail))

    def drive(self, number: int, route: Route) -> None:
        if not 0 <= route.vehicle < len(self.problem.vehicles):
            self.wrong("unknown_vehicle", number, vehicle=route.vehicle)
            return
        vehicle = self.problem.vehicles[route.vehicle]
        if not route.trips:
            self.wrong("empty_route", number)
            return
        if len(route.trips) > vehicle.max_trips:
            self.wrong("too_many_trips", number, trips=len(route.trips), allowed=vehicle.max_trips)
        elif len(route.trips) > 1 and vehicle.start != vehicle.end:
            self.wrong("reload_elsewhere", number, 1, place=vehicle.end)
        self._hours(number, route, vehicle)
        driven = sum(self._trip(number, at, route.vehicle, vehicle, trip) for at, trip in enumerate(route.trips))
        if vehicle.timetable:
            return
        if driven > vehicle.max_distance:
            self.wrong("range", number, distance=driven, allowed=vehicle.max_distance)
        lasted = route.trips[-1].back - route.trips[0].depart
        if lasted > vehicle.max_duration:
            self.wrong("shift", number, duration=lasted, allowed=vehicle.max_duration)
        self.distance += driven
        self.duration += lasted
        self.distance_cost += driven * vehicle.distance_cost
        self.duration_cost += lasted * vehicle.duration_cost

    def _hours(self, number: int, route: Route, vehicle: Vehicle) -> None:
        """The vehicle's own window, and the loading between its trips."""
        earliest, latest = vehicle.window
        first = route.trips[0].depart
        if first < earliest:
            self.wrong("departs_early", number, 0, depart=first, earliest=earliest)
        if vehicle.start_late is not None and first > vehicle.start_late:
            self.wrong("departs_late", number, 0, depart=first, latest=vehicle.start_late)
        for at, trip in enumerate(route.trips):
            ready = route.trips[at - 1].back + vehicle.loading if at else trip.depart
            if trip.depart < ready:
                self.wrong("loading_time", number, at, depart=trip.depart, loaded=ready)
        last = len(route.trips) - 1
        if route.trips[last].back > latest:
            self.wrong("returns_late", number, last, back=route.trips[last].back, latest=latest)

    def _trip(self, number: int, at: int, index: int, vehicle: Vehicle, trip: Trip) -> int:
        """The distance driven, 0 for a bus."""
        goods = self._goods(number, at, index, vehicle, trip)
        if vehicle.timetable:
            legs = self._ride(number, at, vehicle, trip, goods)
        else:
            legs = self._roads(number, at, vehicle, trip, goods)
        if self.problem.linehaul_first:
            self._order_of_goods(number, at, trip, goods)
        self._pairs(number, at, trip, goods)
        loads = self._loads(number, at, vehicle, trip, goods)
        driven = tuple(
            Leg(origin, destination, distance, load)
            for (origin, destination, distance), load in zip(legs, loads, strict=True)
        )
        self.trip_loads.append(TripLoads(number, at, index, loads[0], driven))
        return sum(leg.distance for leg in driven)

    def _goods(self, number: int, at: int, index: int, vehicle: Vehicle, trip: Trip) -> Stops:
        """The visits that mean something; who may carry what, the tariff, promises, goods ready or not."""
        goods: Stops = []
        for position, visit in enumerate(trip.visits):
            things = self.kinds.get(visit.kind, ())
            if not 0 <= visit.index < len(things):
                self.wrong("unknown_visit", number, at, position, index=visit.index)
                continue
            thing = things[visit.index]
            goods.append((position, visit, thing))
            if visit.kind == "delivery":  # the pickup has answered for it
                continue
            if not thing.skills <= vehicle.skills:
                self.wrong("skills", number, at, position, lacking=len(thing.skills - vehicle.skills))
            if thing.allowed is not None and index not in thing.allowed:
                self.wrong("not_allowed", number, at, position, vehicle=index)
            if thing.keep is not None and thing.keep != index:
                self.changes += 1
            if vehicle.timetable:
                self.tariff += vehicle.tariff * thing.pieces
            if isinstance(thing, Task) and trip.depart < thing.release:
                self.wrong("not_ready", number, at, position, depart=trip.depart, ready=thing.release)
        return goods

    def _roads(self, number: int, at: int, vehicle: Vehicle, trip: Trip, goods: Stops) -> list[tuple[int, int, int]]:
        """Each drive (from, to, distance) after checking that it is possible and that the times are right."""
        profile = self.problem.profiles[vehicle.profile]
        legs: list[tuple[int, int, int]] = []
        here, now = vehicle.start, trip.depart
        for position, visit, thing in goods:
            there, service, window = _stop(visit, thing)
            legs.append(self._leg(profile, (here, there), now, visit.arrive, (number, at, position)))
            self._stay((number, at, position), visit, service, window)
            here, now = there, visit.leave
        legs.append(self._leg(profile, (here, vehicle.end), now, trip.back, (number, at, None)))
        return legs

    def _leg(
        self, profile: Profile, ends: tuple[int, int], left: int, arrive: int, where: Where
    ) -> tuple[int, int, int]:
        distance, duration = int(profile.distance[ends]), int(profile.duration[ends])
        if distance >= UNREACHABLE or duration >= UNREACHABLE:
            self.wrong("no_road", *where, origin=ends[0], destination=ends[1])
            return (*ends, 0)
        if arrive != left + duration:
            self.wrong("travel_time", *where, leave=left, drive=duration, arrive=arrive)
        return (*ends, distance)

    def _stay(self, where: Where, visit: Visit, service: int, window: tuple[int, int]) -> None:
        if visit.start < visit.arrive:
            self.wrong("starts_early", *where, arrive=visit.arrive, start=visit.start)
        if not window[0] <= visit.start <= window[1]:
            self.wrong("window", *where, start=visit.start, earliest=window[0], latest=window[1])
        if visit.leave != visit.start + service:
            self.wrong("service", *where, start=visit.start, service=service, leave=visit.leave)

    def _ride(self, number: int, at: int, bus: Vehicle, trip: Trip, goods: Stops) -> list[tuple[int, int, int]]:
        """A bus: each visit at the next call at its place, at the call's time."""
        calls = bus.timetable
        if (trip.depart, trip.back) != (calls[0].leave, calls[-1].arrive):
            self.wrong("bus_time", number, at, None, depart=trip.depart, leaves=calls[0].leave, back=trip.back)
        legs: list[tuple[int, int, int]] = []
        here, reached = bus.start, 0
        for position, visit, thing in goods:
            place, service, window = _stop(visit, thing)
            stops = [order for order, call in enumerate(calls) if call.place == place]
            ahead = [order for order in stops if order >= reached]
            if not ahead:
                code = "bus_order" if stops else "bus_stop"
                self.wrong(code, number, at, position, place=place)
            else:  # a line may pass a place twice: the call whose time is said, else the next one
                reached = next((order for order in ahead if calls[order].arrive == visit.arrive), ahead[0])
                call = calls[reached]
                if visit.arrive != call.arrive or visit.start > call.leave:
                    self.wrong(
                        "bus_time", number, at, position, start=visit.start, calls=call.arrive, leaves=call.leave
                    )
                self._stay((number, at, position), visit, service, window)
            legs.append((here, place, 0))
            here = place
        legs.append((here, bus.end, 0))
        return legs

    def _order_of_goods(self, number: int, at: int, trip: Trip, goods: Stops) -> None:
        """No `down` behind an `up`; no trip that only collects."""
        tasks = [(position, thing) for position, _, thing in goods if isinstance(thing, Task)]
        first_up: int | None = None
        for position, task in tasks:
            if any(task.down) and first_up is not None:
                self.wrong("linehaul_first", number, at, position, up_at=first_up)
            if any(task.up) and first_up is None:
                first_up = position
        if first_up is not None and not any(any(task.down) for _, task in tasks):
            self.wrong("linehaul_first", number, at, up_at=first_up)

    def _pairs(self, number: int, at: int, trip: Trip, goods: Stops) -> None:
        """Of each shipment touched: both halves in this trip, the pickup first."""
        positions: dict[int, dict[str, int]] = {}
        for position, visit, _ in goods:
            if visit.kind != "task":
                positions.setdefault(visit.index, {})[visit.kind] = position
        for index, halves in positions.items():
            if len(halves) < 2:
                position = next(iter(halves.values()))
                self.wrong("pair_split", number, at, position, shipment=index)
            elif halves["delivery"] < halves["pickup"]:
                self.wrong("pair_order", number, at, halves["delivery"], shipment=index)

    def _loads(self, number: int, at: int, vehicle: Vehicle, trip: Trip, goods: Stops) -> list[Load]:
        """What is on board leaving the start and after each visit; of an overload the worst leg in each dimension."""
        load = vehicle.initial_load if at == 0 and vehicle.initial_load else self.zero
        for _, _, thing in goods:
            if isinstance(thing, Task):
                load = _plus(load, thing.down)
        loads = [load]
        for _, visit, thing in goods:
            if isinstance(thing, Task):
                load = _plus(_plus(load, thing.down, -1), thing.up)
            else:
                load = _plus(load, thing.load, 1 if visit.kind == "pickup" else -1)
            loads.append(load)
        for dimension, capacity in enumerate(vehicle.capacity):
            peak = max(range(len(loads)), key=lambda leg: loads[leg][dimension])
            if loads[peak][dimension] > capacity:
                position = goods[peak - 1][0] if peak else None
                load_then = loads[peak][dimension]
                self.wrong("overload", number, at, position, dimension=dimension, load=load_then, capacity=capacity)
        return loads


def _stop(visit: Visit, thing: Task | Shipment) -> tuple[int, int, tuple[int, int]]:
    """Where, for how long, within which window."""
    if isinstance(thing, Task):
        return thing.place, thing.service, thing.window
    if visit.kind == "pickup":
        return thing.origin, thing.pickup_service, thing.pickup_window
    return thing.destination, thing.delivery_service, thing.delivery_window


def _plus(load: Load, more: Load, sign: int = 1) -> Load:
    return tuple(have + sign * add for have, add in zip(load, more, strict=True))


def _account(problem: Problem, plan: Plan, found: list[Violation]) -> list[Violation]:
    """Everything once: in a route or left out. Answers the required ones left out."""
    seen: Counter[tuple[str, int]] = Counter()
    for route in plan.routes:
        for trip in route.trips:
            seen.update((visit.kind, visit.index) for visit in trip.visits)
    left_out: list[Violation] = []
    both: tuple[tuple[str, Sequence[Task | Shipment], tuple[int, ...]], ...] = (
        ("task", problem.tasks, plan.left_tasks),
        ("shipment", problem.shipments, plan.left_shipments),
    )
    for kind, things, left in both:
        halves = ("task",) if kind == "task" else ("pickup", "delivery")
        named = Counter(left)
        for index in sorted(named):
            if not 0 <= index < len(things):
                found.append(Violation("unknown_visit", detail={"left": index}))
        for index, thing in enumerate(things):
            detail = {kind: index}
            served = max(seen[half, index] for half in halves)
            if served > 1:
                found.append(Violation("served_twice", detail=detail))
            if served and named[index]:
                found.append(Violation("left_and_served", detail=detail))
            if not served and not named[index]:
                found.append(Violation("unaccounted", detail=detail))
            if not served and named[index] and thing.required:
                left_out.append(Violation("left_required", detail=detail))
    return left_out


def _skipped(problem: Problem, plan: Plan) -> int:
    tasks = sum(problem.tasks[index].skip_cost for index in set(plan.left_tasks) if 0 <= index < len(problem.tasks))
    return tasks + sum(
        problem.shipments[index].skip_cost for index in set(plan.left_shipments) if 0 <= index < len(problem.shipments)
    )
