"""The planner's search, from problem to plan: construct, improve part by part, recombine, keep the best.

1. `construct` makes a first feasible plan in a fraction of a second (or mends the one given to start from).
2. Where it left out something required, a search over the whole presses towards feasibility for a share of the time;
   if in vain, what is required may from then on be left out at a cost above any route's, so that there is always a
   plan, and it serves all but what there is no room for. What no vehicle could serve even alone is not tried.
3. `Improver` works on parts until the deadline, the iterations or the caller say stop.

Every plan handed out has been timed anew (timing.py) and keeps every limit known to the solver; the checker judges it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from vehicles.problem import Improvement, Plan, Problem, Solved
from vehicles.solver.construct import construct
from vehicles.solver.improve import Improver
from vehicles.solver.model import NEVER, Modeller
from vehicles.solver.repair import insert_left
from vehicles.solver.search import Search, Settings, Size
from vehicles.solver.timing import Clock, plan_of, shortfall, tours_of
from vehicles.solver.tours import Tour

TELL_EVERY_S = 0.5
ASK_EVERY_S = 0.1
LARGE = 800  # from so many stops on the first pass over the whole pays; below, it only settles the fleet too early


class Run:
    """One solve's deadline, incumbent and trace."""

    def __init__(
        self,
        clock: Clock,
        seconds: float,
        iterations: int | None,
        on_better: Callable[[Plan, Improvement], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        self.clock, self.seconds, self.limit = clock, seconds, iterations
        self.on_better, self.should_stop = on_better, should_stop
        self.began = time.perf_counter()
        self.asked = self.told = -1.0
        self.stopped = False
        self.plan: Plan | None = None
        self.worth = (0, 0)
        self.untold: Improvement | None = None
        self.trace: list[Improvement] = []

    def elapsed(self) -> float:
        return time.perf_counter() - self.began

    def over(self, iterations: int, share: float = 1.0) -> bool:
        """Whether to stop: asked to, or that share of the deadline or the iterations is used up."""
        now = self.elapsed()
        if self.should_stop is not None and not self.stopped and now - self.asked >= ASK_EVERY_S:
            self.asked = now
            self.stopped = self.should_stop()
        self._tell(now)
        if self.limit is not None:
            return self.stopped or iterations >= share * self.limit
        return self.stopped or now >= share * self.seconds

    def found(self, tours: Sequence[Tour], by: str) -> None:
        """Keeps a plan if it is the best so far."""
        plan = plan_of(self.clock, tours)
        worth = shortfall(self.clock.problem, plan), plan.cost
        if self.plan is not None and worth >= self.worth:
            return
        self.plan, self.worth = plan, worth
        self.untold = Improvement(round(self.elapsed(), 3), plan.cost, by)
        self.trace.append(self.untold)
        self._tell(self.elapsed())

    def _tell(self, now: float, *, last: bool = False) -> None:
        if self.untold is None or self.on_better is None or self.plan is None:
            return
        if last or self.told < 0 or now - self.told >= TELL_EVERY_S:
            self.told = now
            self.on_better(self.plan, self.untold)
            self.untold = None

    def solved(self, iterations: int) -> Solved:
        self._tell(self.elapsed(), last=True)
        return Solved(self.plan or plan_of(self.clock, ()), tuple(self.trace), iterations, self.stopped)


def solve(
    problem: Problem,
    *,
    seconds: float,
    seed: int = 0,
    iterations: int | None = None,
    warm: Plan | None = None,
    on_better: Callable[[Plan, Improvement], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Solved:
    """The best plan found in `seconds` on one core; with `iterations` the clock is not looked at, so that the same seed
    gives the same plan. `warm`: a plan to start from, as far as it still keeps every limit. `on_better` hears of a
    better plan at most twice a second; `should_stop` is asked ten times a second."""
    clock = Clock(Modeller(problem))
    run = Run(clock, seconds, iterations, on_better, should_stop)
    if not problem.vehicles or not (problem.tasks or problem.shipments):
        run.found([], "nothing to do")
        return run.solved(0)
    kept = _usable(clock, tours_of(problem, warm)) if warm is not None else []
    tours, left = construct(clock, kept)
    run.found(tours, "construction" if warm is None else "start")
    hopeless = frozenset(n for n in left if not _possible(clock, n))
    size = size_of(problem)
    if iterations is not None:  # what the pool finds may not hang on how busy the machine is: its nodes are counted
        size = replace(size, pool_seconds=60.0)
    required = [n for n in left if n not in hopeless and _is_required(clock, n)]
    soft = any(_is_required(clock, n) for n in hopeless) or bool(required)
    spent = 0
    if required and not run.over(0):
        tours, spent, soft = _mend(clock, tours, hopeless, size, seed, run)
    if soft:  # more than the fleet can carry: the parts draw some of what is left at a time, this looks at all of it
        tours = insert_left(clock, tours, hopeless, lambda: run.over(0, 0.4))
        run.found(tours, "insertion")
    improver = Improver(
        clock,
        tours,
        seed=seed,
        size=size,
        soft=soft,
        hopeless=hopeless,
        stop=lambda done: run.over(spent + done),
        found=run.found,
    )
    improver.run()
    run.found(improver.tours, "part")
    if soft and not run.stopped:
        run.found(insert_left(clock, improver.tours, hopeless, lambda: run.over(0, 1.1)), "insertion")
    return run.solved(spent + improver.iterations)


def size_of(problem: Problem) -> Size:
    """How to cut a problem, by measurement (benchmarks/county_plan.py and routing.py)."""
    nodes = len(problem.tasks) + 2 * len(problem.shipments)
    windows = [t.window for t in problem.tasks] + [s.delivery_window for s in problem.shipments]
    timed = any(late < NEVER for _, late in windows)
    if any(v.timetable for v in problem.vehicles):
        return Size(Settings(neighbours=30), nodes=250, iterations=700, whole=False)
    if timed:  # tight parts: less of a plan has room to move
        return Size(Settings(), nodes=min(300, max(100, nodes // 2)), whole=nodes >= LARGE)
    return Size(Settings(), nodes=min(400, max(250, 7 * nodes // 10)), whole=nodes >= LARGE)


def _usable(clock: Clock, tours: Sequence[Tour]) -> list[Tour]:
    counts = [v.count for v in clock.problem.vehicles]
    seen: set[int] = set()
    kept = []
    for tour in tours:
        new = set(tour.nodes)
        if counts[tour.vehicle] > 0 and not new & seen and clock.timed(tour) is not None:
            counts[tour.vehicle] -= 1
            seen |= new
            kept.append(tour)
    return kept


def _is_required(clock: Clock, node: int) -> bool:
    if node < clock.count:
        return clock.problem.tasks[node].required
    return clock.problem.shipments[(node - clock.count) // 2].required


def _possible(clock: Clock, node: int) -> bool:
    """Whether some vehicle could serve it if it had nothing else to do."""
    if node >= clock.count:
        node -= (node - clock.count) % 2
    trip = (node,) if node < clock.count else (node, node + 1)
    if clock.problem.linehaul_first and node < clock.count and not clock.modeller.down_of[node]:
        return True  # it needs another's goods out: not known alone
    return any(
        not clock.modeller.forbidden[number][node] and clock.timed(Tour(number, (trip,))) is not None
        for number in range(len(clock.problem.vehicles))
    )


def _mend(
    clock: Clock, tours: list[Tour], hopeless: frozenset[int], size: Size, seed: int, run: Run
) -> tuple[list[Tour], int, bool]:
    """A search over the whole for a plan that serves all that is required and possible: the tours, iterations spent,
    and whether it was in vain."""
    problem = clock.problem
    tasks = [t for t in range(clock.count) if t not in hopeless]
    shipments = [s for s in range(len(problem.shipments)) if clock.count + 2 * s not in hopeless]
    model = clock.modeller.model(tasks, shipments)
    search = Search(model.data, seed, model.solution(tours), size.settings)
    search.polish()
    search.run(lambda done: search.best is not None or run.over(done, 0.2))
    if search.best is None:
        return tours, search.done, True
    mended = model.tours(search.best)
    run.found(mended, "mending")
    return mended, search.done, any(_is_required(clock, n) for n in hopeless)
