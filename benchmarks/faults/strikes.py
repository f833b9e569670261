"""The faults: each waits for a bad moment (an upload unanswered, a drain with a claim in hand), strikes, and heals.

A strike never needs the next one's state: what a supervisor would start again is left to it, what an operator would
start again (PostgreSQL, Redis) is started here.
"""

import contextlib
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from benchmarks.faults import processes
from benchmarks.faults.handheld import Pace
from benchmarks.faults.plan import Fault
from benchmarks.faults.processes import PROFILE, Supervisor
from benchmarks.faults.proxy import Proxy
from config import embedded, servers

AIM_S = 4.0
POINT_S = 35.0  # how long an armed point may wait for a process to pass it
# Claimed a moment ago and not folded: a live drain is at it (a dead one's lease is older).
HOLDING = (
    "SELECT count(*) FROM tracking_upload"
    " WHERE folded_at IS NULL AND lease_until > clock_timestamp() + interval '120 seconds' - interval '400 ms'"
)


@dataclass
class Toll:
    """What was struck: how often, how often at a bad moment, and which points were reached."""

    kinds: Counter[str]
    in_flight: Counter[str]
    points: set[str]
    missed: list[str]

    @property
    def count(self) -> int:
        return sum(self.kinds.values())


class Striker:
    def __init__(self, *, proxy: Proxy, supervisor: Supervisor, crash_dir: Path, pace: Pace) -> None:
        self.proxy, self.supervisor, self.crash_dir, self.pace = proxy, supervisor, crash_dir, pace
        self.toll = Toll(Counter(), Counter(), set(), [])
        self._watch: psycopg2.extensions.connection | None = None
        self._strikes: dict[str, Callable[[float], bool]] = {
            "web_worker": self._web_worker,
            "web_master": lambda _dice: self._main("web"),
            "worker_child": self._worker_child,
            "worker_main": lambda _dice: self._main("worker"),
            "beat": lambda _dice: self._main("beat"),
            "redis_kill": self._redis_kill,
            "redis_flush": self._redis_flush,
            "redis_freeze": self._redis_freeze,
            "postgres_immediate": self._postgres_immediate,
            "postgres_backend": self._postgres_backend,
        }

    def strike(self, fault: Fault) -> str:
        """Carry out one fault; a line for the reader."""
        kind, _colon, point = fault.kind.partition(":")
        if kind == "crash":
            return self._crash(point)
        began = time.monotonic()
        hit = self._strikes[kind](fault.dice)
        self.note(fault.kind, hit)
        return f"{fault.kind}{'' if hit else ' (nothing in flight)'} {time.monotonic() - began:.1f} s"

    def note(self, kind: str, hit: bool) -> None:
        self.toll.kinds[kind] += 1
        self.toll.in_flight[kind] += hit

    # --- the moment -----------------------------------------------------------------------------------

    def holding(self) -> bool:
        """Whether a drain has a claim in hand; False where the database can't be asked."""
        try:
            if self._watch is None or self._watch.closed:
                self._watch = processes.connect()
            with self._watch.cursor() as cursor:
                cursor.execute(HOLDING)
                return bool(cursor.fetchone()[0])  # type: ignore[index]
        except psycopg2.Error:
            self._watch = None
            time.sleep(0.05)
            return False

    def _unanswered(self) -> bool:
        return self.proxy.unanswered > 0

    def _aim(self, wanted: Callable[[], bool]) -> bool:
        return processes.wait_until(wanted, AIM_S, 0.002)

    # --- web, worker, beat ------------------------------------------------------------------------------

    def _kill(self, pids: list[int]) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _web_worker(self, dice: float) -> bool:
        processes.wait_until(lambda: self.supervisor.children("web"), POINT_S)
        children = self.supervisor.children("web")
        hit = self._aim(self._unanswered)
        self._kill([children[int(dice * len(children))]] if children else [])
        return hit and bool(children)

    def _worker_child(self, dice: float) -> bool:
        """All the children or one: with all of them the one that folds dies for certain."""
        processes.wait_until(lambda: len(self.supervisor.children("worker")) > 1, POINT_S)
        children = self.supervisor.children("worker")
        hit = self._aim(self.holding) or self._aim(self._unanswered)
        self._kill(children if dice < 0.6 else children[:1])
        return hit and bool(children)

    def _main(self, name: str) -> bool:
        processes.wait_until(lambda: self.supervisor.pid(name) is not None, POINT_S)
        hit = (name == "worker" and self._aim(self.holding)) or self._aim(self._unanswered)
        pid = self.supervisor.pid(name)
        self._kill([pid] if pid else [])
        return hit and pid is not None

    def web_forgets(self) -> None:
        """Kill the whole web at rest: with it goes every ring it still means to try again. Not counted as a fault."""
        pid = self.supervisor.pid("web")
        self._kill([*self.supervisor.children("web"), *([pid] if pid else [])])
        processes.wait_until(lambda: self.supervisor.pid("web") not in (None, pid), POINT_S)

    def _crash(self, point: str) -> str:
        """Arm a point and wait until a process died at it."""
        began = time.monotonic()
        armed = self.crash_dir / point
        if point == "drain.halved":
            self.pace.poison_wanted += 3
        # At most points an upload is unanswered or a claim in hand by their place; at these it is asked, and the
        # handhelds hurry, so that it is likely.
        bare = point in ("drain.folded", "sweep.started", "sweep.ended")
        pause_s = self.pace.pause_s
        self.pace.pause_s = pause_s / 6 if bare else pause_s
        armed.touch()
        reached = processes.wait_until(lambda: not armed.exists(), POINT_S, 0.002)
        self.pace.pause_s = pause_s
        hit = not bare or self._unanswered() or self.holding()
        with contextlib.suppress(FileNotFoundError):
            armed.unlink()
        if not reached:
            self.toll.missed.append(point)
            return f"crash:{point} was not passed within {POINT_S:.0f} s"
        self.toll.points.add(point)
        self.note(f"crash:{point}", hit)
        return f"crash:{point} {time.monotonic() - began:.1f} s"

    # --- Redis --------------------------------------------------------------------------------------------

    def redis_down(self) -> bool:
        """Kill Redis and forget all it knew; True where an upload was unanswered."""
        hit = self._aim(self._unanswered)
        self._kill([processes.redis_pid()])
        processes.wait_until(_redis_is_gone, 5)
        shutil.rmtree(embedded.home(PROFILE) / "redis", ignore_errors=True)
        return hit

    def redis_up(self) -> None:
        servers.ensure(PROFILE, ["Redis"])

    def _redis_kill(self, dice: float) -> bool:
        hit = self.redis_down()
        time.sleep(dice * 2)
        self.redis_up()
        return hit

    def _redis_flush(self, _dice: float) -> bool:
        import redis

        client = redis.Redis(unix_socket_path=str(embedded.socket_dir(PROFILE) / "redis.sock"), socket_timeout=3)
        hit = self._aim(self._unanswered)
        client.flushall()
        client.close()
        return hit

    def _redis_freeze(self, dice: float) -> bool:
        hit = self._aim(self._unanswered)
        pid = processes.redis_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(1 + 3 * dice)
        finally:
            os.kill(pid, signal.SIGCONT)
        return hit

    # --- PostgreSQL -----------------------------------------------------------------------------------------

    def _postgres_immediate(self, dice: float) -> bool:
        hit = (dice < 0.4 and self._aim(self.holding)) or self._aim(self._unanswered)
        pid = processes.postmaster()
        os.kill(pid, signal.SIGQUIT)  # what `pg_ctl stop -m immediate` sends, at once
        servers.stop(PROFILE, ["PostgreSQL"], mode="immediate")
        processes.wait_until(lambda: not processes.alive(pid), 20)
        time.sleep(dice)
        servers.ensure(PROFILE, ["PostgreSQL"])
        return hit

    def _postgres_backend(self, dice: float) -> bool:
        """One backend by kill -9, one in a transaction if there is one; the server restarts all of them by itself."""
        hit = self._aim(self._unanswered)
        chosen = 0
        with contextlib.suppress(psycopg2.Error), contextlib.closing(processes.connect()) as connection:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    " AND application_name IN ('web', 'worker') ORDER BY xact_start IS NULL, state <> 'active', pid"
                )
                pids = [row[0] for row in cursor.fetchall()]
            if pids:
                chosen = pids[0] if dice < 0.7 else pids[int(dice * len(pids))]
        own = processes.children_of(processes.postmaster())
        self._kill([chosen] if chosen in own else [])
        processes.wait_until(_database_answers, 20)
        return hit and chosen in own


def _redis_is_gone() -> bool:
    try:
        processes.redis_pid()
    except (ProcessLookupError, OSError, ValueError):
        return True
    return False


def _database_answers() -> bool:
    try:
        processes.connect().close()
    except psycopg2.Error:
        return False
    return True
