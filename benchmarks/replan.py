"""Planning a running day anew (reference/routing.md 3): twelve stops want 40 % more, six new pickups come, roads in two
townships are 25 % slower, one vehicle is lost; ten times, at different hours of one solved day.

Prints a table and, as its last line, one JSON object:
p95_s               from the disturbance to a checked plan, 95th percentile (goal: 2)
kept                of the stops nothing happened to (neither their goods, their vehicle nor their roads), the part that
                    stays with its vehicle, over all ten (goal: 0.9); kept_all: of all that had a vehicle
cost_over_cold      the day's yuan (what is driven, the same for both, and what is left), ours ÷ with a cold solve of
                    the same rest, mean (goal: 1.08; reference/routing.md 3 compares whole days too)
rest_over_cold      the same of what is left alone
broken_commitments  what the checker objects to, goods on board that another vehicle would deliver, promised stops left
                    out that the cold solve serves (goal: 0)

    make bench NAME=replan                  cold solves of 60 s: about twelve minutes
    make bench NAME=replan ARGS=--quick     of 10 s, five times
"""

import argparse
import json
import statistics
import time
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from benchmarks.county import CountyDay, flat_county, problem_of
from vehicles.checker import check
from vehicles.problem import Plan, Problem, Task
from vehicles.solver import solve
from vehicles.solver.replan import replan
from vehicles.solver.rest import HORIZON, Changes, Rest, rest_of_day

CHANGE_COST = 10_000  # 1 yuan a stop that changes its vehicle
SECONDS = 1.2  # of which about one is search, as the rest goes into putting stops back
MORE, NEW, SLOWER, TOWNSHIPS = 12, 6, 1.25, 2


@dataclass(frozen=True)
class Outcome:
    now: int
    wall_s: float
    stayed: int
    promised: int
    stayed_all: int
    promised_all: int
    driven: int  # units of money, as the next two
    cost: int
    cold: int
    broken: int
    left: int


def disturbed(day: CountyDay, problem: Problem, plan: Plan, rng: np.random.Generator) -> Changes:
    """What happens, between half past eight and eleven."""
    now = int(rng.integers(8 * 3600 + 1800, 11 * 3600))
    vans = [n for n, r in enumerate(plan.routes) if not problem.vehicles[r.vehicle].timetable]
    running = [n for n in vans if plan.routes[n].trips[-1].back > now + 3600]
    lost = int(rng.choice(running or vans))
    at_hub, to_do = set(), set()
    for route in plan.routes:
        if problem.vehicles[route.vehicle].timetable:
            continue
        for trip in route.trips:
            waiting = {v.index for v in trip.visits if v.start > now + 900}
            to_do |= waiting
            if trip.depart - problem.vehicles[route.vehicle].loading > now + 900:
                at_hub |= waiting
    chosen = rng.permutation(sorted(to_do))[:MORE].tolist()
    changed = {}
    for index in chosen:
        task = problem.tasks[index]
        down = tuple(round(x * 1.4) for x in task.down) if index in at_hub else task.down
        changed[index] = replace(task, down=down, up=tuple(round(x * 1.4) for x in task.up))
    stops = rng.permutation(len(day.stops))[:NEW].tolist()
    nothing = (0,) * len(problem.dimensions)
    new = tuple(
        Task(f"new {s}", s + 1, nothing, (200, 300), 300, (now, day.stops[s].window[1] + 3600), pieces=4) for s in stops
    )
    slow = _slow(day, problem, rng)
    factor = np.where(slow[:, None] | slow[None, :], SLOWER, 1.0)
    profiles = tuple(replace(p, duration=np.rint(p.duration * factor).astype(np.int64)) for p in problem.profiles)
    touched = frozenset(i for i, task in enumerate(problem.tasks) if slow[task.place])
    return Changes(now, new, changed, lost=frozenset({lost}), profiles=profiles, touched=touched)


def _slow(day: CountyDay, problem: Problem, rng: np.random.Generator) -> np.ndarray:
    """The places within 6 km of two centres."""
    centres = [i for i, s in enumerate(day.stops) if s.kind == "centre"]
    slow = np.zeros(len(problem.places), dtype=bool)
    for centre in rng.choice(centres, TOWNSHIPS, replace=False):
        slow |= problem.profiles[0].distance[centre + 1] < 600
    return slow


def commitments(rest: Rest, plan: Plan) -> int:
    """Goods on board of one vehicle that another would deliver, or nobody."""
    by = {v.index: r.vehicle for r in plan.routes for t in r.trips for v in t.visits if v.kind == "task"}
    aboard = [(i, t) for i, t in enumerate(rest.problem.tasks) if t.keep is not None and t.allowed == {t.keep}]
    return sum(by.get(i) != t.keep for i, t in aboard)


def driven(problem: Problem, plan: Plan, now: int) -> int:
    """What the day has cost by the time rest_of_day leaves it: days of vehicles that set out, ways and hours so far."""
    total, soon = 0, now + HORIZON
    for route in plan.routes:
        vehicle, first = problem.vehicles[route.vehicle], route.trips[0]
        if first.depart - vehicle.loading > soon:
            continue
        total += vehicle.fixed_cost
        until = first.depart
        for trip in route.trips:
            visits = [v for v in trip.visits if v.start <= soon]
            if vehicle.timetable:
                total += vehicle.tariff * sum(problem.tasks[v.index].pieces for v in trip.visits)
                continue
            if trip.depart - vehicle.loading > soon:
                break
            places = [vehicle.start, *(problem.tasks[v.index].place for v in visits)]
            until = visits[-1].leave if visits else trip.depart
            if trip.back <= now:
                places, until = [*places, vehicle.end], trip.back
            way = sum(int(problem.profiles[vehicle.profile].distance[a, b]) for a, b in pairwise(places))
            total += way * vehicle.distance_cost
        total += 0 if vehicle.timetable else (until - first.depart) * vehicle.duration_cost
    return total


def once(day: CountyDay, problem: Problem, plan: Plan, seed: int, cold_s: float) -> Outcome:
    changes = disturbed(day, problem, plan, np.random.default_rng(seed))
    started = time.perf_counter()
    rest = rest_of_day(problem, plan, changes, change_cost=CHANGE_COST)
    answer = replan(rest, seconds=SECONDS, seed=seed).plan
    report = check(rest.problem, answer)
    wall_s = time.perf_counter() - started
    free = replace(rest.problem, change_cost=0)
    cold = solve(free, seconds=cold_s, seed=seed).plan
    ours_left, cold_left = set(answer.left_tasks), set(cold.left_tasks)
    broken = len(report.violations) + commitments(rest, answer)
    broken += sum(rest.problem.tasks[i].keep is not None for i in ours_left - cold_left)
    stayed, promised = rest.kept(answer)
    stayed_all, promised_all = replace(rest, touched=frozenset()).kept(answer)
    cost, cold_cost = check(free, answer).cost, check(free, cold).cost
    spent = driven(problem, plan, changes.now)
    kept = (stayed, promised, stayed_all, promised_all)
    return Outcome(changes.now, wall_s, *kept, spent, cost, cold_cost, broken, len(ours_left))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    times, cold_s, plan_s = (5, 10.0, 10.0) if asked.quick else (10, 60.0, 30.0)
    day = flat_county(asked.seed)
    problem = problem_of(day)
    plan = solve(problem, seconds=plan_s, seed=asked.seed).plan
    print(f"planned in {plan_s:.0f} s: {len(plan.routes)} vehicles, {plan.cost / 1e4:,.0f} yuan")
    print("    at      s       kept  driven    left    cold  ratio broken left out   (yuan)")
    outcomes = []
    for number in range(times):
        one = once(day, problem, plan, asked.seed * 1000 + number, cold_s)
        outcomes.append(one)
        at = f"{one.now // 3600:02d}:{one.now // 60 % 60:02d}"
        yuan = "".join(f"{units / 1e4:8,.0f}" for units in (one.driven, one.cost, one.cold))
        ratio = (one.driven + one.cost) / (one.driven + one.cold)
        kept = f"{one.stayed:4d}/{one.promised:4d}"
        print(f"{at:>6} {one.wall_s:6.2f} {kept:>10}{yuan} {ratio:6.3f} {one.broken:6d} {one.left:8d}", flush=True)
    result = {
        "seed": asked.seed,
        "times": times,
        "cold_s": cold_s,
        "p95_s": round(float(np.percentile([o.wall_s for o in outcomes], 95)), 3),
        "kept": round(sum(o.stayed for o in outcomes) / max(1, sum(o.promised for o in outcomes)), 4),
        "kept_all": round(sum(o.stayed_all for o in outcomes) / max(1, sum(o.promised_all for o in outcomes)), 4),
        "kept_least": round(min(o.stayed / max(1, o.promised) for o in outcomes), 4),
        "cost_over_cold": round(statistics.mean((o.driven + o.cost) / (o.driven + o.cold) for o in outcomes), 4),
        "rest_over_cold": round(statistics.mean(o.cost / o.cold for o in outcomes), 4),
        "broken_commitments": sum(o.broken for o in outcomes),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
