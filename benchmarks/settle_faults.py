"""`make bench NAME=settle-faults`: two months settled to the bank and back, killed on the way, and done by two at once.

The quiet run says what the money is. Then, each on its own copy of the same database: for every crash point the work
is killed there (as by `kill -9`) and started again; two workers, two beats and two approvers do all of it at the same
time; a worker is killed while another goes on. Each run's lines, statements, entries and payments must be those of the
quiet one, a full recomputation from the scans must give what stands, and no statement may have been paid twice.

Last line: one JSON object; `drift` counts rows and yuan that differ (goal 0), `double_payments` statements paid twice
(goal 0), `missed` crash points nobody passed (goal none). `--quick`: three crash points only.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

BASE = "rlp_bench_settle_faults"
PARCELS = 40  # an outlet and month
OUTLETS = 12
STEPS = 60  # more than the way has
AT = datetime(2026, 11, 20, 4, tzinfo=UTC)
LATER = AT + timedelta(days=20)  # the notices have run out
PATIENCE_S = 180
# what the money is, without ids and times
SELECTS = {
    "lines": """
        SELECT p.carrier, p.waybill_no, l.service, l.turn, l.period, l.station_id, l.rate, l.amount, l.cause,
               l.evidence_class, l.evidence
        FROM settlement_line l JOIN orders_parcel p ON p.id = l.parcel_id""",
    "holds": """
        SELECT p.waybill_no, l.turn, h.reason, h.outcome, h.stated_in
        FROM settlement_hold h JOIN settlement_line l ON l.id = h.line_id JOIN orders_parcel p ON p.id = l.parcel_id""",
    "statements": """
        SELECT period, station_id, parcels, lines_yuan, adjusted_yuan, payable_yuan, state FROM settlement_statement""",
    "adjustments": "SELECT period, station_id, kind, amount, source_key FROM settlement_adjustment",
    "postings": """
        SELECT account, station_id, period, sum(amount)
        FROM settlement_posting GROUP BY account, station_id, period HAVING sum(amount) <> 0""",
    "payments": "SELECT station_id, state, amount FROM settlement_payment",
    "periods": "SELECT month, state FROM settlement_period",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--drive", choices=("first", "second"), help="(inside) take all steps that are left")
    parser.add_argument("--examine", action="store_true", help="(inside) print what the money is")
    options = parser.parse_args()
    if options.drive or options.examine:
        _django()
        print(json.dumps(examine()) if options.examine else drive(options.drive))
        return
    from benchmarks.scans.rig import use_database
    from common.crash import MONEY_POINTS, SETTLE_POINTS

    environment = use_database(BASE, fresh=True, fill=fill)
    points = [*SETTLE_POINTS, *MONEY_POINTS]
    if options.quick:
        points = ["period.settled", "approve.half", "pay.issued"]
    began = time.monotonic()
    quiet = run_alone(environment)
    print(f"quiet: {quiet['money']}", flush=True)
    found = {"runs": 1, "drift": quiet["drift"], "double_payments": quiet["double_payments"], "missed": []}
    runs: list[tuple[str, Callable[[], dict]]] = [
        (point, lambda point=point: run_killed(environment, point, found["missed"])) for point in points
    ]
    runs += [
        (f"two at once, {number}", lambda: run_twice(environment)) for number in range(1, 2 if options.quick else 4)
    ]
    if not options.quick:
        runs += [
            (f"killed beside another at {ms} ms", lambda ms=ms: run_beside(environment, ms)) for ms in (900, 1500, 2500)
        ]
    for name, act in runs:
        result = act()
        differing = sum(result["rows"].get(key) != value for key, value in quiet["rows"].items())
        drift = result["drift"] + differing
        print(f"{name}: drift {drift}, double payments {result['double_payments']}", flush=True)
        if differing:
            print({key: (result["rows"].get(key), value) for key, value in quiet["rows"].items()})
        found["runs"] += 1
        found["drift"] += drift
        found["double_payments"] += result["double_payments"]
    found |= {
        "points": len(points),
        "lines": quiet["counts"]["lines"],
        "paid_yuan": quiet["money"]["paid"],
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(found, ensure_ascii=False))


# --- runs -----------------------------------------------------------------------------------------------------------


def _process(environment: dict[str, str], *arguments: str, crash_dir: str = "") -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.settle_faults", *arguments],
        env={**os.environ, **environment, "CRASH_DIR": crash_dir, "PROCESS_ROLE": "command"},
        stdout=subprocess.PIPE,
        text=True,
    )


def _copy(environment: dict[str, str]) -> dict[str, str]:
    """A database of its own for this run, from the filled one."""
    import psycopg2

    name = f"{BASE}_run"
    url = environment["DATABASE_URL"].replace(f"/{name}", "/postgres", 1)
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{BASE}" STRATEGY file_copy')
    connection.close()
    return environment


def _finish(*processes: subprocess.Popen, may_die: bool = False) -> None:
    for process in processes:
        process.communicate(timeout=PATIENCE_S)
        if process.returncode and not may_die:
            raise SystemExit(f"a worker ended with {process.returncode}")


def _examined(environment: dict[str, str]) -> dict:
    process = _process(environment, "--examine")
    out, _err = process.communicate(timeout=PATIENCE_S)
    return json.loads(out.splitlines()[-1])


def run_alone(environment: dict[str, str]) -> dict:
    _copy(environment)
    _finish(_process(environment, "--drive", "first"))
    return _examined(environment)


def run_killed(environment: dict[str, str], point: str, missed: list[str]) -> dict:
    _copy(environment)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, point).touch()
        _finish(_process(environment, "--drive", "first", crash_dir=folder), may_die=True)
        if Path(folder, point).exists():
            missed.append(point)
    _finish(_process(environment, "--drive", "second"))
    return _examined(environment)


def run_twice(environment: dict[str, str]) -> dict:
    _copy(environment)
    _finish(*[_process(environment, "--drive", who) for who in ("first", "second")])
    return _examined(environment)


def run_beside(environment: dict[str, str], after_ms: int) -> dict:
    """One of two is killed at some moment, whatever it does; the other goes on."""
    _copy(environment)
    doomed, other = (_process(environment, "--drive", who) for who in ("first", "second"))
    time.sleep(after_ms / 1000)
    os.kill(doomed.pid, signal.SIGKILL)
    _finish(doomed, may_die=True)
    _finish(other)
    return _examined(environment)


# --- inside a run ---------------------------------------------------------------------------------------------------


def _django() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()


def months() -> list:
    from common import clock

    this = clock.month_of(AT)
    return [clock.previous_month(clock.previous_month(this)), clock.previous_month(this)]


def fill() -> str:
    """A county with a policy that changes in mid-month, a fund, accounts, and two months of deliveries by handhelds; a
    few of them corrected, a few typed in."""
    from benchmarks import settle_faults_county

    return settle_faults_county.build(months(), outlets=OUTLETS, parcels=PARCELS, at=AT)


def drive(who: str) -> str:
    """Take the next step until none is left; whoever loses a race looks again."""
    from benchmarks.settle_faults_county import next_step
    from common.errors import Conflict, Refused

    taken = lost = 0
    for _step in range(STEPS):
        step = next_step(months(), who=who, at=AT, later=LATER)
        if step is None:
            break
        try:
            step()
            taken += 1
        except (Conflict, Refused):
            lost += 1
            time.sleep(0.2)
    else:
        raise SystemExit("the way has no end")
    return f"{taken} steps taken, {lost} lost to another"


def examine() -> dict:
    """What the money is, without ids and times, and what is wrong with it."""
    from django.db import connection
    from django.db.models import Count, Q

    from benchmarks.settle_faults_county import COUNTY
    from settlement.models import PaymentItem, Statement
    from settlement.queries.books import trial_balance
    from settlement.services.recompute import recompute

    rows, counts = {}, {}
    with connection.cursor() as cursor:
        for name, select in SELECTS.items():
            cursor.execute(f"SELECT row(found.*)::text FROM ({select}) found ORDER BY 1")
            found = [row[0] for row in cursor.fetchall()]
            counts[name] = len(found)
            rows[name] = hashlib.sha256("\n".join(found).encode()).hexdigest()
        cursor.execute(
            "SELECT count(*) FROM settlement_posting GROUP BY entry_id HAVING sum(amount) <> 0 OR count(*) = 1"
        )
        unbalanced = len(cursor.fetchall())
    drifted = recompute(county_code=COUNTY)
    paid_twice = (
        Statement.objects.annotate(
            times=Count("payment_items", filter=Q(payment_items__payment__state="paid")),
            live=Count("payment_items", filter=Q(payment_items__live=True)),
        )
        .filter(Q(times__gt=1) | Q(live__gt=1))
        .count()
    )
    unpaid = PaymentItem.objects.filter(live=True).exclude(payment__state="paid").count()
    balance = trial_balance(COUNTY)
    return {
        "rows": rows,
        "counts": counts,
        "money": {
            "subsidy": str(balance.get("subsidy", Decimal(0))),
            "paid": str(-balance.get("appropriation", Decimal(0)) - balance.get("treasury", Decimal(0))),
        },
        "drift": drifted.lines + int(drifted.yuan != 0) + unbalanced + unpaid + int(sum(balance.values()) != 0),
        "double_payments": paid_twice,
    }


if __name__ == "__main__":
    main()
