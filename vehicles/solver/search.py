"""Iterated local search over one model: PyVRP's moves under our own loop.

PyVRP's own loop begins with a penalty halfway to its maximum (50,000 a unit), which takes some thirty thousand
iterations to come down to a county's prices; ours begins at what a unit of load, time or distance costs in the plan it
starts from and adapts five times as often. Late acceptance as in Burke and Bykov (2017), as PyVRP has it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from pyvrp import CostEvaluator, ProblemData, RandomNumberGenerator, Solution
from pyvrp.search import (
    OPERATORS,
    LocalSearch,
    NeighbourhoodParams,
    PerturbationManager,
    PerturbationParams,
    compute_neighbours,
)

MAX_PENALTY, MIN_PENALTY = 100_000.0, 0.1  # PyVRP's; where money comes in tiny units the first is too little


@dataclass(frozen=True, slots=True)
class Settings:
    """What is tuned by measurement (benchmarks/county_plan.py)."""

    neighbours: int = 40
    perturbations: int = 15
    history: int = 50  # short: a part is searched for a thousand iterations, not for a hundred thousand
    press: float = 2.0  # times what a unit of load, time or distance costs in the plan: the first penalties
    register: int = 100  # iterations between two changes of a penalty
    restart: int = 20_000  # iterations without a better plan until the search goes back to the best


@dataclass(frozen=True, slots=True)
class Size:
    """How a problem is cut and how long each part is searched."""

    settings: Settings
    nodes: int  # in a part, on average
    iterations: int = 1_000  # for a part
    vary: float = 0.4  # parts are up to this share larger or smaller
    whole: bool = True  # begin with one thorough pass over the whole
    idle_each: int = 2  # idle vehicles of a kind in a part
    idle_kinds: int = 8  # kinds of idle vehicles in a part
    idle_buses: int = 2  # idle departures in a part
    ruin: float = 0.0  # share of parts searched from a plan with one tour dissolved
    pool_every: int = 4_000  # iterations between two recombinations
    pool_seconds: float = 0.3  # nobody who asks to stop waits longer
    pool_routes: int = 3_000


@dataclass(slots=True)
class Penalties:
    """What a unit too much of each load, of time and of distance costs, so that two thirds of plans keep to it."""

    values: list[float]
    every: int
    most: float = MAX_PENALTY
    seen: int = 0
    kept: list[int] = field(default_factory=list)

    def evaluator(self) -> CostEvaluator:
        *loads, time, distance = self.values
        return CostEvaluator(loads, time, distance)

    def register(self, solution: Solution) -> bool:
        """Whether the penalties changed."""
        if not self.kept:
            self.kept = [0] * len(self.values)
        excess = [*solution.excess_load(), solution.time_warp(), solution.excess_distance()]
        for i, amount in enumerate(excess):
            self.kept[i] += amount == 0
        self.seen += 1
        if self.seen < self.every:
            return False
        for i, kept in enumerate(self.kept):
            share = kept / self.seen
            if abs(0.65 - share) >= 0.05:
                factor = 1.3 if share < 0.65 else 0.9
                self.values[i] = min(self.most, max(MIN_PENALTY, self.values[i] * factor))
        self.seen, self.kept = 0, []
        return True


def first_penalties(data: ProblemData, solution: Solution) -> list[float]:
    """Prices to begin with: what the given solution pays for a unit of each."""
    clients = data.clients()
    cost = solution.distance_cost() + solution.duration_cost() + solution.fixed_vehicle_cost()
    stops = max(1, solution.num_clients() + 2 * solution.num_shipments())
    a_stop = max(1.0, cost / stops)
    loads = []
    for dimension in range(data.num_load_dimensions):
        sizes = [max(c.delivery[dimension], c.pickup[dimension]) for c in clients]
        sizes += [s.amount[dimension] for s in data.shipments()]
        mean = float(np.mean(sizes)) if sizes else 1.0
        loads.append(a_stop / max(1.0, mean))
    legs = max(1.0, solution.distance() / stops)
    durations = max(1.0, solution.duration() / stops)
    values = [*loads, a_stop / durations, a_stop / legs]
    return [max(MIN_PENALTY, value) for value in values]


class Search:
    """A search that can be run in slices; it remembers its penalties and where it was."""

    def __init__(
        self, data: ProblemData, seed: int, init: Solution, settings: Settings, penalties: list[float] | None = None
    ) -> None:
        self.data, self.settings = data, settings
        rng = RandomNumberGenerator(seed=seed)
        near = compute_neighbours(data, NeighbourhoodParams(num_neighbours=settings.neighbours))
        perturbation = PerturbationManager(PerturbationParams(1, settings.perturbations))
        self.local = LocalSearch(data, rng, near, perturbation)
        for operator in OPERATORS:
            if operator.supports(data):
                self.local.add_operator(operator(data))
        prices = [max(MIN_PENALTY, settings.press * price) for price in first_penalties(data, init)]
        self.penalties = Penalties(penalties or prices, settings.register, max(MAX_PENALTY, 1000 * max(prices)))
        self.evaluator = self.penalties.evaluator()
        self.current = self.init = init
        self.best: Solution | None = init if init.is_feasible() else None
        self.best_cost = self.evaluator.cost(init) if self.best is not None else None
        self.bar: int | None = None  # what a plan must cost less than to be told of
        self.idle = 0
        self.done = 0

    def polish(self) -> None:
        """One exhaustive search from where we are, as much towards feasibility as penalties can press."""
        most = self.penalties.most
        evaluator = CostEvaluator([most] * self.data.num_load_dimensions, most, most)
        self.current = self.init = self.local(self.init, evaluator, exhaustive=True)
        self._take(self.current)

    def _take(self, solution: Solution) -> bool:
        if not solution.is_feasible():
            return False
        cost = self.evaluator.cost(solution)
        if self.best_cost is not None and cost >= self.best_cost:
            return False
        self.best, self.best_cost = solution, cost
        return True

    def run(
        self,
        stop: Callable[[int], bool],
        on_best: Callable[[Solution], None] | None = None,
        on_seen: Callable[[Solution], None] | None = None,
    ) -> None:
        """Until `stop` (given the iterations of this run) says so. `on_seen`: each accepted plan."""
        history: list[Solution | None] = [None] * self.settings.history
        at, done = 0, 0
        if not self.current.is_complete():  # what is missing costs nothing: it would win against any whole plan
            self.current = self.init = self.local(self.current, self.evaluator, exhaustive=True)
            self._take(self.current)
        while not stop(done):
            done += 1
            self.done += 1
            self.idle += 1
            if self.idle > self.settings.restart and self.best is not None:
                history = [None] * self.settings.history
                self.current, self.idle = self.best, 0
            candidate = self.local(self.current, self.evaluator, exhaustive=False)
            changed = self.penalties.register(candidate)
            if self._take(candidate):
                self.idle = 0
                candidate = self.local(candidate, self.evaluator, exhaustive=True)
                self._take(candidate)
                below = self.bar is None or (self.best_cost is not None and self.best_cost < self.bar)
                if on_best is not None and self.best is not None and below:
                    on_best(self.best)
            cost = self.evaluator.penalised_cost(candidate)
            here = self.evaluator.penalised_cost(self.current)
            old = history[at]
            late = self.evaluator.penalised_cost(self.init if old is None else old)
            if cost < late or cost < here:
                self.current, here = candidate, cost
                if on_seen is not None:
                    on_seen(candidate)
            if here < late or old is None:
                history[at] = self.current
            at = (at + 1) % len(history)
            if changed:
                self.evaluator = self.penalties.evaluator()
