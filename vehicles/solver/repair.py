"""Repair: given orders made to fit again by taking out and cheapest insertion. Some hundredths of a second."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from vehicles.problem import Plan, Problem, Vehicle
from vehicles.solver.model import Modeller, Tour
from vehicles.solver.timing import Clock, plan_of

TRIED = 12  # insertions whose times are looked at, smallest detours first


def repair(problem: Problem, tours: Sequence[Tour]) -> Plan:
    """A plan that keeps to the limits, near the given orders: what doesn't fit is taken out, what has no place is put
    in where it costs least. Tasks that fit nowhere are left out."""
    return _Repair(problem).plan(tours)


class _Repair:
    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.modeller = Modeller(problem)
        self.clock = Clock(self.modeller)
        self.count = self.modeller.task_count
        self.tours: list[Tour] = []
        self.costs: list[int] = []

    def plan(self, tours: Sequence[Tour]) -> Plan:
        for tour in tours:
            fitting = self._thinned(tour)
            if fitting is not None:
                timed = self.clock.timed(fitting)
                self.tours.append(fitting)
                self.costs.append(timed.cost if timed else 0)
        placed = {node for tour in self.tours for node in tour.nodes}
        works: list[tuple[int, ...]] = [(n,) for n in range(self.count) if n not in placed]
        works += [(self.count + 2 * s, self.count + 2 * s + 1) for s in range(len(self.problem.shipments))]
        # The narrowest first: what few vehicles may carry, then what is large.
        for work in sorted(works, key=self._ease):
            if not set(work) & placed:
                self._insert(work)
        return plan_of(self.clock, self.tours)

    def _ease(self, work: tuple[int, ...]) -> tuple[int, int]:
        node = work[0]
        forbidden = sum(bool(ban[node]) for ban in self.modeller.forbidden)
        if node < self.count:
            size = max(*self.problem.tasks[node].down, *self.problem.tasks[node].up)
        else:
            size = max(self.problem.shipments[(node - self.count) // 2].load)
        return -forbidden, -size

    def _thinned(self, tour: Tour) -> Tour | None:
        """The tour without what keeps it from fitting; what is on board of this vehicle alone goes last."""
        while tour.trips and self.clock.timed(tour) is None:
            nodes = [n for n in tour.nodes if not self._only_here(n, tour.vehicle)] or list(tour.nodes)
            shorter = [_without(tour, {node}) for node in nodes]
            fitting = [(timed.cost, t) for t in shorter if t.trips and (timed := self.clock.timed(t))]
            tour = max(fitting, key=lambda found: found[0])[1] if fitting else _without(tour, {nodes[-1]})
        return tour if tour.trips else None

    def _only_here(self, node: int, vehicle: int) -> bool:
        return node < self.count and self.problem.tasks[node].allowed == frozenset({vehicle})

    def _insert(self, work: tuple[int, ...]) -> None:
        """Into the cheapest of the TRIED smallest detours that fits, or a tour of its own."""
        best: tuple[int, int, Tour] | None = None  # extra cost, number of the tour (-1: a new one), the tour
        for _detour, number, tour in sorted(self._candidates(work), key=lambda c: c[0])[: TRIED * len(work)]:
            timed = self.clock.timed(tour)
            if timed is not None:
                extra = timed.cost - (self.costs[number] if number >= 0 else 0)
                if best is None or extra < best[0]:
                    best = (extra, number, tour)
        if best is None:  # the small detours don't fit: look at all
            for _detour, number, tour in self._candidates(work):
                timed = self.clock.timed(tour)
                if timed is not None:
                    extra = timed.cost - (self.costs[number] if number >= 0 else 0)
                    if best is None or extra < best[0]:
                        best = (extra, number, tour)
        optional = len(work) == 1 and not self.problem.tasks[work[0]].required
        if best is None or (optional and best[0] >= self.problem.tasks[work[0]].skip_cost):
            return
        extra, number, tour = best
        if number < 0:
            self.tours.append(tour)
            self.costs.append(extra)
        else:
            self.tours[number] = tour
            self.costs[number] += extra

    def _candidates(self, work: tuple[int, ...]) -> list[tuple[int, int, Tour]]:
        """(detour and money it takes roughly, number of the tour, the tour with the work in it)."""
        found: list[tuple[int, int, Tour]] = []
        used: dict[int, int] = {}
        for number, tour in enumerate(self.tours):
            used[tour.vehicle] = used.get(tour.vehicle, 0) + 1
            vehicle = self.problem.vehicles[tour.vehicle]
            if any(self.modeller.forbidden[tour.vehicle][n] for n in work):
                continue
            for index, trip in enumerate(tour.trips):
                for changed, detour in self._ways_in(vehicle, trip, work):
                    trips = (*tour.trips[:index], changed, *tour.trips[index + 1 :])
                    found.append((detour, number, Tour(tour.vehicle, trips)))
            if len(tour.trips) < vehicle.max_trips:
                alone = self._detour(vehicle, (), work, 0)
                found.append((alone, number, Tour(tour.vehicle, (*tour.trips, work))))
        for index, vehicle in enumerate(self.problem.vehicles):
            if used.get(index, 0) < vehicle.count and not any(self.modeller.forbidden[index][n] for n in work):
                alone = vehicle.fixed_cost + self._detour(vehicle, (), work, 0)
                found.append((alone, -1, Tour(index, (work,))))
        return found

    def _ways_in(
        self, vehicle: Vehicle, trip: tuple[int, ...], work: tuple[int, ...]
    ) -> Iterable[tuple[tuple[int, ...], int]]:
        for first in range(len(trip) + 1):
            near = self._detour(vehicle, trip, work[:1], first)
            if len(work) == 1:
                yield (*trip[:first], work[0], *trip[first:]), near
                continue
            for second in range(first, len(trip) + 1):
                far = self._detour(vehicle, trip, work[1:], second)
                yield (*trip[:first], work[0], *trip[first:second], work[1], *trip[second:]), near + far

    def _detour(self, vehicle: Vehicle, trip: tuple[int, ...], work: tuple[int, ...], at: int) -> int:
        matrix = self.problem.profiles[vehicle.profile].distance
        place = self.clock.place
        before = place[trip[at - 1]] if at else vehicle.start
        after = place[trip[at]] if at < len(trip) else vehicle.end
        stops = [before, *(place[n] for n in work), after]
        way = sum(int(matrix[a, b]) for a, b in pairwise(stops))
        direct = int(matrix[before, after]) if trip else 0
        return (way - direct) * max(1, vehicle.distance_cost)


def _without(tour: Tour, nodes: set[int]) -> Tour:
    trips = (tuple(n for n in trip if n not in nodes) for trip in tour.trips)
    return Tour(tour.vehicle, tuple(trip for trip in trips if trip))
