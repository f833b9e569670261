"""Planning anew while the day runs: repair first, then a short search; a stop changes hands only where it pays.

Two ways lead from the old orders to a plan. `repair` takes out what doesn't fit and puts it in where it fits, which may
take a vehicle more. `squeeze` puts everything into the vehicles there are, over their limits, and a search that pays
for broken limits makes a plan of it. The cheaper one counts, after as many stops have gone back to their vehicle as it
takes for nine in ten to stay.
"""

import math
import time
from collections.abc import Callable, Sequence

from vehicles.problem import Improvement, Plan, Solved
from vehicles.solver.model import Modeller, Tour
from vehicles.solver.repair import put_back, repair, squeeze
from vehicles.solver.rest import Rest
from vehicles.solver.search import Search, Settings
from vehicles.solver.timing import Clock, plan_of

KEPT = 0.9  # of the stops nothing happened to, at least that many stay with their vehicle
SEARCH = 0.85  # of the seconds; the rest is for putting stops back
SLICES = 5  # a search settles within some tenths of a second: as many begin anew, with other dice
FRESH = 3  # every third of them at the repaired orders
IDLE_EACH = 1  # vehicles of a kind without a route that the search may use


def replan(
    rest: Rest,
    *,
    seconds: float = 1.0,
    seed: int = 0,
    iterations: int | None = None,
    on_better: Callable[[Plan, Improvement], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Solved:
    """The better of both ways, found in `seconds` (or `iterations`: then the same seed gives the same plan). Problem's
    change_cost is the price of a change in the search too."""
    return _Replan(rest, seconds, iterations, on_better, should_stop).solved(seed)


class _Replan:
    def __init__(
        self,
        rest: Rest,
        seconds: float,
        iterations: int | None,
        on_better: Callable[[Plan, Improvement], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        self.rest, self.seconds, self.limit = rest, seconds, iterations
        self.on_better, self.should_stop = on_better, should_stop
        self.began = time.perf_counter()
        self.clock = Clock(Modeller(rest.problem))
        self.done, self.stopped = 0, False
        self.plan = Plan(())
        self.trace: list[Improvement] = []
        self.home: dict[int, set[int]] = {}
        for index, task in enumerate(rest.problem.tasks):
            if task.keep is not None and rest.old_task[index] not in rest.touched:
                route = rest.route[task.keep]
                self.home[index] = {n for n, other in enumerate(rest.route) if other == route}

    def solved(self, seed: int) -> Solved:
        fixed = self._with_enough_kept(repair(self.clock, self.rest.tours))
        self._found(plan_of(self.clock, fixed), "repair")
        squeezed = squeeze(self.clock, self.rest.tours)
        if squeezed and not self._over(0, 1.0):
            model = self.clock.modeller.model(None, None, self._fleet([*squeezed, *fixed]), soft=True)
            number = 0
            while not self._over(0, 1.0):
                start = fixed if number % FRESH == FRESH - 1 else squeezed
                search = Search(model.data, seed + number, model.solution(start), Settings())
                search.polish()
                number += 1
                until = min(1.0, number / SLICES)
                search.run(lambda count, until=until: self._over(count, until))  # type: ignore[misc]
                self.done += max(1, search.done)
                if search.best is not None:
                    tours = self._with_enough_kept(model.tours(search.best))
                    self._found(plan_of(self.clock, tours), "search")
        return Solved(self.plan, tuple(self.trace), self.done, self.stopped)

    def _over(self, count: int, share: float) -> bool:
        self.stopped = self.stopped or (self.should_stop is not None and self.should_stop())
        if self.limit is not None:
            return self.stopped or self.done + count >= share * self.limit
        return self.stopped or time.perf_counter() - self.began >= share * SEARCH * self.seconds

    def _found(self, plan: Plan, by: str) -> None:
        """Keeps a plan that serves as much and costs less, or that serves more."""
        stayed, promised = self.rest.kept(plan)
        if self.trace:
            if stayed < KEPT * promised and stayed < self.rest.kept(self.plan)[0]:
                return
            if _rank(plan) >= _rank(self.plan):
                return
        self.plan = plan
        self.trace.append(Improvement(round(time.perf_counter() - self.began, 3), plan.cost, by))
        if self.on_better is not None:
            self.on_better(plan, self.trace[-1])

    def _with_enough_kept(self, tours: Sequence[Tour]) -> list[Tour]:
        stayed = sum(t.vehicle in self.home.get(n, ()) for t in tours for n in t.nodes)
        return put_back(self.clock, tours, lambda n: self.home.get(n, set()), math.ceil(KEPT * len(self.home)) - stayed)

    def _fleet(self, tours: Sequence[Tour]) -> dict[int, int]:
        """The vehicles with a route, those of `tours`, and a few that stand idle; a bus only where it has a route: each
        costs every move a look."""
        used: dict[int, int] = {}
        for tour in tours:
            used[tour.vehicle] = used.get(tour.vehicle, 0) + 1
        fleet = {}
        for number, vehicle in enumerate(self.rest.problem.vehicles):
            idle = 0 if vehicle.timetable else IDLE_EACH
            count = min(vehicle.count, used.get(number, 0) + idle)
            if count:
                fleet[number] = count
        return fleet


def _rank(plan: Plan) -> tuple[int, int]:
    return len(plan.left_tasks) + len(plan.left_shipments), plan.cost
