"""The first plan: vehicle by vehicle, trip by trip, the nearest stop that still fits.

A trip begins at the farthest stop that is left and goes on to whatever can be reached soonest; of the kinds of vehicle
that could make the next day's work the one that is cheapest for what it carries makes it. Everything is checked as it
is appended, so the plan is feasible as far as it goes; what no vehicle had room for comes back as left. Each step is a
few array operations over all that is left: a county's day takes a tenth of a second.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vehicles.problem import UNREACHABLE, Vehicle
from vehicles.solver.model import Modeller
from vehicles.solver.timing import Clock
from vehicles.solver.tours import Tour


class Items:
    """What can be appended to a trip: a task, or a shipment's pickup and delivery one after the other."""

    def __init__(self, modeller: Modeller) -> None:
        problem, count = modeller.problem, modeller.task_count
        tasks, shipments = problem.tasks, problem.shipments
        dimensions = len(problem.vehicles[0].capacity) if problem.vehicles else 0
        nothing = (0,) * dimensions
        self.first = np.array([t.place for t in tasks] + [s.origin for s in shipments], dtype=np.int64)
        self.last = np.array([t.place for t in tasks] + [s.destination for s in shipments], dtype=np.int64)
        self.nodes = [(t,) for t in range(count)] + [(count + 2 * s, count + 2 * s + 1) for s in range(len(shipments))]
        self.window = np.array([t.window for t in tasks] + [s.pickup_window for s in shipments]).reshape(-1, 2)
        self.window2 = np.array([(0, 10**9) for _ in tasks] + [s.delivery_window for s in shipments]).reshape(-1, 2)
        self.service = np.array([t.service for t in tasks] + [s.pickup_service for s in shipments], dtype=np.int64)
        self.service2 = np.array([0 for _ in tasks] + [s.delivery_service for s in shipments], dtype=np.int64)
        self.down = np.array([t.down for t in tasks] + [nothing for _ in shipments], dtype=np.int64)
        self.up = np.array([t.up for t in tasks] + [nothing for _ in shipments], dtype=np.int64)
        self.through = np.array([nothing for _ in tasks] + [s.load for s in shipments], dtype=np.int64)
        self.release = np.array([t.release for t in tasks] + [0 for _ in shipments], dtype=np.int64)
        self.worth = (
            1.0
            + (self.down + self.up + self.through).sum(axis=1)
            / max(1, int((self.down + self.up).sum(axis=1).mean() or 1))
            if len(self.nodes)
            else np.zeros(0)
        )
        self.is_down: np.ndarray = self.down.sum(axis=1) > 0
        self.is_up: np.ndarray = self.up.sum(axis=1) > 0


@dataclass(slots=True)
class Day:
    """One vehicle's day as far as it has been built."""

    trips: list[list[int]]  # of items
    cost: int
    worth: float


def construct(clock: Clock, keep: Iterable[Tour] = ()) -> tuple[list[Tour], list[int]]:
    """Tours around those of `keep`, and the nodes that are left."""
    modeller, problem = clock.modeller, clock.problem
    tours = list(keep)
    items = Items(modeller)
    used = {node for tour in tours for node in tour.nodes}
    left = np.array([nodes[0] not in used for nodes in items.nodes], dtype=bool)
    counts = [v.count for v in problem.vehicles]
    for tour in tours:
        counts[tour.vehicle] -= 1
    kinds = _kinds(modeller)
    while left.any():
        best: tuple[float, int, Day] | None = None
        for numbers in kinds:
            number = next((n for n in numbers if counts[n] > 0), None)
            if number is None:
                continue
            day = _day(modeller, items, left, number)
            if day.trips:
                score = (day.cost + 1) / day.worth
                if best is None or score < best[0]:
                    best = score, number, day
        if best is None:
            break
        _, number, day = best
        tour = Tour(number, tuple(tuple(n for i in trip for n in items.nodes[i]) for trip in day.trips))
        counts[number] -= 1
        for trip in day.trips:
            left[trip] = False
        if clock.timed(tour) is not None:
            tours.append(tour)
        else:  # never seen; rather a vehicle idle than a plan that can't be driven
            left[[i for trip in day.trips for i in trip]] = True
            counts[number] = 0
    return tours, [n for i in np.flatnonzero(left) for n in items.nodes[i]]


def _kinds(modeller: Modeller) -> list[list[int]]:
    """Vehicles (no buses) by what they can do: one of a kind is tried for all."""
    kinds: dict[tuple[object, ...], list[int]] = {}
    for number, v in enumerate(modeller.problem.vehicles):
        if v.timetable:
            continue
        key = (
            v.capacity, v.profile, v.start, v.end, v.window, v.start_late, v.max_duration, v.max_distance, v.max_trips,
            v.loading, v.fixed_cost, v.distance_cost, v.duration_cost, v.initial_load,
            modeller.forbidden[number].tobytes(),
        )  # fmt: skip
        kinds.setdefault(key, []).append(number)
    return list(kinds.values())


def _day(modeller: Modeller, items: Items, left: np.ndarray, number: int) -> Day:
    vehicle = modeller.problem.vehicles[number]
    forbidden = modeller.forbidden[number]
    can = left & ~np.array([forbidden[nodes[0]] for nodes in items.nodes], dtype=bool)
    trips: list[list[int]] = []
    now, began, driven, worth = vehicle.window[0], -1, 0, 0.0
    for turn in range(vehicle.max_trips):
        trip, leave, back, distance = _trip(modeller, items, can, vehicle, now, began, driven, turn)
        if not trip:
            break
        can[trip] = False
        trips.append(trip)
        began = leave if began < 0 else began
        now, driven = back, driven + distance
        worth += float(items.worth[trip].sum())
    cost = vehicle.fixed_cost + driven * vehicle.distance_cost + max(0, now - began) * vehicle.duration_cost
    return Day(trips, cost, max(worth, 1e-9))


def _trip(
    modeller: Modeller,
    items: Items,
    can: np.ndarray,
    vehicle: Vehicle,
    early: int,
    began: int,
    driven: int,
    turn: int,
) -> tuple[list[int], int, int, int]:
    """A trip's items, departure, return and distance."""
    problem = modeller.problem
    profile = problem.profiles[vehicle.profile]
    travel, metres = profile.duration, profile.distance
    capacity = np.array(vehicle.capacity, dtype=np.int64)
    base = np.array(
        vehicle.initial_load if turn == 0 and vehicle.initial_load else (0,) * len(capacity), dtype=np.int64
    )
    peak, end_load = base.copy(), base.copy()
    inner, inner_way = travel[items.first, items.last], metres[items.first, items.last]
    home, home_way = travel[items.last, vehicle.end], metres[items.last, vehicle.end]
    no_push = np.zeros(len(items.nodes), dtype=np.int64)
    latest = vehicle.window[1]
    if began >= 0:
        latest = min(latest, began + vehicle.max_duration)
    start_late = 10**9 if vehicle.start_late is None or began >= 0 else vehicle.start_late
    at, way = vehicle.start, 0
    trip: list[int] = []
    ready, now = early, early + vehicle.loading
    departed, release = now, 0
    can = can.copy()
    while True:
        open_ = can
        if problem.linehaul_first:
            seen_up = any(items.is_up[i] for i in trip)
            open_ = can & (~items.is_down if seen_up else items.is_down)
            if trip and not seen_up and not open_.any():
                open_ = can & ~items.is_down
        at_start = not trip
        # goods that aren't ready yet put the departure off; once a trip is begun it waits for nothing more
        push = np.maximum(0, items.release - ready) if at_start else no_push
        if not at_start:
            open_ = open_ & (items.release <= release)
        arrive = now + push + travel[at, items.first]
        start = np.maximum(arrive, items.window[:, 0])
        second = start + items.service + inner
        start2 = np.maximum(second, items.window2[:, 0])
        leave = np.where(items.last == items.first, start + items.service, start2 + items.service2)
        leave = np.maximum(leave, start2 + items.service2)
        back = leave + home
        total = driven + way + metres[at, items.first] + inner_way + home_way
        due = np.full(len(items.nodes), latest, dtype=np.int64)
        if began < 0:  # the day may begin later than it could: only the time on the road counts
            waits = np.maximum(0, start - arrive) if at_start else no_push
            due = np.minimum(latest, departed + push + vehicle.max_duration + waits)
        fits = (
            open_
            & (start <= items.window[:, 1])
            & (start2 <= items.window2[:, 1])
            & (back <= due)
            & (total <= vehicle.max_distance)
            & (travel[at, items.first] < UNREACHABLE)
            & (metres[at, items.first] < UNREACHABLE)
            & (inner < UNREACHABLE)
            & (home < UNREACHABLE)
            & (home_way < UNREACHABLE)
            & (departed + push <= start_late)
        )
        loads = np.maximum(peak + items.down, np.maximum(end_load + items.up, end_load + items.through))
        fits &= (loads <= capacity).all(axis=1)
        chosen = np.flatnonzero(fits)
        if not chosen.size:
            if problem.linehaul_first and trip and not any(items.is_up[i] for i in trip):
                can = can & ~items.is_down  # goods out are loaded: now what comes back
                if can.any():
                    continue
            break
        if at_start:
            pick = int(chosen[np.argmax(home[chosen] + home_way[chosen])])
        else:
            score = metres[at, items.first[chosen]] * max(1, vehicle.distance_cost) + (start[chosen] - now) * max(
                1, vehicle.duration_cost
            )
            pick = int(chosen[np.argmin(score)])
        if at_start:
            release = max(ready, int(items.release[pick]))  # loading begins
            departed = release + vehicle.loading
            if began < 0:  # leave so that nobody waits at the first stop
                late = min(start_late, int(items.window[pick, 0]) - int(travel[at, items.first[pick]]))
                departed = max(departed, late)
            way = 0
        way += int(metres[at, items.first[pick]]) + int(inner_way[pick])
        now = int(leave[pick])
        at = int(items.last[pick])
        peak = np.maximum(
            peak + items.down[pick], np.maximum(end_load + items.up[pick], end_load + items.through[pick])
        )
        end_load = end_load + items.up[pick]
        can[pick] = False
        trip.append(pick)
    if not trip:
        return [], departed, early, 0
    return trip, departed, now + int(travel[at, vehicle.end]), way + int(metres[at, vehicle.end])
