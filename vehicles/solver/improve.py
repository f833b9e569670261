"""Improving a plan part by part: some neighbouring whole tours, the vehicles they use and a few that stand idle are a
problem of their own, searched for some hundred iterations and put back if they got cheaper.

Why parts: a move is tried against an empty vehicle of every kind, so a county's dozens of bus departures cost more than
all its roads (2,500 iterations in ten seconds with them, 12,000 without). A part takes the departures in use and
a few drawn ones, the next part others. And in a part of a large problem all of the matrix is in the processor's cache.
"""

import random
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from pyvrp import Solution

from vehicles.solver.pool import Pool
from vehicles.solver.search import Search, Size
from vehicles.solver.timing import Clock
from vehicles.solver.tours import Model, Tour


class Improver:
    """Holds the best tours found and works on them until told to stop."""

    def __init__(
        self,
        clock: Clock,
        tours: Iterable[Tour],
        *,
        seed: int,
        size: Size,
        soft: bool,
        hopeless: frozenset[int],
        stop: Callable[[int], bool],
        found: Callable[[list[Tour], str], None],
    ) -> None:
        self.clock, self.modeller, self.problem = clock, clock.modeller, clock.problem
        self.tours = list(tours)
        self.size, self.soft, self.hopeless = size, soft, hopeless
        self.stop, self.found = stop, found
        self.random = random.Random(seed)
        self.pool = Pool()
        self.pool_at = 0
        self.penalties: list[float] | None = None
        self.iterations = 0
        self.seen = 0
        self.buses = [n for n, v in enumerate(self.problem.vehicles) if v.timetable]
        self.near = {n: set(np.flatnonzero(~self.modeller.forbidden[n]).tolist()) for n in self.buses}
        self.middle = self._middles()

    def run(self) -> None:
        """One pass over the whole, then parts in turn until told to stop, and now and then the pool's best plan."""
        if self.size.whole:
            self._whole()
        self.remember(self.tours)
        while not self.stop(self.iterations):
            before = self.iterations
            self._part()
            if self.iterations - self.pool_at >= self.size.pool_every:
                self._recombine()
                self.pool_at = self.iterations
            if self.iterations == before:
                self.iterations += 1

    def remember(self, tours: Iterable[Tour]) -> None:
        for tour in tours:
            timed = self.clock.timed(tour)
            if timed is not None:
                self.pool.add(tour, timed.cost)

    def _whole(self) -> None:
        """Every stop's moves looked at once, with penalties that allow nothing: what construction got plainly wrong."""
        tasks = [t for t in range(self.clock.count) if t not in self.hopeless]
        shipments = [s for s in range(len(self.problem.shipments)) if self.clock.count + 2 * s not in self.hopeless]
        model = self.modeller.model(tasks, shipments, soft=self.soft)
        init = model.solution(self.tours)
        search = Search(model.data, self.random.randrange(2**31), init, self.size.settings)
        search.polish()
        if search.best is not None and search.best is not init:
            self.tours = model.tours(search.best)
            self.found(self.tours, "whole")

    def _part(self) -> None:
        chosen = self._chosen()
        inside = [self.tours[i] for i in chosen]
        nodes = sorted({n for t in inside for n in t.nodes} | self._left())
        tasks = [n for n in nodes if n < self.clock.count]
        shipments = sorted({(n - self.clock.count) // 2 for n in nodes if n >= self.clock.count})
        model = self.modeller.model(tasks, shipments, self._fleet(inside, set(nodes)), soft=self.soft)
        whole = model.solution(inside)
        init = whole
        if len(inside) > 2 and self.random.random() < self.size.ruin:
            dissolved = self.random.randrange(len(inside))
            init = model.solution(t for i, t in enumerate(inside) if i != dissolved)
        search = Search(model.data, self.random.randrange(2**31), init, self.size.settings, self.penalties)
        before = search.evaluator.cost(whole) if whole.is_feasible() else None
        search.bar = before
        first = self.iterations
        length = self.size.iterations

        def found(best: Solution) -> None:
            self.iterations = first + search.done
            self.found([*outside, *model.tours(best)], "part")

        outside = [t for i, t in enumerate(self.tours) if i not in set(chosen)]
        search.run(
            lambda done: done >= length or self.stop(first + done),
            found,
            lambda seen: self._remember(model, seen),
        )
        self.iterations = first + search.done
        self.penalties = search.penalties.values
        if search.best is not None and (before is None or (search.best_cost or 0) < before):
            self.tours = outside + model.tours(search.best)
            self._remember(model, search.best, always=True)

    def _remember(self, model: Model, solution: Solution, *, always: bool = False) -> None:
        """Routes of a plan the search accepted, every twentieth time: taking them out costs as much as an iteration."""
        self.seen += 1
        if not always and self.seen % 20:
            return
        for route in solution.routes():
            if route.is_feasible():
                cost = route.fixed_vehicle_cost() + route.distance_cost() + route.duration_cost()
                self.pool.add(model.tour(route), cost)

    def _left(self) -> set[int]:
        served = {n for t in self.tours for n in t.nodes}
        left = [n for n in range(self.modeller.node_count) if n not in served and n not in self.hopeless]
        return set(left if len(left) <= 60 else self.random.sample(left, 60))

    def _fleet(self, inside: Sequence[Tour], nodes: set[int]) -> dict[int, int]:
        """The vehicles of the tours inside, a few of each idle kind, a few idle buses that call there."""
        used: dict[int, int] = {}
        for tour in self.tours:
            used[tour.vehicle] = used.get(tour.vehicle, 0) + 1
        fleet: dict[int, int] = {}
        for tour in inside:
            fleet[tour.vehicle] = fleet.get(tour.vehicle, 0) + 1
        idle = {n: v.count - used.get(n, 0) for n, v in enumerate(self.problem.vehicles)}
        trucks = [n for n, count in idle.items() if count > 0 and not self.problem.vehicles[n].timetable]
        if len(trucks) > self.size.idle_kinds:
            trucks = self.random.sample(trucks, self.size.idle_kinds)
        for number in trucks:
            fleet[number] = fleet.get(number, 0) + min(idle[number], self.size.idle_each)
        calling = [n for n in self.buses if idle[n] > 0 and self.near[n] & nodes]
        for number in self.random.sample(calling, min(len(calling), self.size.idle_buses)):
            fleet[number] = fleet.get(number, 0) + 1
        return dict(sorted(fleet.items()))

    def _middles(self) -> np.ndarray:
        """Where each node is, for finding neighbours: coordinates, or where there are none the roads from one place."""
        places = self.problem.places
        points = np.array([(p.x, p.y) for p in places], dtype=float).reshape(-1, 2)
        if len(points) and not points.any() and self.problem.profiles:
            distance = self.problem.profiles[0].distance
            points = np.stack([distance[0], distance[len(points) // 2]], axis=1).astype(float)
        return points[np.array(self.clock.place, dtype=np.int64)] if self.clock.place else np.zeros((0, 2))

    def _chosen(self) -> list[int]:
        """Neighbouring tours around a drawn one, as many as a part takes; all where they fit."""
        sizes = [len(t.nodes) for t in self.tours]
        most = self.size.nodes * (1 + self.size.vary * (2 * self.random.random() - 1))
        if sum(sizes) <= most:
            return list(range(len(self.tours)))
        centres = np.array([self.middle[list(t.nodes)].mean(axis=0) for t in self.tours])
        seed = self.random.randrange(len(self.tours))
        far = np.hypot(*(centres - centres[seed]).T)
        chosen, total = [], 0
        for i in np.argsort(far, kind="stable").tolist():
            chosen.append(i)
            total += sizes[i]
            if total >= most and len(chosen) > 1:
                break
        return chosen

    def _recombine(self) -> None:
        if self.stop(self.iterations) or len(self.pool) <= len(self.tours):
            return
        upper = self.cost(self.tours)
        problem = self.problem
        skips = [self.modeller.skip_cost if t.required else t.skip_cost for t in problem.tasks]
        for shipment in problem.shipments:
            cost = self.modeller.skip_cost if shipment.required else shipment.skip_cost
            skips += [cost, 0]
        best = self.pool.best(
            [v.count for v in problem.vehicles],
            skips,
            upper,
            seconds=self.size.pool_seconds,
            most=self.size.pool_routes,
        )
        if best is not None and self.cost(best) < upper:
            self.tours = best
            self.found(best, "pool")

    def cost(self, tours: Sequence[Tour]) -> int:
        """Of tours and of what they leave out."""
        served: set[int] = set()
        total = 0
        for tour in tours:
            timed = self.clock.timed(tour)
            if timed is None:
                return 10**17
            total += timed.cost
            served.update(tour.nodes)
        for number, task in enumerate(self.problem.tasks):
            if number not in served:
                total += self.modeller.skip_cost if task.required else task.skip_cost
        for number, shipment in enumerate(self.problem.shipments):
            if self.clock.count + 2 * number not in served:
                total += self.modeller.skip_cost if shipment.required else shipment.skip_cost
        return total
