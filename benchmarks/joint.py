"""`make bench NAME=joint`: carriers each alone against carriers pooled, on the same simulated county days.

An honest comparison (reference/routing.md 2): every way serves the same goods and stops within the same windows;
unit costs and the menu of vehicles are the same; each problem gets the same solver seconds, so eight carriers alone get
eight times the pool's; each carrier alone may take as many vehicles of each class as it likes and pays only for those
it uses; a bus costs its tariff; a vehicle-day counts once however many trips. Demand, shares and fleet:
benchmarks/data/county.json. The curve: the k largest carriers pooled, the others each alone, without buses and with
(buses ride for the pool only). Beside it: naive (each carrier's vans, one a township and vanload), and a lower bound on
the pool's trips (solver.trips_bound: what it carries by each class, packed at will). Every plan goes
through the checker; `violations` and `left` must be 0.

Last line: one JSON object, the median of three seeds. `vehicles_saved` = 1 - vehicles of all eight pooled ÷ vehicles of
all alone, neither with buses (goal ≥ 0.6), `vehicles_saved_four` = of the county's with the four largest pooled (goal ≥
0.3), `load_at_departure` = of the pool of eight, binding dimension (goal ≥ 0.75), `load_km` beside it; `…_buses`: where
the pool has the buses' holds too. `--quick`: one seed, 3 s a problem.
"""

import argparse
import json
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.county import CountyDay, flat_county, problem_of
from vehicles.checker import check
from vehicles.figures import Figures, figures, side_by_side
from vehicles.problem import Plan, Problem, Route, Trip, Visit
from vehicles.solver import solve, trips_bound

SEEDS = (1, 2, 3)
SECONDS = 10.0
QUICK_SECONDS = 3.0


@dataclass(frozen=True)
class Answer:
    """One coalition's plan as figures, what was wrong with it, and the fewest trips its vehicles could do with."""

    figures: Figures
    violations: int
    trip_bound: int


@dataclass(frozen=True)
class Point:
    """The first `joined` carriers pooled, the others alone."""

    joined: int
    buses: bool
    all_of_them: Figures
    pool: Figures | None  # of the pool alone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--seeds", type=int, nargs="*", default=None)
    options = parser.parse_args()
    seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
    seeds = options.seeds or (SEEDS[:1] if options.quick else SEEDS)
    print(json.dumps(_summary([_seed(seed, seconds) for seed in seeds], seconds)))


def _seed(seed: int, seconds: float) -> dict[str, Any]:
    day = flat_county(seed)
    carriers = sorted(day.carriers, key=lambda name: -day.settings["carriers"][name])
    print(f"seed {seed}: {', '.join(carriers)}; {seconds:g} s a problem", flush=True)
    asked: dict[tuple[tuple[str, ...], bool], Answer] = {}

    def answer(names: Sequence[str], *, buses: bool) -> Answer:
        key = (tuple(names), buses)
        if key not in asked:
            asked[key] = _solve(problem_of(day, names, buses=buses), seconds, seed)
        return asked[key]

    alone = {name: answer([name], buses=False) for name in carriers}
    naive = side_by_side(_naive(day, name) for name in carriers)
    _print("naive, each alone", naive)
    points = [Point(0, False, side_by_side(a.figures for a in alone.values()), None)]
    _print("0 of 8 joined", points[0].all_of_them)
    for joined in range(1, len(carriers) + 1):
        others = [alone[name].figures for name in carriers[joined:]]
        for buses in (False, True):
            pool = answer(carriers[:joined], buses=buses) if joined > 1 or buses else alone[carriers[0]]
            points.append(Point(joined, buses, side_by_side([pool.figures, *others]), pool.figures))
            share = sum(day.settings["carriers"][name] for name in carriers[:joined])
            label = f"{joined} of {len(carriers)} joined ({share:.0%} of parcels){', buses' if buses else ''}"
            _print(label, points[-1].all_of_them, points[0].all_of_them, pool.figures)
    whole = answer(carriers, buses=False)
    print(f"  trips of all pooled: {whole.figures.trips}, at least {whole.trip_bound}", flush=True)
    everything = {one.all_of_them.pieces + one.all_of_them.left_pieces for one in points} | {naive.pieces}
    assert len(everything) == 1, f"not the same parcels everywhere: {everything}"
    return {
        "seed": seed,
        "naive": naive,
        "points": points,
        "violations": sum(each.violations for each in asked.values()),
        "left": sum(each.figures.left_pieces for each in asked.values()),
        "trips": whole.figures.trips,
        "trip_bound": whole.trip_bound,
    }


def _solve(problem: Problem, seconds: float, seed: int) -> Answer:
    start = time.monotonic()
    solved = solve(problem, seconds=seconds, seed=seed)
    took = time.monotonic() - start
    if took > seconds * 1.25 + 2:
        print(f"  took {took:.1f} s of {seconds:g} s", flush=True)
    report = check(problem, solved.plan)
    for violation in report.violations[:3]:
        print("  violation:", violation, flush=True)
    return Answer(figures(problem, solved.plan), len(report.violations), trips_bound(problem, solved.plan))


def _naive(day: CountyDay, carrier: str) -> Figures:
    """A carrier's fixed lines: a van a township and vanload, the township's stops by the nearest next one, windows not
    looked at: what drives without a planner, for the scale of it. Not part of `vehicles_saved`."""
    problem = problem_of(day, [carrier], buses=False)
    van = next(vehicle for vehicle in problem.vehicles if vehicle.key == "van")
    km, seconds = problem.profiles[van.profile].distance, problem.profiles[van.profile].duration
    centres = [n for n, stop in enumerate(day.stops, 1) if stop.kind == "centre"]
    lines: dict[int, list[int]] = {}
    for index, task in enumerate(problem.tasks):
        lines.setdefault(min(centres, key=lambda at: int(km[at, task.place])), []).append(index)
    trips: list[list[int]] = []
    for tasks in lines.values():
        load, here = [0] * len(van.capacity), 0
        left = list(tasks)
        trips.append([])
        while left:
            following = min(left, key=lambda t: int(km[here, problem.tasks[t].place]))
            task = problem.tasks[following]
            most = [max(a, b) for a, b in zip(task.down, task.up, strict=True)]
            if any(have + more > room for have, more, room in zip(load, most, van.capacity, strict=True)):
                trips.append([])
                load, here = [0] * len(van.capacity), 0
                continue
            trips[-1].append(following)
            load, here = [have + more for have, more in zip(load, most, strict=True)], task.place
            left.remove(following)
    return side_by_side(_driven(problem, van, tasks, km, seconds) for tasks in trips if tasks)


def _driven(problem: Problem, van: Any, tasks: Sequence[int], km: Any, seconds: Any) -> Figures:
    here, now, visits = 0, 0, []
    for index in tasks:
        task = problem.tasks[index]
        now += int(seconds[here, task.place])
        visits.append(Visit("task", index, now, now, now + task.service))
        now, here = now + task.service, task.place
    trip = Trip(0, tuple(visits), now + int(seconds[here, 0]))
    return figures(problem, Plan((Route(problem.vehicles.index(van), (trip,)),)))


def _print(label: str, whole: Figures, alone: Figures | None = None, pool: Figures | None = None) -> None:
    saved = f"{1 - whole.vehicle_days / alone.vehicle_days:6.1%} saved" if alone else " " * 12
    loads = " / ".join(f"{name} {ratio.share or 0:.2f}" for name, ratio in whole.departure.items())
    of_pool = f"; pool {pool.load_at_departure.share or 0:.2f}" if pool else ""
    print(
        f"  {label:44} {whole.vehicle_days:3} vehicles {saved}, {whole.trips:3} trips, {whole.km:7.0f} km, load at"
        f" departure {loads}{of_pool}, by km {whole.load_km.share or 0:.2f}, empty return"
        f" {whole.empty_return.share or 0:.2f}, {whole.yuan_a_parcel or 0:.2f} yuan a parcel, {whole.buses} buses,"
        f" {whole.left_pieces} left",
        flush=True,
    )


def _summary(found: Sequence[dict[str, Any]], seconds: float) -> dict[str, Any]:
    def median(values: Iterable[float]) -> float:
        return round(statistics.median(values), 4)

    def of(one: dict[str, Any], joined: int, buses: bool) -> Point:
        return next(p for p in one["points"] if p.joined == joined and p.buses == buses)

    def saved(one: dict[str, Any], joined: int, buses: bool) -> float:
        return 1 - of(one, joined, buses).all_of_them.vehicle_days / of(one, 0, False).all_of_them.vehicle_days

    most = max(point.joined for point in found[0]["points"])
    pools = [of(one, most, False).pool or Figures() for one in found]
    keys = [(point.joined, point.buses) for point in found[0]["points"]]
    return {
        "bench": "joint",
        "seeds": [one["seed"] for one in found],
        "seconds_a_problem": seconds,
        "curve": [
            {
                "joined": joined,
                "buses": buses,
                "vehicles": median(of(one, joined, buses).all_of_them.vehicle_days for one in found),
                "vehicles_saved": median(saved(one, joined, buses) for one in found),
                "load_at_departure": median(
                    of(one, joined, buses).all_of_them.load_at_departure.share or 0 for one in found
                ),
                "load_km": median(of(one, joined, buses).all_of_them.load_km.share or 0 for one in found),
                "empty_return": median(of(one, joined, buses).all_of_them.empty_return.share or 0 for one in found),
                "km": median(float(of(one, joined, buses).all_of_them.km) for one in found),
                "yuan_a_parcel": median(float(of(one, joined, buses).all_of_them.yuan_a_parcel or 0) for one in found),
            }
            for joined, buses in keys
        ],
        "naive_vehicles": median(one["naive"].vehicle_days for one in found),
        "naive_yuan_a_parcel": median(float(one["naive"].yuan_a_parcel or 0) for one in found),
        "trips_over_bound": median(one["trips"] / one["trip_bound"] for one in found),
        "violations": sum(one["violations"] for one in found),
        "left": sum(one["left"] for one in found),
        "vehicles_saved_buses": median(saved(one, most, True) for one in found),
        "vehicles_saved": median(saved(one, most, False) for one in found),
        "vehicles_saved_four": median(saved(one, 4, False) for one in found),
        "load_at_departure": median(pool.load_at_departure.share or 0 for pool in pools),
        "load_km": median(pool.load_km.share or 0 for pool in pools),
    }


if __name__ == "__main__":
    main()
