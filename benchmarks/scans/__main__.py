"""`make bench NAME=scans`: the scan stream beside its bare limit and beside the plain way, on one machine.

Everything is real: HTTP with handhelds' tokens, PostgreSQL with fsync on, a Celery worker with its beat, Redis, and the
load generator beside them. Each run works on a copy of a database of its own (`--fresh` makes it anew) with 1,000,000
parcels and as many events; uploads carry 200 scans. Phases, each by name (`--only limit,single`):

  limit    ours, the bare limit on one and two connections, the plain way, alternately; medians of the rounds
  single   one scan a request from 50 clients, against a view that does nothing behind the same doors
  ack      the answer's p95 at 20 uploads/s with Redis running, killed, frozen
  growth   ours with about a million events stored and again with many times that
  steady   half of the maximum for a while: how soon a scan shows, what the worker's memory does

Last line: one JSON object. `--quick` takes about ten minutes: 5,000,000 events for `growth` instead of 50,000,000.
"""

import argparse
import json
import os
import statistics
import sys

from benchmarks.scans.rig import Rig, percentile, use_database

PHASES = ("limit", "single", "ack", "growth", "steady")
EVENTS = 100_000  # a round of ours and of the bare limit
NAIVE_EVENTS = 10_000
BEFORE = 1_000_000  # events stored before the first round


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parcels", type=int, default=1_000_000)
    parser.add_argument("--stored", type=int, help="events stored for `growth`")
    parser.add_argument("--only", default=",".join(PHASES))
    options = parser.parse_args()
    phases = [phase for phase in PHASES if phase in options.only.split(",")]
    stored = options.stored or (5_000_000 if options.quick else 50_000_000)
    environment = use_database(
        f"rlp_bench_scans_{options.parcels}_base", fresh=options.fresh, fill=lambda: fill(options.parcels)
    )
    found: dict[str, object] = {"phases": phases, "rounds": options.rounds, "cores": os.cpu_count()}
    with Rig(environment) as rig:
        maximum = 0.0
        if "growth" in phases:  # the first half of it, while little is stored
            few = with_stored(rig, options.rounds)
        if "limit" in phases:
            found |= limit(rig, options.rounds)
            maximum = float(str(found["ours"]))
        if "single" in phases:
            found |= single(rig, options.rounds, 3 if options.quick else 6)
        if "ack" in phases:
            found |= ack(rig, 15 if options.quick else 60)
        if "growth" in phases:
            found |= growth(rig, few, stored, options.rounds)
        if "steady" in phases:
            maximum = maximum or max(ours(rig, EVENTS)["per_s"] for _ in range(2))
            found |= steady(rig, maximum / 2, 110 if options.quick else 300)
    print(json.dumps(found, ensure_ascii=False))


def fill(parcels: int) -> str:
    from benchmarks.scans import data

    return data.fill(parcels, BEFORE)


def ours(rig: Rig, events: int) -> dict[str, float]:
    """Events a second from the first byte sent to the last parcel folded."""
    from benchmarks.scans import data

    uploads = data.uploads(events)
    sent = rig.send(uploads)
    took = rig.wait_folded() - sent.began
    rig.quiet()
    return {"per_s": events / took, "ack_p95_ms": percentile(sent.latencies_ms, 95), "sending_s": sent.seconds}


def limit(rig: Rig, rounds: int) -> dict[str, object]:
    from benchmarks.scans import bare, data

    bare.print_plan()
    got: dict[str, list[float]] = {"ours": [], "bare": [], "bare2": [], "naive": []}
    for warm in range(2):  # the first rounds fill caches and are not counted
        ours(rig, 20_000)
        bare.run(20_000, connections=1 + warm)
    for n in range(rounds):
        got["bare"].append(bare.run(EVENTS, connections=1))
        one = ours(rig, EVENTS)
        got["ours"].append(one["per_s"])
        got["bare2"].append(bare.run(EVENTS, connections=2))
        sent = rig.send(data.uploads(NAIVE_EVENTS), path="/api/v1/bench/naive/")
        got["naive"].append(NAIVE_EVENTS / sent.seconds)
        print(f"round {n + 1}:", ", ".join(f"{name} {values[-1]:,.0f}/s" for name, values in got.items()), flush=True)
    medians = {name: statistics.median(values) for name, values in got.items()}
    return {
        **{name: round(value) for name, value in medians.items()},
        "ratio_limit": round(medians["ours"] / medians["bare"], 3),
        "ratio_naive": round(medians["ours"] / medians["naive"], 1),
    }


def single(rig: Rig, rounds: int, seconds: int) -> dict[str, object]:
    """Requests a second of 50 clients that send one scan each time, and of the same to a view that does nothing."""
    got: dict[str, list[float]] = {"scan": [], "noop": []}
    for _ in range(rounds):
        got["noop"].append(rig.send_single("/api/v1/bench/noop/", seconds))
        got["scan"].append(rig.send_single("/api/v1/scan-batches/", seconds))
        rig.wait_folded()
        print("single:", ", ".join(f"{name} {values[-1]:,.0f}/s" for name, values in got.items()), flush=True)
    scan, noop = statistics.median(got["scan"]), statistics.median(got["noop"])
    return {"single_ratio": round(scan / noop, 3), "single_per_s": round(scan), "noop_per_s": round(noop)}


def ack(rig: Rig, seconds: int) -> dict[str, object]:
    from benchmarks.scans import data

    p95: dict[str, float] = {}
    rig.send(data.uploads(4_000), per_s=20)  # warm
    for state in ("running", "killed", "frozen"):
        with rig.redis_is(state):
            sent = rig.send(data.uploads(20 * 200 * seconds), per_s=20)
        p95[state] = round(percentile(sent.latencies_ms, 95), 1)
        print(
            f"ack with Redis {state}: p50 {percentile(sent.latencies_ms, 50):.1f} ms, p95 {p95[state]} ms", flush=True
        )
        rig.wait_folded()
    return {"ack_p95_ms": p95, "ack_spread_ms": round(max(p95.values()) - min(p95.values()), 1)}


def steady(rig: Rig, events_per_s: float, seconds: int) -> dict[str, object]:
    """Freshness from the answer to the folded row, and the worker's memory at the end over that after a minute."""
    from benchmarks.scans import data

    per_s = events_per_s / 200
    rig.send(data.uploads(int(per_s * 60) * 200), per_s=per_s)
    after_a_minute = rig.worker_memory()
    uploads = data.uploads(int(per_s * (seconds - 60)) * 200)
    fresh = rig.send(uploads, per_s=per_s, watch=True)
    end = rig.worker_memory()
    rig.wait_folded()
    return {
        "steady_events_per_s": round(events_per_s),
        "freshness_p50_s": round(percentile(fresh.visible_s, 50), 2),
        "freshness_p95_s": round(percentile(fresh.visible_s, 95), 2),
        "worker_memory_growth": round(end / after_a_minute, 3),
        "worker_memory_mb": round(end / 1e6),
    }


def with_stored(rig: Rig, rounds: int) -> tuple[int, float]:
    """(events stored, ours by the second)."""
    from benchmarks.scans import data

    number = data.stored()
    ours(rig, 20_000)  # warm
    values = [ours(rig, EVENTS)["per_s"] for _ in range(rounds)]
    print(f"with {number:,} stored:", ", ".join(f"{value:,.0f}/s" for value in values), flush=True)
    return number, statistics.median(values)


def growth(rig: Rig, few: tuple[int, float], wanted: int, rounds: int) -> dict[str, object]:
    from benchmarks.scans import data

    print(data.store_more(wanted), flush=True)
    many = with_stored(rig, rounds)
    return {"stored": [few[0], many[0]], "growth": round(many[1] / few[1], 3), "ours_with_more": round(many[1])}


if __name__ == "__main__":
    sys.exit(main())
