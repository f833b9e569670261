"""Fitting one more task or shipment into a plan: on each of its trips, on one trip more, on a vehicle that stands."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from vehicles.problem import UNREACHABLE, Load, Plan, Problem, Route, Shipment, Task, Vehicle, Visit

POSITIONS = 6  # of a trip, those with the shortest way round: the others are no better in time and cost more
FAR = 10**9


@dataclass(frozen=True, slots=True)
class Stop:
    place: int
    service: int
    window: tuple[int, int]
    release: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """A task or a shipment, as far as fitting it in goes."""

    stops: tuple[Stop, ...]
    down: Load  # on board until the stop
    up: Load  # from the stop on
    between: Load  # from the first stop to the second, of a shipment
    skills: frozenset[str]
    allowed: frozenset[int] | None
    pieces: int
    required: bool
    skip_cost: int

    @property
    def need(self) -> Load:
        return tuple(max(each) for each in zip(self.down, self.up, self.between, strict=True))


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a route from being driven, the least of it."""

    kind: str  # "window", "start", "back", "shift", "range", "not_ready"
    over: int
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to carry it: on a trip of the plan, on another trip of a vehicle, on a vehicle that stands."""

    vehicle: int
    start: int
    over: Load
    free: Load
    obstacle: Obstacle | None
    cost: int
    trip: tuple[int, int] | None  # route and trip in the plan; None: a vehicle that stands


def of_task(task: Task) -> Ask:
    stop = Stop(task.place, task.service, task.window, task.release)
    none = (0,) * len(task.down)
    return Ask((stop,), task.down, task.up, none, task.skills, task.allowed, task.pieces, task.required, task.skip_cost)


def of_shipment(shipment: Shipment) -> Ask:
    stops = (
        Stop(shipment.origin, shipment.pickup_service, shipment.pickup_window),
        Stop(shipment.destination, shipment.delivery_service, shipment.delivery_window),
    )
    none = (0,) * len(shipment.load)
    return Ask(
        stops,
        none,
        none,
        shipment.load,
        shipment.skills,
        shipment.allowed,
        shipment.pieces,
        shipment.required,
        shipment.skip_cost,
    )


class Day:
    """The problem and the plan's routes, as stops and loads."""

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.problem = problem
        self.routes = [route for route in plan.routes if route.trips]
        self.used = Counter(route.vehicle for route in self.routes)
        self.stops = [[[self._stop(visit) for visit in trip.visits] for trip in route.trips] for route in self.routes]
        self.loads = [[self._loads(route, at) for at in range(len(route.trips))] for route in self.routes]

    def _stop(self, visit: Visit) -> Stop:
        if visit.kind == "task":
            return of_task(self.problem.tasks[visit.index]).stops[0]
        return of_shipment(self.problem.shipments[visit.index]).stops[visit.kind == "delivery"]

    def _loads(self, route: Route, at: int) -> list[Load]:
        """On board leaving the start and after each visit."""
        vehicle, visits = self.problem.vehicles[route.vehicle], route.trips[at].visits
        load = vehicle.initial_load if at == 0 and vehicle.initial_load else (0,) * len(self.problem.dimensions)
        for visit in visits:
            if visit.kind == "task":
                load = _sum(load, self.problem.tasks[visit.index].down)
        loads = [load]
        for visit in visits:
            if visit.kind == "task":
                task = self.problem.tasks[visit.index]
                load = tuple(have - off + on for have, off, on in zip(load, task.down, task.up, strict=True))
            else:
                sign = 1 if visit.kind == "pickup" else -1
                load = _sum(load, tuple(sign * each for each in self.problem.shipments[visit.index].load))
            loads.append(load)
        return loads

    # --- a vehicle and nothing else on it ---

    def reaches(self, index: int, ask: Ask) -> bool:
        vehicle = self.problem.vehicles[index]
        if vehicle.timetable:
            return self.calls(vehicle, ask, any_time=True) is not None
        return self._way(vehicle, [], 0, ask) < FAR

    def over_alone(self, index: int, ask: Ask) -> Load:
        vehicle = self.problem.vehicles[index]
        aboard = vehicle.initial_load if vehicle.initial_load and vehicle.max_trips == 1 else (0,) * len(ask.need)
        return _over((aboard,), ask.need, vehicle.capacity)

    def alone(self, index: int, ask: Ask) -> Obstacle | None:
        vehicle = self.problem.vehicles[index]
        if vehicle.timetable:
            return self._bus_obstacle(vehicle, ask)
        return self._obstacle(vehicle, [list(ask.stops)], ask)

    def share(self, index: int, over: Load) -> float:
        """How much too much, by the dimension where it is worst."""
        return max(shares(over, self.problem.vehicles[index].capacity))

    # --- what this plan's trips lack ---

    def offers(self, index: int, ask: Ask) -> Iterable[Offer]:
        vehicle = self.problem.vehicles[index]
        for number, route in enumerate(self.routes):
            if route.vehicle == index:
                yield from (self._ride(number, ask) if vehicle.timetable else self._detours(number, ask))
        if self.used[index] < vehicle.count:
            obstacle = self.alone(index, ask)
            yield Offer(
                index,
                vehicle.timetable[0].leave
                if vehicle.timetable
                else max(vehicle.window[0], ask.stops[0].release) + vehicle.loading,
                self.over_alone(index, ask),
                vehicle.capacity,
                obstacle,
                self._cost(vehicle, ask, self._way(vehicle, [], 0, ask), spare=True),
                None,
            )

    def _ride(self, number: int, ask: Ask) -> Iterable[Offer]:
        """On the bus with what is on it already."""
        route = self.routes[number]
        bus = self.problem.vehicles[route.vehicle]
        found = self.calls(bus, ask, any_time=True)
        if found is None:
            return
        places = [call.place for call in bus.timetable]
        order = -1
        ahead = []  # how many of the bus's stops come before each of ours
        for call in found:
            order, passed, at = call, 0, 0
            for stop in self.stops[number][0]:
                at = next((each for each in range(at, len(places)) if places[each] == stop.place), len(places))
                passed += at <= order
            ahead.append(passed)
        over, free = self._room(number, 0, ask, ahead[0], ahead[-1])
        yield Offer(
            route.vehicle,
            bus.timetable[0].leave,
            over,
            free,
            self._bus_obstacle(bus, ask),
            self._cost(bus, ask, 0),
            (number, 0),
        )

    def _detours(self, number: int, ask: Ask) -> Iterable[Offer]:
        """Into each trip where the way round is short, and as one trip more."""
        route = self.routes[number]
        vehicle = self.problem.vehicles[route.vehicle]
        for at, trip in enumerate(route.trips):
            stops = self.stops[number][at]
            ways = sorted((self._way(vehicle, stops, position, ask), position) for position in range(len(stops) + 1))
            for way, position in ways[:POSITIONS]:
                if way >= FAR:
                    continue
                over, free = self._room(number, at, ask, position, position)
                whole = [list(each) for each in self.stops[number]]
                whole[at] = [*stops[:position], *ask.stops, *stops[position:]]
                obstacle = self._obstacle(vehicle, whole, ask)
                yield Offer(
                    route.vehicle, trip.depart, over, free, obstacle, self._cost(vehicle, ask, way), (number, at)
                )
        if len(route.trips) < vehicle.max_trips and vehicle.start == vehicle.end:
            whole = [*(list(each) for each in self.stops[number]), list(ask.stops)]
            yield Offer(
                route.vehicle,
                max(route.trips[-1].back, ask.stops[0].release) + vehicle.loading,
                _over(((0,) * len(ask.need),), ask.need, vehicle.capacity),
                vehicle.capacity,
                self._obstacle(vehicle, whole, ask),
                self._cost(vehicle, ask, self._way(vehicle, [], 0, ask)),
                (number, len(route.trips)),
            )

    def _room(self, number: int, at: int, ask: Ask, first: int, last: int) -> tuple[Load, Load]:
        """Over and free, on the legs it would ride on if it came after `first` (and `last`) of the trip's stops."""
        loads, capacity = self.loads[number][at], self.problem.vehicles[self.routes[number].vehicle].capacity
        parts = ((loads[: first + 1], ask.down), (loads[last:], ask.up), (loads[first : last + 1], ask.between))
        riding = [(legs, need) for legs, need in parts if any(need)] or [(loads, ask.down)]
        overs = [_over(legs, need, capacity) for legs, need in riding]
        peak = [max(leg[dimension] for legs, _ in riding for leg in legs) for dimension in range(len(capacity))]
        over = tuple(max(each) for each in zip(*overs, strict=True))
        return over, tuple(whole - most for whole, most in zip(capacity, peak, strict=True))

    def _way(self, vehicle: Vehicle, stops: Sequence[Stop], position: int, ask: Ask) -> int:
        """The distance added by going there after so many stops; FAR where no road goes."""
        profile = self.problem.profiles[vehicle.profile]
        before = stops[position - 1].place if position else vehicle.start
        after = stops[position].place if position < len(stops) else vehicle.end
        path = [before, *(stop.place for stop in ask.stops), after]
        legs = list(pairwise(path))
        if any(max(profile.distance[leg], profile.duration[leg]) >= UNREACHABLE for leg in legs):
            return FAR
        direct = int(profile.distance[before, after]) if stops else 0
        return sum(int(profile.distance[leg]) for leg in legs) - direct

    def _cost(self, vehicle: Vehicle, ask: Ask, way: int, *, spare: bool = False) -> int:
        fixed = vehicle.fixed_cost if spare else 0
        return fixed + (vehicle.tariff * ask.pieces if vehicle.timetable else way * vehicle.distance_cost)

    # --- in time ---

    def calls(self, bus: Vehicle, ask: Ask, *, any_time: bool) -> list[int] | None:
        """Which of its calls serve the stops, in order; None if they can't."""
        found: list[int] = []
        order = 0
        for stop in ask.stops:
            for order in range(order, len(bus.timetable)):  # noqa: B020 -- goes on where the last stop was
                call = bus.timetable[order]
                meets = max(call.arrive, stop.window[0]) <= min(call.leave, stop.window[1])
                if call.place == stop.place and (any_time or meets):
                    found.append(order)
                    break
            else:
                return None
        return found

    def _bus_obstacle(self, bus: Vehicle, ask: Ask) -> Obstacle | None:
        leaves = bus.timetable[0].leave
        for stop in ask.stops:
            if stop.release > leaves:
                return Obstacle("not_ready", stop.release - leaves, {"ready": stop.release, "by": leaves})
        if self.calls(bus, ask, any_time=False) is not None:
            return None
        missed: list[Obstacle] = []
        for stop in ask.stops:
            gaps = [
                (max(call.arrive - stop.window[1], stop.window[0] - call.leave), call.arrive)
                for call in bus.timetable
                if call.place == stop.place
            ]
            over, arrive = min(gaps)
            missed.append(Obstacle("window", over, self._hours(stop, arrive)))
        return max(missed, key=lambda each: each.over)

    def _hours(self, stop: Stop, arrive: int) -> dict[str, Any]:
        place = self.problem.places[stop.place].key
        return {"place": place, "arrive": arrive, "earliest": stop.window[0], "latest": stop.window[1]}

    def _obstacle(self, vehicle: Vehicle, trips: list[list[Stop]], ask: Ask) -> Obstacle | None:
        """What keeps these trips from being driven; "not_ready" where they could be if the goods were there."""
        obstacle = self._drive(vehicle, trips)
        ready = ask.stops[0].release
        if obstacle is None or not ready or obstacle.kind == "range":
            return obstacle
        at_once = [[replace(stop, release=0) if stop is ask.stops[0] else stop for stop in trip] for trip in trips]
        if self._drive(vehicle, at_once) is not None:
            return obstacle
        return Obstacle("not_ready", obstacle.over, {"ready": ready, "by": ready - obstacle.over})

    def _drive(self, vehicle: Vehicle, trips: list[list[Stop]]) -> Obstacle | None:
        """As early as the planner can: loading begins when the shift does and the goods are there. The shift is
        reckoned with the first departure as late as that allows."""
        profile = self.problem.profiles[vehicle.profile]
        now, distance, waited, left = vehicle.window[0], 0, 0, 0
        slack = FAR
        for number, stops in enumerate(trips):
            ready = now + vehicle.loading
            depart = max([now, *(stop.release for stop in stops)]) + vehicle.loading
            if number:
                waited += depart - ready
            else:
                left = depart
                if vehicle.start_late is not None:
                    slack = vehicle.start_late - depart
                    if slack < 0:
                        return Obstacle("start", -slack, {"depart": depart, "latest": vehicle.start_late})
            here, now = vehicle.start, depart
            for stop in stops:
                distance += int(profile.distance[here, stop.place])
                arrive = now + int(profile.duration[here, stop.place])
                start = max(arrive, stop.window[0])
                if start > stop.window[1]:
                    return Obstacle("window", start - stop.window[1], self._hours(stop, arrive))
                waited += start - arrive
                slack = min(slack, waited + stop.window[1] - start)
                here, now = stop.place, start + stop.service
            distance += int(profile.distance[here, vehicle.end])
            now += int(profile.duration[here, vehicle.end])
        if now > vehicle.window[1]:
            return Obstacle("back", now - vehicle.window[1], {"back": now, "latest": vehicle.window[1]})
        if distance > vehicle.max_distance:
            numbers = {"distance": distance, "allowed": vehicle.max_distance}
            return Obstacle("range", distance - vehicle.max_distance, numbers)
        lasts = now - left - min(slack, waited)
        if lasts > vehicle.max_duration:
            numbers = {"duration": lasts, "allowed": vehicle.max_duration}
            return Obstacle("shift", lasts - vehicle.max_duration, numbers)
        return None


def least(obstacle: Obstacle | None) -> tuple[int, int]:
    """To sort by: nothing in the way, then time by how little is missing, then range."""
    if obstacle is None:
        return 0, 0
    return (2 if obstacle.kind == "range" else 1), obstacle.over


def shares(over: Load, capacity: Load) -> list[float]:
    return [missing / max(1, whole) for missing, whole in zip(over, capacity, strict=True)]


def _sum(load: Load, more: Load) -> Load:
    return tuple(have + add for have, add in zip(load, more, strict=True))


def _over(loads: Sequence[Load], need: Load, capacity: Load) -> Load:
    """How much too much, at the worst of these loads, in each dimension; 0 where it fits or nothing is asked."""
    return tuple(
        max(0, max(load[at] for load in loads) + need[at] - capacity[at]) if need[at] else 0 for at in range(len(need))
    )
