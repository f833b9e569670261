"""Given orders made to fit again by taking out and cheapest insertion. Some hundredths of a second each.

`repair` keeps to the limits and may take a vehicle more; `squeeze` puts everything into the tours there are, over their
limits, for a search that pays for broken limits; `put_back` returns tasks to the vehicles they are promised to.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from vehicles.problem import Vehicle
from vehicles.solver.model import Tour
from vehicles.solver.timing import Clock

TRIED = 12  # insertions whose times are looked at, smallest detours first
TRIED_BACK = 4  # the same for a way back, a trip

Work = tuple[int, ...]  # a task's node, or a shipment's two


class Way(NamedTuple):
    """A way of putting work in: roughly what it costs, the tour's number (-1: a new one), the tour with it."""

    detour: int
    number: int
    tour: Tour


class Return(NamedTuple):
    """A way back for a task: what it costs more, the tours it leaves and enters, and what they become."""

    extra: int
    source: int
    target: int
    thinner: Tour
    fuller: Tour


def repair(clock: Clock, tours: Sequence[Tour]) -> list[Tour]:
    """Tours that keep to the limits, near the given ones: what doesn't fit is taken out, what has no place is put in
    where it costs least. Tasks that fit nowhere are left out."""
    day = _Day(clock)
    for tour in tours:
        fitting = day.thinned(tour)
        if fitting is not None:
            day.append(fitting)
    for work in day.works():
        day.insert(work)
    return day.tours


def insert_left(clock: Clock, tours: Sequence[Tour], hopeless: frozenset[int], over: Callable[[], bool]) -> list[Tour]:
    """The tours, which keep to the limits, with as much of what has no place as fits in before `over` says stop. What
    is `hopeless` (no vehicle could serve it alone) isn't tried."""
    day = _Day(clock)
    for tour in tours:
        day.append(tour)
    for work in day.works():
        if over():
            break
        if not set(work) & hopeless:
            day.insert(work)
    return day.tours


def squeeze(clock: Clock, tours: Sequence[Tour]) -> list[Tour]:
    """The tours with everything in them, whatever the limits say: each work where its detour is smallest."""
    day = _Day(clock)
    day.tours, day.costs = list(tours), [0] * len(tours)
    for work in day.works():
        ways = [way for way in day.ways(work) if way.number >= 0]
        if ways:
            way = min(ways, key=lambda way: way.detour)
            day.tours[way.number] = way.tour
    return day.tours


def put_back(clock: Clock, tours: Sequence[Tour], home: Callable[[int], set[int]], wanted: int) -> list[Tour]:
    """Return up to `wanted` tasks to a vehicle of their `home` (empty: it has none), those first whose return costs
    least; what can't return stays."""
    day = _Day(clock)
    for tour in tours:
        day.append(tour)
    while wanted > 0:
        found = []
        for number, tour in enumerate(day.tours):
            for node in tour.nodes:
                targets = home(node) if node < clock.count else set()
                if targets and tour.vehicle not in targets:
                    found += day.returns(node, number, targets)
        touched: set[int] = set()
        for way in sorted(found, key=lambda way: way.extra):
            if wanted > 0 and not {way.source, way.target} & touched:
                touched |= {way.source, way.target}
                day.put(way.source, way.thinner)
                day.put(way.target, way.fuller)
                wanted -= 1
        if not touched:
            break
    return [tour for tour in day.tours if tour.trips]


class _Day:
    """Tours and what each costs."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.problem, self.modeller = clock, clock.problem, clock.modeller
        self.count = clock.count
        self.tours: list[Tour] = []
        self.costs: list[int] = []

    def append(self, tour: Tour) -> None:
        self.tours.append(tour)
        self.costs.append(0)
        self.put(len(self.tours) - 1, tour)

    def put(self, number: int, tour: Tour) -> None:
        timed = self.clock.timed(tour) if tour.trips else None
        self.tours[number], self.costs[number] = tour, timed.cost if timed else 0

    def works(self) -> list[Work]:
        """What has no place, the narrowest first: what few vehicles may carry, then what is large."""
        placed = {node for tour in self.tours for node in tour.nodes}
        works: list[Work] = [(n,) for n in range(self.count)]
        works += [(self.count + 2 * s, self.count + 2 * s + 1) for s in range(len(self.problem.shipments))]
        return sorted((work for work in works if not set(work) & placed), key=self._ease)

    def _ease(self, work: Work) -> tuple[int, int]:
        node = work[0]
        forbidden = sum(bool(ban[node]) for ban in self.modeller.forbidden)
        if node < self.count:
            size = max(*self.problem.tasks[node].down, *self.problem.tasks[node].up)
        else:
            size = max(self.problem.shipments[(node - self.count) // 2].load)
        return -forbidden, -size

    def thinned(self, tour: Tour) -> Tour | None:
        """The tour without what keeps it from fitting; what is on board of this vehicle alone goes last."""
        while tour.trips and self.clock.timed(tour) is None:
            nodes = [n for n in tour.nodes if not self._only_here(n, tour.vehicle)] or list(tour.nodes)
            shorter = [_without(tour, {node}) for node in nodes]
            fitting = [(timed.cost, t) for t in shorter if t.trips and (timed := self.clock.timed(t))]
            tour = max(fitting, key=lambda found: found[0])[1] if fitting else _without(tour, {nodes[-1]})
        return tour if tour.trips else None

    def _only_here(self, node: int, vehicle: int) -> bool:
        return node < self.count and self.problem.tasks[node].allowed == frozenset({vehicle})

    def insert(self, work: Work) -> None:
        """Into the cheapest of the TRIED smallest detours that fits (of all, where none of these does)."""
        ways = sorted(self.ways(work), key=lambda way: way.detour)
        few = TRIED * len(work)
        best = self._cheapest(ways[:few]) or self._cheapest(ways[few:])
        if best is None:
            return
        extra, way = best
        optional = len(work) == 1 and not self.problem.tasks[work[0]].required
        if optional and extra >= self.problem.tasks[work[0]].skip_cost:
            return
        if way.number < 0:
            self.append(way.tour)
        else:
            self.tours[way.number], self.costs[way.number] = way.tour, self.costs[way.number] + extra

    def _cheapest(self, ways: Sequence[Way]) -> tuple[int, Way] | None:
        best: tuple[int, Way] | None = None
        for way in ways:
            timed = self.clock.timed(way.tour)
            if timed is not None:
                extra = timed.cost - (self.costs[way.number] if way.number >= 0 else 0)
                if best is None or extra < best[0]:
                    best = (extra, way)
        return best

    def ways(self, work: Work) -> list[Way]:
        """Every way of putting work in, its times not looked at."""
        found: list[Way] = []
        used: dict[int, int] = {}
        for number, tour in enumerate(self.tours):
            used[tour.vehicle] = used.get(tour.vehicle, 0) + 1
            if any(self.modeller.forbidden[tour.vehicle][n] for n in work):
                continue
            vehicle = self.problem.vehicles[tour.vehicle]
            for index, trip in enumerate(tour.trips):
                for changed, detour in self._into(vehicle, trip, work):
                    trips = (*tour.trips[:index], changed, *tour.trips[index + 1 :])
                    found.append(Way(detour, number, Tour(tour.vehicle, trips)))
            if len(tour.trips) < vehicle.max_trips:
                alone = self._detour(vehicle, (), work, 0)
                found.append(Way(alone, number, Tour(tour.vehicle, (*tour.trips, work))))
        for index, vehicle in enumerate(self.problem.vehicles):
            if used.get(index, 0) < vehicle.count and not any(self.modeller.forbidden[index][n] for n in work):
                alone = vehicle.fixed_cost + self._detour(vehicle, (), work, 0)
                found.append(Way(alone, -1, Tour(index, (work,))))
        return found

    def returns(self, node: int, source: int, targets: set[int]) -> list[Return]:
        """The cheapest way of a task from its tour into one of the `targets`; empty where none fits."""
        thinner = _without(self.tours[source], {node})
        left = self.clock.timed(thinner) if thinner.trips else None
        if thinner.trips and left is None:
            return []
        saved = self.costs[source] - (left.cost if left else 0)
        best: Return | None = None
        for number, tour in enumerate(self.tours):
            if tour.vehicle not in targets:
                continue
            vehicle = self.problem.vehicles[tour.vehicle]
            for index, trip in enumerate(tour.trips):
                for changed, _detour in sorted(self._into(vehicle, trip, (node,)), key=lambda way: way[1])[:TRIED_BACK]:
                    fuller = Tour(tour.vehicle, (*tour.trips[:index], changed, *tour.trips[index + 1 :]))
                    timed = self.clock.timed(fuller)
                    extra = timed.cost - self.costs[number] - saved if timed is not None else 0
                    if timed is not None and (best is None or extra < best.extra):
                        best = Return(extra, source, number, thinner, fuller)
        return [best] if best else []

    def _into(self, vehicle: Vehicle, trip: Work, work: Work) -> Iterable[tuple[Work, int]]:
        for first in range(len(trip) + 1):
            near = self._detour(vehicle, trip, work[:1], first)
            if len(work) == 1:
                yield (*trip[:first], work[0], *trip[first:]), near
                continue
            for second in range(first, len(trip) + 1):
                far = self._detour(vehicle, trip, work[1:], second)
                yield (*trip[:first], work[0], *trip[first:second], work[1], *trip[second:]), near + far

    def _detour(self, vehicle: Vehicle, trip: Work, work: Work, at: int) -> int:
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
