"""The rest of a day as a problem of its own: what is driven is driven, what is on board stays on board.

What begins within HORIZON counts as done. A vehicle under way becomes one that starts where it is then, may serve what
it has on board (nobody else may) and collect; its later trips from the hub are a vehicle of their own that begins when
the first is surely back. A vehicle that broke down leaves its goods where it stands, as shipments.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from vehicles.problem import Plan, Problem, Profile, Shipment, Task, Trip, Vehicle
from vehicles.solver.model import Tour

HORIZON = 15 * 60  # seconds: what begins within is as good as driven
SLACK = 20 * 60  # a vehicle under way may come home that much later than it would; its next trip begins after that


@dataclass(frozen=True)
class Changes:
    """What happened by `now`. Indexes are the old problem's; `new` and `changed` name places of it (the caller gives a
    problem whose places and profiles already know new ones). `done`: what is really driven, by route: trips finished,
    visits done of the next (-1: not begun); a route that isn't named is as far as the plan says."""

    now: int
    new: tuple[Task, ...] = ()
    changed: Mapping[int, Task] = field(default_factory=dict)
    cancelled: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()  # routes of the plan whose vehicle broke down
    profiles: tuple[Profile, ...] | None = None  # slower or closed roads
    touched: frozenset[int] = frozenset()  # besides `changed` and a lost vehicle's: those on slower roads
    done: Mapping[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Rest:
    """What is left of a day. `old_task`: a task's index in the old problem, None: new, or the rest of a shipment.
    `route`: a vehicle's route of the old plan, None: it had none. `tours`: the old orders in the new problem; they may
    break limits. `served`: old tasks that are done. `touched`: old tasks that something happened to."""

    problem: Problem
    tours: tuple[Tour, ...]
    old_task: tuple[int | None, ...]
    route: tuple[int | None, ...]
    served: frozenset[int]
    touched: frozenset[int]

    def kept(self, plan: Plan) -> tuple[int, int]:
        """Of the tasks nothing happened to that had a vehicle, how many stay with it; and how many there are."""
        by = {v.index: r.vehicle for r in plan.routes for t in r.trips for v in t.visits if v.kind == "task"}
        stayed = promised = 0
        for index, task in enumerate(self.problem.tasks):
            if task.keep is None or self.old_task[index] in self.touched:
                continue
            promised += 1
            stayed += index in by and self.route[by[index]] == self.route[task.keep]
        return stayed, promised


@dataclass(frozen=True)
class _Left:
    """A task of the rest before its vehicles are known: `keep` its vehicle, `aboard` whether it is on board there."""

    old: int | None
    task: Task
    keep: int | None = None
    aboard: bool = False


def rest_of_day(problem: Problem, plan: Plan, changes: Changes, *, change_cost: int) -> Rest:
    """The problem that is left at `changes.now`, and the old orders in it."""
    return _Remainder(problem, plan, changes).rest(change_cost)


class _Remainder:
    def __init__(self, problem: Problem, plan: Plan, changes: Changes) -> None:
        self.problem, self.plan, self.changes = problem, plan, changes
        self.profiles = changes.profiles or problem.profiles
        self.left: list[_Left] = []
        self.orders: list[tuple[int, list[int]]] = []  # new vehicle, its tasks of one trip
        self.shipments: list[Shipment] = []
        self.vehicles: list[Vehicle] = []
        self.route: list[int | None] = []
        self.old_vehicle: list[int] = []
        self.under_way: set[int] = set()
        self.served: set[int] = set()
        self.touched: set[int] = {*changes.changed, *changes.touched}
        self.handed_over: set[int] = set()  # shipments that began

    def rest(self, change_cost: int) -> Rest:
        used: dict[int, int] = {}
        for number, route in enumerate(self.plan.routes):
            used[route.vehicle] = used.get(route.vehicle, 0) + 1
            self._route(number)
        for index, vehicle in enumerate(self.problem.vehicles):
            gone = bool(vehicle.timetable) and vehicle.timetable[0].leave <= self.changes.now + HORIZON
            if vehicle.count > used.get(index, 0) and not gone:
                early = max(vehicle.window[0], self.changes.now)
                count = vehicle.count - used.get(index, 0)
                self._vehicle(index, None, replace(vehicle, count=count, window=(early, vehicle.window[1])))
        there = {left.old for left in self.left} | self.served | self.changes.cancelled
        self._free(index for index in range(len(self.problem.tasks)) if index not in there)
        self.left += [_Left(None, task) for task in self.changes.new]
        self.shipments += [s for i, s in enumerate(self.problem.shipments) if i not in self.handed_over]
        rest = replace(
            self.problem,
            tasks=tuple(self._task(left) for left in self.left),
            shipments=tuple(self.shipments),
            vehicles=tuple(self.vehicles),
            profiles=self.profiles,
            change_cost=change_cost,
        )
        trips: dict[int, list[tuple[int, ...]]] = {}
        for number, tasks in self.orders:
            trips.setdefault(number, []).append(tuple(tasks))
        return Rest(
            rest,
            tuple(Tour(number, tuple(found)) for number, found in trips.items()),
            tuple(left.old for left in self.left),
            tuple(self.route),
            frozenset(self.served),
            frozenset(self.touched),
        )

    # --- one route ---------------------------------------------------------------------------------------------

    def _route(self, number: int) -> None:
        route = self.plan.routes[number]
        vehicle = self.problem.vehicles[route.vehicle]
        finished, done = self._progress(number)
        for trip in route.trips[:finished]:
            self._serve(trip, len(trip.visits))
        later = list(route.trips[finished:])
        if vehicle.timetable and done >= 0:  # a bus waits for nobody
            for trip in later:
                self._serve(trip, len(trip.visits))
            return
        free_from = max(self.changes.now, route.trips[finished - 1].back if finished else 0)
        begun = finished
        if later and done >= 0:
            begun += 1
            free_from = self._current(number, later.pop(0), done)
        if number in self.changes.lost:
            for trip in later:
                self.touched.update(self._open(trip, 0))
                self._free(self._open(trip, 0))
            return
        length = sum(self._length(vehicle, trip) for trip in route.trips[:begun])
        later_on = replace(
            vehicle,
            key=f"{vehicle.key}·{number}",
            count=1,
            window=(max(vehicle.window[0], free_from), vehicle.window[1]),
            start_late=None if begun else vehicle.start_late,
            fixed_cost=0 if begun else vehicle.fixed_cost,
            max_trips=vehicle.max_trips - begun,
            max_duration=vehicle.max_duration - (free_from - route.trips[0].depart if begun else 0),
            max_distance=vehicle.max_distance - length,
        )
        if later_on.max_trips <= 0 or later_on.max_duration <= 0 or later_on.max_distance <= 0:
            for trip in later:
                self._free(self._open(trip, 0))
            return
        here = self._vehicle(route.vehicle, number, later_on)
        for trip in later:
            self._order(here, [_Left(old, self._now(old), here) for old in self._open(trip, 0)])

    def _progress(self, number: int) -> tuple[int, int]:
        """Trips finished, and visits done of the next; -1 where it hasn't begun."""
        if number in self.changes.done:
            return self.changes.done[number]
        route = self.plan.routes[number]
        loading = self.problem.vehicles[route.vehicle].loading
        soon = self.changes.now + HORIZON
        for index, trip in enumerate(route.trips):
            if trip.back <= self.changes.now:
                continue
            if trip.depart - loading > soon:
                return index, -1
            return index, sum(visit.start <= soon for visit in trip.visits)
        return len(route.trips), -1

    def _current(self, number: int, trip: Trip, done: int) -> int:
        """The trip under way becomes a vehicle of its own, or goods on the road; when it is surely back."""
        index = self.plan.routes[number].vehicle
        vehicle = self.problem.vehicles[index]
        self._serve(trip, done)
        before = trip.visits[:done]
        at = place = self._place(before[-1].kind, before[-1].index) if before else vehicle.start
        ready = now = before[-1].leave if before else trip.depart
        collected, aboard = self._on_board(trip, done)
        if number in self.changes.lost:
            self._stranded(place, max(ready, self.changes.now), vehicle, collected, aboard)
            return ready
        duration = self.profiles[vehicle.profile].duration
        for left in aboard:
            start = max(now + int(duration[at, left.task.place]), left.task.window[0])
            now, at = start + left.task.service, left.task.place
        back = now + int(duration[at, vehicle.end])
        bound = max(trip.back, back) + SLACK
        driven = ready - self.plan.routes[number].trips[0].depart
        length = sum(self._length(vehicle, t) for t in self.plan.routes[number].trips if t.back <= ready)
        here = self._vehicle(
            index,
            number,
            replace(
                vehicle,
                key=f"{vehicle.key}·{number}↻",
                count=1,
                start=place,
                window=(ready, bound),
                start_late=None,
                max_duration=max(back - ready, vehicle.max_duration - driven),
                max_distance=max(0, vehicle.max_distance - length),
                max_trips=1,
                loading=0,
                fixed_cost=0,
                initial_load=collected,
            ),
        )
        self.under_way.add(here)
        self._order(here, [replace(left, keep=here) for left in aboard])
        return bound

    def _on_board(self, trip: Trip, done: int) -> tuple[tuple[int, ...], list[_Left]]:
        """What was collected on a trip so far, and what is still to do on it, in its order."""
        collected = [0] * len(self.problem.dimensions)
        picked_up = set()
        for visit in trip.visits[:done]:
            if visit.kind == "task":
                collected = [a + b for a, b in zip(collected, self.problem.tasks[visit.index].up, strict=True)]
            elif visit.kind == "pickup":
                picked_up.add(visit.index)
            self.handed_over.update(picked_up)
        aboard = []
        for visit in trip.visits[done:]:
            if visit.kind == "task" and visit.index not in self.changes.cancelled:
                task = self._now(visit.index)
                aboard.append(_Left(visit.index, task, aboard=any(task.down)))
            elif visit.kind == "delivery" and visit.index in picked_up:
                s = self.problem.shipments[visit.index]
                nothing = tuple(0 for _ in s.load)
                rest = Task(s.key, s.destination, s.load, nothing, s.delivery_service, s.delivery_window, s.skills)
                aboard.append(_Left(None, rest, aboard=True))
        return tuple(collected), aboard

    def _stranded(
        self, place: int, ready: int, vehicle: Vehicle, collected: tuple[int, ...], aboard: Sequence[_Left]
    ) -> None:
        """Goods on a vehicle that broke down: to be fetched where it stands."""
        for left in aboard:
            task = left.task
            if left.old is not None:
                self.touched.add(left.old)
            if any(task.down):
                self.shipments.append(
                    Shipment(
                        task.key,
                        place,
                        task.place,
                        task.down,
                        delivery_service=task.service,
                        pickup_window=(ready, 10**9),
                        delivery_window=task.window,
                        skills=task.skills,
                        pieces=task.pieces,
                    )
                )
            if any(task.up) or not any(task.down):
                self.left.append(_Left(left.old, replace(task, down=tuple(0 for _ in task.down))))
            elif left.old is not None:
                self.served.add(left.old)  # a shipment serves it now
        if any(collected):
            back = Shipment(f"{vehicle.key}↩", place, vehicle.end, collected, pickup_window=(ready, 10**9))
            self.shipments.append(back)

    # --- small parts -------------------------------------------------------------------------------------------

    def _vehicle(self, index: int, number: int | None, vehicle: Vehicle) -> int:
        self.vehicles.append(vehicle)
        self.route.append(number)
        self.old_vehicle.append(index)
        return len(self.vehicles) - 1

    def _order(self, vehicle: int, tasks: Sequence[_Left]) -> None:
        if tasks:
            self.orders.append((vehicle, list(range(len(self.left), len(self.left) + len(tasks)))))
            self.left += tasks

    def _free(self, tasks: Iterable[int]) -> None:
        self.left += [_Left(old, self._now(old)) for old in tasks]

    def _task(self, left: _Left) -> Task:
        """With who may serve it: who has it on board; else the kinds of before, none under way if it must be loaded."""
        if left.aboard and left.keep is not None:
            return replace(left.task, keep=left.keep, allowed=frozenset({left.keep}), release=0)
        allowed = left.task.allowed
        if allowed is not None or any(left.task.down):
            numbers = {
                n
                for n, old in enumerate(self.old_vehicle)
                if (allowed is None or old in allowed) and not (any(left.task.down) and n in self.under_way)
            }
            allowed = frozenset(numbers)
        return replace(left.task, keep=left.keep, allowed=allowed)

    def _now(self, old: int) -> Task:
        return self.changes.changed.get(old, self.problem.tasks[old])

    def _serve(self, trip: Trip, visits: int) -> None:
        self.served.update(visit.index for visit in trip.visits[:visits] if visit.kind == "task")
        self.handed_over.update(visit.index for visit in trip.visits[:visits] if visit.kind == "delivery")

    def _open(self, trip: Trip, done: int) -> list[int]:
        gone = self.changes.cancelled
        return [visit.index for visit in trip.visits[done:] if visit.kind == "task" and visit.index not in gone]

    def _place(self, kind: str, index: int) -> int:
        if kind == "task":
            return self.problem.tasks[index].place
        shipment = self.problem.shipments[index]
        return shipment.origin if kind == "pickup" else shipment.destination

    def _length(self, vehicle: Vehicle, trip: Trip) -> int:
        places = [vehicle.start, *(self._place(v.kind, v.index) for v in trip.visits), vehicle.end]
        matrix = self.problem.profiles[vehicle.profile].distance
        return sum(int(matrix[a, b]) for a, b in pairwise(places))
