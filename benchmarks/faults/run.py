"""One fault run: servers, county, handhelds through the proxy, faults, healing, the checker; nothing is left behind."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2

from benchmarks.faults import checker, plan, processes, sabotage
from benchmarks.faults.handheld import Handheld, Journal, Pace
from benchmarks.faults.proxy import Proxy
from benchmarks.faults.strikes import Striker
from common.crash import POINTS
from config import embedded

FOLDER = embedded.ROOT / ".local" / "fault-run"
LEASE_S = 120.0  # of a drain that died; tracking/services/drain.py
STALLED_S = 40.0  # eight sweeps without one upload folded, though some are free


TRIES = 3  # at a crash point: a slow machine's sweep may just have passed


@dataclass(frozen=True)
class Options:
    """What one run is made of."""

    seed: int
    events: int
    faults: int
    rounds: int = 1
    gap_s: float = 1.6  # mean pause between two faults
    sabotage: str | None = None
    overlap: float = 0.03  # share of the scans that two handhelds send
    pause_s: float = 1.2  # a handheld's mean pause between two uploads
    largest: int = 60  # scans in an upload
    again: float = 0.15  # share of an upload that was answered before
    only: tuple[str, ...] = ()  # kinds of faults, where not all of them


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """A second, impatient Ctrl-C must not leave a process or a server behind."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Run:
    """`go` makes and heals everything; the result is the last line's JSON."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.folder = FOLDER
        self.crash_dir = self.folder / "crash"
        self.handhelds: list[dict[str, Any]] = []
        self.journals: list[Journal] = []
        self.next_n: list[int] = []
        self.in_flight: dict[str, str] = {}

    def go(self) -> dict[str, Any]:
        began = time.monotonic()
        options = self.options
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("crash", "journals", "logs", "media"):
            (self.folder / name).mkdir(parents=True)
        say(f"seed {options.seed}: {options.events} events, {options.faults} faults in {options.rounds} round(s)"
            + (f", sabotaged: {options.sabotage}" if options.sabotage else ""))  # fmt: skip
        if options.sabotage:
            say(f"changed: {', '.join(sabotage.check_sharp(options.sabotage)) or 'processes only'}")
        with self._servers():
            port = processes.free_port()
            env = processes.environment(port, self.crash_dir, self.folder, options.sabotage)
            self._county(env)
            supervisor = processes.Supervisor(
                processes.services(env, self.folder, options.sabotage), self.folder / "logs"
            )
            proxy = Proxy(("127.0.0.1", port), options.seed)
            pace = Pace(lambda: 0.0, options.pause_s, options.largest, options.again)
            striker = Striker(proxy=proxy, supervisor=supervisor, crash_dir=self.crash_dir, pace=pace)
            try:
                supervisor.start()
                self._await_web(port)
                say(f"the county is up after {time.monotonic() - began:.0f} s")
                for round_no in range(options.rounds):
                    self._round(round_no, env, proxy, pace, striker)
                    findings = self._check(striker, proxy)
                    if findings.sentences:
                        break
            except KeyboardInterrupt:
                shutil.rmtree(self.folder, ignore_errors=True)
                raise
            finally:
                with _undisturbed():
                    pace.stopped = True
                    proxy.close()
                    supervisor.stop()
                    for journal in self.journals:
                        journal.close()
            for sentence in findings.sentences:
                print(f"VIOLATION {sentence}", flush=True)
            if findings.sentences:
                with contextlib.suppress(OSError):
                    shutil.copy(processes.postgres_log(), self.folder / "logs" / "postgres.log")
                say(f"journals and logs are kept in {self.folder.relative_to(embedded.ROOT)}")
            result = self._result(findings, striker, proxy, round_no + 1, time.monotonic() - began)
        if not findings.sentences:
            shutil.rmtree(self.folder, ignore_errors=True)
        return result

    # --- before ---------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _servers(self) -> Iterator[None]:
        """Our own PostgreSQL and Redis on fresh data, gone afterwards."""
        processes.discard_servers()
        try:
            processes.start_servers()
            processes.tune()
            yield
        finally:
            with _undisturbed():
                processes.discard_servers()

    def _program(self, env: dict[str, str], *args: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.faults.county", *args],
            cwd=embedded.ROOT,
            env={**env, "PROCESS_ROLE": "command"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"the county could not be made: {done.stderr[-2000:]}")

    def _county(self, env: dict[str, str]) -> None:
        path = self.folder / "handhelds.json"
        self._program(env, "build", str(path))
        self.handhelds = json.loads(path.read_text())
        self.next_n = [1] * len(self.handhelds)
        self.journals = [Journal(self._journal_path(number)) for number in range(len(self.handhelds))]
        if self.options.sabotage:
            with contextlib.closing(processes.connect()) as connection, connection.cursor() as cursor:
                sabotage.prepare_database(self.options.sabotage, cursor)

    def _journal_path(self, number: int) -> Path:
        return self.folder / "journals" / f"{number:02d}.jsonl"

    def _await_web(self, port: int) -> None:
        import http.client

        def answers() -> bool:
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/readyz")
                return connection.getresponse().status == 200
            return False

        if not processes.wait_until(answers, 60, 0.2):
            raise RuntimeError("the web did not open within a minute: see .local/fault-run/logs/")

    def _world(self) -> plan.World:
        numbers: dict[str, list[int]] = {}
        for number, one in enumerate(self.handhelds):
            numbers.setdefault(one["station"], []).append(number)
        stations = {
            one["station"]: plan.Station(one["station"], one["level"], tuple(numbers[one["station"]]))
            for one in self.handhelds
        }
        parents = {one["station"]: one["parent"] for one in self.handhelds}
        hub = next(station for station in stations.values() if station.level == "HUB")
        outlets = [station for station in stations.values() if station.level == "OUTLET"]
        return plan.World(hub, tuple((o, stations[parents[o.code]]) for o in outlets), len(self.handhelds))

    # --- a round ---------------------------------------------------------------------------------------

    def _round(self, round_no: int, env: dict[str, str], proxy: Proxy, pace: Pace, striker: Striker) -> None:
        options = self.options
        told = plan.tell(
            seed=options.seed,
            round_no=round_no,
            world=self._world(),
            base=datetime.now(UTC),
            events=options.events // options.rounds,
            first_n=self.next_n,
            overlap=options.overlap,
        )
        path = self.folder / "announced.json"
        path.write_text(json.dumps(told.announced))
        self._program(env, "announce", str(path))
        self.next_n = [
            n + len(queue) + len(reserve)
            for n, queue, reserve in zip(self.next_n, told.queues, told.reserve, strict=True)
        ]
        faults = plan.schedule(
            options.seed + round_no, POINTS, options.faults // options.rounds - 1, options.gap_s, options.only
        )
        progress = _Progress(len(faults), options.gap_s)
        pace.progress, proxy.calm = progress, False
        fleet = [
            Handheld(
                number=number,
                token=one["token"],
                port=proxy.port,
                journal=self.journals[number],
                pace=pace,
                seed=f"{options.seed} {round_no} {number}",
                queue=told.queues[number],
                reserve=told.reserve[number],
            )
            for number, one in enumerate(self.handhelds)
        ]
        for handheld in fleet:
            handheld.start()
        time.sleep(2)
        tries: Counter[str] = Counter()
        for number, fault in enumerate(faults):
            time.sleep(fault.wait_s)
            line = striker.strike(fault)
            progress.step()
            if striker.toll.missed:
                tries[point := striker.toll.missed.pop()] += 1
                if tries[point] < TRIES:
                    faults.append(fault)  # nobody passed the point in time: once more, at the end
            say(f"[{round_no + 1}: {number + 1}/{len(faults)}] {line}; {sum(h.accepted for h in fleet)} acknowledged")
            self._raise_crashed(fleet)
        # Last of all the bell goes: what is sent now is stored without a drain hearing of it, only a sweep finds it.
        hit = striker.redis_down()
        striker.note("redis_kill", hit)
        proxy.calm = True
        progress.end()
        say("Redis is gone; the rest is sent without a bell")
        patience = 90 + len(told.announced) / 200
        done = processes.wait_until(lambda: all(not handheld.is_alive() for handheld in fleet), patience, 0.2)
        self._raise_crashed(fleet)
        striker.web_forgets()
        striker.redis_up()
        if not done:
            left = sum(len(handheld.pending) + len(handheld.queue) for handheld in fleet)
            say(f"{left} scans could not be sent within {patience:.0f} s")
        pace.stopped = True
        for handheld in fleet:
            handheld.join(timeout=15)
        pace.stopped = False
        self._settle()

    def _raise_crashed(self, fleet: list[Handheld]) -> None:
        for handheld in fleet:
            if handheld.crash is not None:
                raise RuntimeError(f"{handheld.name} broke") from handheld.crash

    def _settle(self) -> None:
        """Wait until every upload is folded: for dead drains' leases, and no longer than sweeps need."""
        began = moved = time.monotonic()
        before = -1
        while time.monotonic() - began < LEASE_S + 4 * STALLED_S:
            with contextlib.suppress(psycopg2.Error), contextlib.closing(processes.connect()) as connection:
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT count(*), count(*) FILTER (WHERE lease_until > now()) FROM tracking_upload"
                        " WHERE folded_at IS NULL"
                    )
                    waiting, leased = cursor.fetchone()  # type: ignore[misc]
                if waiting == 0:
                    break
                if waiting != before or (leased and not self.options.sabotage):
                    before, moved = waiting, time.monotonic()
                if time.monotonic() - moved > STALLED_S:
                    break
            time.sleep(0.5)
        say(f"at rest after {time.monotonic() - began:.0f} s")

    # --- after -------------------------------------------------------------------------------------------

    def _check(self, striker: Striker, proxy: Proxy) -> checker.Findings:
        logs = [*sorted((self.folder / "logs").glob("*.log")), processes.postgres_log()]
        complete = self.options.faults // self.options.rounds > len(POINTS) + len(plan.KILLS)
        with contextlib.closing(processes.connect()) as connection:
            return checker.check(
                journals={one["device_id"]: self._journal_path(n) for n, one in enumerate(self.handhelds)},
                tables=checker.Tables(connection),
                logs=logs,
                points_wanted=[p for p in POINTS if p not in striker.toll.points] if complete else [],
                odd_answers=proxy.odd,
            )

    def _result(
        self, findings: checker.Findings, striker: Striker, proxy: Proxy, rounds: int, seconds: float
    ) -> dict[str, Any]:
        toll = striker.toll
        return {
            "rounds": rounds,
            "faults": toll.count,
            "faults_by_kind": dict(sorted(toll.kinds.items())),
            "hit_in_flight": dict(sorted(toll.in_flight.items())),
            "crash_points": sorted(toll.points),
            "acked": findings.acked,
            "sent": findings.sent,
            "stored": findings.stored,
            "duplicates": findings.duplicates,
            "set_aside": findings.set_aside,
            "parcels": findings.parcels,
            "answers": {str(status): count for status, count in sorted(proxy.statuses.items())},
            "network": dict(sorted(proxy.tricks.items())),
            "violations": len(findings.sentences),
            "seed": self.options.seed,
            "seconds": round(seconds),
        }


class _Progress:
    """How far a round is, from 0 to 1: it moves with the clock between faults and waits for a fault that takes long."""

    def __init__(self, faults: int, gap_s: float) -> None:
        self._steps, self._gap_s = faults + 1, gap_s + 1.5
        self._done, self._since, self._over = 0, time.monotonic(), False

    def __call__(self) -> float:
        if self._over:
            return 1.0
        part = min(1.0, (time.monotonic() - self._since) / self._gap_s)
        return min(0.97, (self._done + part) / self._steps)

    def step(self) -> None:
        self._done += 1
        self._since = time.monotonic()

    def end(self) -> None:
        self._over = True


SABOTAGED: dict[str, dict[str, Any]] = {
    "no-unique-key": {"only": ("web_worker", "redis_freeze", "web_master")},
    "answer-before-commit": {"only": ("web_worker", "web_master", "postgres_immediate")},
    "no-sweeper": {"only": ("redis_flush", "web_worker", "redis_kill")},
    # Many handhelds with the same scans at once, in large uploads: sorted they wait, unsorted they deadlock.
    "unsorted-batches": {"only": ("web_worker",), "overlap": 0.9, "pause_s": 0.3, "largest": 300, "again": 0.6},
}


def sabotaged(name: str, seed: int) -> Options:
    """The short run that a sabotage must turn red."""
    return replace(Options(seed=seed, events=2500, faults=9, sabotage=name), **SABOTAGED[name])


def new_seed() -> int:
    return random.SystemRandom().randrange(1, 2**31)


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # common.crash reads settings lazily
