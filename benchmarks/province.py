"""A province's morning: twenty counties, each planned by a Celery task with a fixed number of iterations, by one
worker process and by two, alternately.

A county is one independent problem (reference/routing.md 6): its message names a seed and says nothing else. Last line:
one JSON object; `plans_per_core_minute` by one worker, `speedup` from one worker to two (goal: 1.6), both the median of
the rounds; `same` whether every county's plan cost the same whoever made it (iterations, not seconds, end the search).

    make bench NAME=province                20 counties, 1,500 iterations each, two rounds
    make bench NAME=province ARGS=--quick   20 counties, 300 iterations each, one round
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from celery import Celery

from config import embedded

ROOT = Path(__file__).resolve().parents[1]
URL = embedded.urls()[1]
app = Celery("province", broker=URL)
app.conf.update(
    task_default_queue="province",
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    task_ignore_result=True,
)
WAIT_S = 900


def _redis() -> "redis.Redis":
    return redis.from_url(URL.replace("redis+socket://", "unix://"))


@app.task(name="province.plan")
def plan(answers: str, seed: int, iterations: int) -> None:
    """Plan one county and say what it costs; -1 if the checker finds anything."""
    from benchmarks.county import flat_county, problem_of
    from vehicles.checker import check
    from vehicles.solver import solve

    problem = problem_of(flat_county(seed))
    report = check(problem, solve(problem, seconds=600, seed=seed, iterations=iterations).plan)
    cost = report.cost if report.ok else -1
    _redis().rpush(answers, json.dumps({"seed": seed, "cost": cost}))


@contextmanager
def workers(count: int) -> Iterator[None]:
    """Worker processes of one process each, warm: each has planned a county before the clock starts."""
    command = [sys.executable, "-m", "celery", "-A", "benchmarks.province", "worker", "--loglevel=ERROR", "--pool=solo"]
    running = [
        subprocess.Popen([*command, "-n", f"province{number}@%h"], cwd=ROOT, stdout=subprocess.DEVNULL)
        for number in range(count)
    ]
    try:
        counties(range(900, 900 + 2 * count), 20)
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def counties(seeds: range, iterations: int) -> tuple[float, dict[int, int]]:
    """Seconds until the last is planned, and what each costs."""
    answers, client = f"province-{uuid.uuid4()}", _redis()
    started = time.perf_counter()
    for seed in seeds:
        plan.delay(answers, seed, iterations)
    costs = {}
    for _ in seeds:
        answer = client.blpop([answers], WAIT_S)
        if answer is None:
            raise SystemExit(f"no answer within {WAIT_S} s")
        one = json.loads(answer[1])
        costs[one["seed"]] = one["cost"]
    return time.perf_counter() - started, costs


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--counties", type=int, default=20)
    asked = parser.parse_args()
    iterations, rounds = (300, 1) if asked.quick else (1500, 2)
    seconds: dict[int, list[float]] = {1: [], 2: []}
    seen: set[tuple[tuple[int, int], ...]] = set()
    for number in range(rounds):
        for count in (1, 2) if number % 2 == 0 else (2, 1):
            with workers(count):
                took, costs = counties(range(asked.counties), iterations)
            seconds[count].append(took)
            seen.add(tuple(sorted(costs.items())))
            print(f"{count} worker(s): {asked.counties} counties in {took:.1f} s", flush=True)
    one, two = (statistics.median(seconds[count]) for count in (1, 2))
    refused = sum(cost < 0 for costs in seen for _, cost in costs)
    print(
        json.dumps(
            {
                "counties": asked.counties,
                "iterations": iterations,
                "plans_per_core_minute": round(asked.counties / one * 60, 2),
                "speedup": round(one / two, 3),
                "same": len(seen) == 1,
                "refused": refused,
            }
        )
    )


if __name__ == "__main__":
    main()
