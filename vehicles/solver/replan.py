"""Planning anew while the day runs: repair first, then a short search; a stop changes hands only where it pays.

A change of vehicle has its price (Problem.change_cost); where too many stops would move all the same, the repaired plan
stands. The problem that is left comes from rest.rest_of_day.
"""

from collections.abc import Callable
from dataclasses import replace

from vehicles.problem import Improvement, Plan, Solved
from vehicles.solver import solve
from vehicles.solver.repair import repair
from vehicles.solver.rest import Rest

KEPT = 0.9  # of the stops nothing happened to, at least that many stay with their vehicle


def replan(
    rest: Rest,
    *,
    seconds: float = 1.0,
    seed: int = 0,
    iterations: int | None = None,
    on_better: Callable[[Plan, Improvement], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Solved:
    """Repair, then search for `seconds`. The repaired plan stands where the search would move more than one in ten of
    the stops nothing happened to."""
    repaired = repair(rest.problem, rest.tours)
    solved = solve(
        rest.problem,
        seconds=seconds,
        seed=seed,
        iterations=iterations,
        warm=repaired,
        on_better=on_better,
        should_stop=should_stop,
    )
    stayed, promised = rest.kept(solved.plan)
    worse = (len(solved.plan.left_tasks), solved.plan.cost) > (len(repaired.left_tasks), repaired.cost)
    if worse or stayed < KEPT * promised:
        return replace(solved, plan=repaired)
    return solved
