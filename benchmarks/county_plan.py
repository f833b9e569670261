"""A morning of the demo county planned in ten seconds on one core, against ten minutes of ours and of bare PyVRP.

The day is made up by seed over the demo county's own stations (benchmarks/county.py): 8 carriers, 12,000 parcels down,
18 % up, three classes of vehicles, bus departures. Both solvers get the same model; every plan is costed and judged by
the independent checker. Last line: one JSON object. `ratio`: our cost after ten seconds ÷ the lower of the two long
runs (goal: 1.05); `first_feasible_s`: until the first plan the search held (goal: 2); `trips_over_bound`: trips driven
÷ the fewest that could carry the same goods with the same mix of vehicles by bin packing (goal: 1.10), beside it
`trips_over_largest` with every trip in the largest vehicle; `violations` of all
plans (goal: 0). `cpu_s`: what the ten seconds had of a core; far below ten, the machine was busy with something else.

    make bench NAME=county-plan                  two runs of ten minutes
    make bench NAME=county-plan ARGS=--quick     of sixty seconds (`reference_s` says so)
    make bench NAME=county-plan ARGS=--seed=7
"""

import argparse
import json
import os
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import pyvrp
from pyvrp.stop import MaxRuntime

from benchmarks import county
from vehicles import checker
from vehicles.problem import Plan, Problem
from vehicles.solver import solve, trips_bound
from vehicles.solver.model import Modeller
from vehicles.solver.timing import Clock, plan_of

SHORT_S = 10.0


def bare(problem: Problem, seconds: float, seed: int) -> Plan:
    """PyVRP as it comes, on the model our planner would give it."""
    modeller = Modeller(problem)
    model = modeller.model()
    result = pyvrp.solve(model.data, MaxRuntime(seconds), seed=seed, collect_stats=False)
    return plan_of(Clock(modeller), model.tours(result.best) if result.is_feasible() else [])


def trips(problem: Problem, plan: Plan) -> int:
    """Buses' apart: they go anyway."""
    return sum(len(r.trips) for r in plan.routes if not problem.vehicles[r.vehicle].timetable)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="references of 60 s instead of ten minutes")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    reference_s = 60.0 if options.quick else 600.0
    day = county.demo_day(options.seed)
    problem = county.problem_of(day)
    print(
        f"{len(day.stops)} stations, {county.pieces(day)} pieces, {len(problem.tasks)} tasks, "
        f"{len(problem.vehicles)} kinds of vehicles and departures; distances estimated (× {day.detour})"
    )
    costs, violations = {}, 0

    def judged(name: str, plan: Plan) -> float:
        nonlocal violations
        report = checker.check(problem, plan)
        violations += len(report.violations) + len(plan.left_tasks)
        costs[name] = report.cost / county.YUAN
        print(f"{name}: {costs[name]:.2f} yuan, {len(plan.routes)} vehicles, {trips(problem, plan)} trips")
        for violation in report.violations[:5]:
            print(f"  {violation}")
        return costs[name]

    began, cpu = time.perf_counter(), time.process_time()
    short = solve(problem, seconds=SHORT_S, seed=options.seed)
    short_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    ours = judged("ours_10s", short.plan)
    long = judged("ours_long", solve(problem, seconds=reference_s, seed=options.seed + 1).plan)
    other = judged("bare_long", bare(problem, reference_s, options.seed))
    bare_short = judged("bare_10s", bare(problem, SHORT_S, options.seed))
    driven = trips(problem, short.plan)
    print(
        json.dumps(
            {
                "bench": "county-plan",
                "seed": options.seed,
                "reference_s": reference_s,
                "first_feasible_s": short.trace[0].at_s,
                "ratio": round(ours / min(long, other), 4),
                "trips": driven,
                "trips_over_bound": round(driven / max(1, trips_bound(problem, short.plan)), 3),
                "trips_over_largest": round(driven / max(1, trips_bound(problem)), 3),
                "violations": violations,
                "yuan": {name: round(cost, 2) for name, cost in costs.items()},
                "bare_ratio": round(bare_short / min(long, other), 4),
                "iterations": short.iterations,
                "took_s": round(short_s, 2),
                "cpu_s": round(cpu_s, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
