"""Public routing instances through our planner's own path, beside VROOM and OR-Tools in the same run.

Schema (VRPLIB → Problem), solver, checker: cost and feasibility of all three by our checker in each instance's own
rounding, as the gap to the best known solution beside the instance. One thread each, one after the other, the same
seconds by the clock; `cpu_s` far below `wall_s` says that the machine was busy with other things. Last line: one JSON
object; `median_gap_pct` (goal: 2.0) and `worst_gap_pct` over all instances but Li & Lim's, of each the median of its
seeds; `worst_over_peer_points`: how far we are above the better peer that can model the instance and served it whole
(goal: 0.3). Li & Lim's instances are compared by vehicles, then distance, and stand apart.

    make bench NAME=routing                                 60 s, three seeds: about an hour and a half
    make bench NAME=routing ARGS=--quick                    10 s, one seed
    make bench NAME=routing ARGS="--only RC208 --seconds 30"
    make bench NAME=routing ARGS="--dir /path/to/instances" VRPLIB files with a .sol beside each
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.routing_peers import by_ortools, by_vroom, can_model
from benchmarks.vrplib_read import Instance, instances, read
from vehicles.checker import check
from vehicles.problem import Plan, Problem
from vehicles.solver import solve

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "vrp"
GOAL_MEDIAN, GOAL_OVER_PEER = 2.0, 0.3
PEERS: dict[str, Callable[[Problem, float], Plan]] = {"vroom": by_vroom, "ortools": by_ortools}
PAIRS = "PDPTW"


@dataclass(frozen=True)
class Run:
    """One solve. `gap_pct` None: not whole or not right."""

    who: str
    seed: int
    gap_pct: float | None
    vehicles: int
    distance: float  # in the solution file's units
    left_out: int
    violations: int
    wall_s: float
    cpu_s: float


def run(instance: Instance, who: str, seconds: float, seed: int) -> Run:
    started, worked = time.perf_counter(), time.process_time()
    if who == "ours":
        plan = solve(instance.problem, seconds=seconds, seed=seed).plan
    else:
        plan = PEERS[who](instance.problem, seconds)
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - worked
    report = check(instance.problem, plan)
    whole = report.ok and not report.left_out
    gap = None if not whole else 100 * (report.cost / instance.goal - 1)
    return Run(
        who,
        seed,
        None if gap is None else round(gap, 3),
        report.vehicles_used,
        report.distance / instance.units,
        len(report.left_out),
        len(report.violations),
        round(wall_s, 1),
        round(cpu_s, 1),
    )


def median_gap(runs: list[Run], who: str) -> float | None:
    """Of the seeds; a seed that failed counts as worse than any other."""
    gaps = [float("inf") if each.gap_pct is None else each.gap_pct for each in runs if each.who == who]
    middle = statistics.median(gaps) if gaps else float("inf")
    return None if middle == float("inf") else round(middle, 3)


def bench(instance: Instance, seconds: float, seeds: int) -> list[Run]:
    """All three by turns, so that a neighbour on the machine disturbs them alike."""
    players = ["ours", *(PEERS if can_model(instance.problem) else ())]
    runs: list[Run] = []
    for seed in range(seeds):
        for who in players:
            runs.append(run(instance, who, seconds, seed))
            each = runs[-1]
            gap = "not whole" if each.gap_pct is None else f"{each.gap_pct:.2f} %"
            print(
                f"  {who:8s} seed {seed}: {gap:>10s}  {each.vehicles} vehicles, {each.left_out} left out,"
                f" {each.violations} violations, {each.wall_s} s ({each.cpu_s} s of a core)",
                flush=True,
            )
    return runs


def summary(instance: Instance, runs: list[Run]) -> dict[str, object]:
    """One row of the table."""
    row: dict[str, object] = {"instance": instance.name, "kind": instance.kind, "size": size(instance)}
    row |= {who: median_gap(runs, who) for who in ("ours", *PEERS)}
    peers = [gap for who in PEERS if (gap := median_gap(runs, who)) is not None]
    ours = median_gap(runs, "ours")
    row["over_peer_points"] = None if ours is None or not peers else round(ours - min(peers), 3)
    row["runs"] = [asdict(each) for each in runs]
    return row


def size(instance: Instance) -> int:
    return len(instance.problem.tasks) + 2 * len(instance.problem.shipments)


def pairs_line(instance: Instance, runs: list[Run]) -> dict[str, object]:
    """Vehicles, then distance: the median run of each."""
    answer: dict[str, object] = {"best": [len(instance.best_routes), instance.best_cost]}
    for who in ("ours", *PEERS):
        whole = sorted((each.vehicles, each.distance) for each in runs if each.who == who and each.gap_pct is not None)
        answer[who] = [whole[len(whole) // 2][0], round(whole[len(whole) // 2][1], 2)] if whole else None
    return answer


def shown(value: object) -> str:
    return f"{value:8.2f}" if isinstance(value, float) else "       –"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dir", type=Path, default=FOLDER, help="instances with a .sol beside each")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="10 s, one seed")
    parser.add_argument("--only", default="", help="instances with this in their name")
    options = parser.parse_args()
    seconds, seeds = (10.0, 1) if options.quick else (options.seconds, options.seeds)
    paths = [path for path in (instances(options.dir) if options.dir.is_dir() else []) if options.only in path.stem]
    if not paths:
        print(f"No instance with a solution in {options.dir}: nothing to measure. Name a folder with --dir.")
        print(json.dumps({"bench": "routing", "skipped": "no instances"}))
        return
    rows: list[dict[str, object]] = []
    apart: dict[str, dict[str, object]] = {}
    for path in paths:
        try:
            instance = read(path)
        except ValueError as error:
            print(f"{path.name}: left aside. {error}", file=sys.stderr)
            continue
        print(f"{instance.name}: {instance.kind}, {size(instance)} visits, {seconds:.0f} s", flush=True)
        runs = bench(instance, seconds, seeds)
        if instance.kind == PAIRS:
            apart[instance.name] = pairs_line(instance, runs)
        else:
            rows.append(summary(instance, runs))
    report(rows, apart, seconds, seeds)


def report(rows: list[dict[str, object]], apart: dict[str, dict[str, object]], seconds: float, seeds: int) -> None:
    print(f"\nGap to the best known, percent, median of {seeds} seed(s), {seconds:.0f} s on one core")
    print(f"{'instance':26s}{'visits':>7s}{'ours':>9s}{'VROOM':>9s}{'OR-Tools':>9s}{'over peer':>10s}")
    for row in rows:
        gaps = " ".join(shown(row[who]) for who in ("ours", *PEERS))
        print(f"{row['instance']:26s}{row['size']:7d} {gaps}  {shown(row['over_peer_points'])}")
    for name, line in apart.items():
        said = ", ".join(f"{who} {value[0]} / {value[1]}" for who, value in line.items() if isinstance(value, list))
        print(f"{name} (vehicles / distance): {said}")
    gaps = [float("inf") if row["ours"] is None else row["ours"] for row in rows]
    over = [row["over_peer_points"] for row in rows if row["over_peer_points"] is not None]
    failed = [row["instance"] for row in rows if row["ours"] is None]
    median = statistics.median(gaps) if gaps else None
    answer = {
        "bench": "routing",
        "seconds": seconds,
        "seeds": seeds,
        "median_gap_pct": None if median in (None, float("inf")) else round(median, 3),
        "worst_gap_pct": None if failed or not gaps else max(gaps),
        "worst_over_peer_points": max(over) if over else None,
        "goal_median_gap_pct": GOAL_MEDIAN,
        "goal_over_peer_points": GOAL_OVER_PEER,
        "met": bool(gaps) and median <= GOAL_MEDIAN and all(each <= GOAL_OVER_PEER for each in over) and not failed,
        "not_whole": failed,
        "instances": rows,
        "pairs": apart,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
