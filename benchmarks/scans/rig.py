"""The machine room of the scan benchmark: web, worker, beat and a Redis of their own, and the load generator."""

import contextlib
import json
import os
import pickle
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from config import embedded, servers

if TYPE_CHECKING:
    from benchmarks.scans.data import Upload

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENTS = 8


def percentile(values: Sequence[float], part: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[part - 1] if len(values) > 1 else sum(values)


def use_database(base: str, *, fresh: bool, fill: Callable[[], str]) -> dict[str, str]:
    """Point Django at a copy of the database `base`, which is made, migrated and filled where it isn't there: each run
    starts from the same rows. Returns the environment for the processes that shall use it."""
    url = os.environ.get("DATABASE_URL") or embedded.urls()[0]
    address, _sep, query = url.partition("?")

    def named(name: str) -> str:
        return address.rpartition("/")[0] + f"/{name}" + (f"?{query}" if query else "")

    copy = f"{base}_run"
    with _session(url) as cursor:
        cursor.execute("SHOW fsync")
        assert cursor.fetchone() == ("on",), "the benchmark wants fsync on"
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [base])
        there = cursor.fetchone()
        if there and fresh:
            cursor.execute(f'DROP DATABASE "{base}" WITH (FORCE)')
        if fresh or not there:
            cursor.execute(f'CREATE DATABASE "{base}"')
    environment = {
        "DATABASE_URL": named(base),
        "DB_STATEMENT_TIMEOUT_MS": "0",
        "LOG_LEVEL": "WARNING",
        "DEMO": "0",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    os.environ.update(environment)
    os.environ["PROCESS_ROLE"] = "command"
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    print(fill(), flush=True)
    connection.close()
    with _session(url) as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{base}" STRATEGY file_copy')
        cursor.execute("CHECKPOINT")
    connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = copy
    return {**environment, "DATABASE_URL": named(copy)}


@contextlib.contextmanager
def _session(url: str) -> Iterator[Any]:
    """A cursor outside of any transaction on the server's own database."""
    import psycopg2
    from environ import Env

    known = Env.db_url_config(url)
    options = known.get("OPTIONS", {})
    session = psycopg2.connect(
        dbname=known["NAME"],
        user=known["USER"],
        password=known["PASSWORD"] or None,
        host=known["HOST"] or options.get("host"),
        port=known["PORT"] or None,
    )
    session.autocommit = True
    with session.cursor() as cursor:
        yield cursor
    session.close()


@dataclass
class Sent:
    """What the load generator saw; times are CLOCK_MONOTONIC, the same in every process."""

    began: float
    seconds: float
    latencies_ms: list[float]
    visible_s: list[float] = field(default_factory=list)


class Rig:
    """`with Rig(environment) as rig:` everything runs; nothing is left behind."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rlp-bench-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.redis_socket = self.folder / "redis.sock"
        self.environment = {
            **os.environ,
            **environment,
            "REDIS_URL": f"redis+socket://{self.redis_socket}",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        }
        self.redis: subprocess.Popen[bytes] | None = None
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self._start_redis()
        web = ["gunicorn", "--config", "python:config.gunicorn", "benchmarks.scans.wsgi"]
        celery = ["celery", "--quiet", "--app", "config.celery"]
        self._start("web", web, "web")
        self._start("worker", [*celery, "worker", "--concurrency", "3", "--loglevel", "WARNING"], "worker")
        schedule = str(self.folder / "schedule")
        self._start("beat", [*celery, "beat", "--pidfile=", "--schedule", schedule, "--loglevel", "WARNING"], "beat")
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            time.sleep(0.1)
        raise RuntimeError("the web server did not start")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()
        if self.redis is not None:
            self.redis.send_signal(signal.SIGCONT)
            self.redis.kill()
            self.redis.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, name: str, command: list[str], role: str) -> None:
        log = (self.folder / f"{name}.log").open("wb")
        environment = {**self.environment, "PROCESS_ROLE": role}
        self.processes[name] = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def _start_redis(self) -> None:
        _postgres, redis = servers._binaries()
        settings = {"port": "0", "unixsocket": str(self.redis_socket), "dir": str(self.folder), "appendonly": "yes"}
        options = [part for key, value in settings.items() for part in (f"--{key}", value)]
        self.redis = subprocess.Popen([redis / "redis-server", *options, "--save", ""], stdout=subprocess.DEVNULL)
        for _ in range(100):
            if self.redis_socket.exists():
                return
            time.sleep(0.05)
        raise RuntimeError("Redis did not start")

    @contextlib.contextmanager
    def redis_is(self, state: str) -> Iterator[None]:
        """Redis running, killed or frozen for the time of a block."""
        assert self.redis is not None
        if state == "frozen":
            self.redis.send_signal(signal.SIGSTOP)
        elif state == "killed":
            self.redis.kill()
            self.redis.wait()
            self.redis_socket.unlink(missing_ok=True)
        try:
            yield
        finally:
            if state == "frozen":
                self.redis.send_signal(signal.SIGCONT)
            elif state == "killed":
                self._start_redis()

    # --- load ---------------------------------------------------------------------------------------------

    def _load(self, job: dict[str, object]) -> subprocess.Popen[bytes]:
        path = self.folder / "job.pickle"
        path.write_bytes(pickle.dumps({"port": self.port, "clients": CLIENTS, **job}))
        command = [sys.executable, "-m", "benchmarks.scans.load", str(path)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)

    def send(
        self,
        uploads: "list[Upload]",
        *,
        path: str = "/api/v1/scan-batches/",
        per_s: float | None = None,
        watch: bool = False,
    ) -> Sent:
        """Send them all, as fast as it goes or so many a second; `watch` looks for each in the folded rows."""
        plain = [(upload.token, upload.body, str(upload.batch_id)) for upload in uploads]
        process = self._load({"uploads": plain, "path": path, "per_s": per_s})
        seen = self._watch(process) if watch else {}
        out, _ = process.communicate()
        answer = json.loads(out)
        if answer["bad"]:
            raise RuntimeError(f"answers that are not 200: {answer['bad'][:3]}\n{self.tail('web')}")
        if answer["try_later"]:
            print(f"{path} said 'try later' {answer['try_later']} times", flush=True)
        if watch:
            self.wait_folded(seen)
        visible = [seen[batch] - at for batch, at in answer["acked"] if batch in seen]
        assert not watch or len(visible) == len(uploads), "an upload was acknowledged and never seen folded"
        return Sent(answer["began"], answer["seconds"], answer["latencies_ms"], visible)

    def send_single(self, path: str, seconds: int) -> float:
        """Requests a second of fifty clients, one scan each."""
        from benchmarks.scans import data

        uploads = [(upload.token, upload.body) for upload in data.uploads(seconds * 4_000, size=1)]
        process = self._load({"singles": uploads, "path": path, "seconds": seconds})
        out, _ = process.communicate()
        answer = json.loads(out)
        if answer["bad"]:
            raise RuntimeError(f"answers that are not 200: {answer['bad'][:3]}\n{self.tail('web')}")
        return float(answer["per_s"])

    def _watch(self, process: "subprocess.Popen[bytes]") -> dict[str, float]:
        seen: dict[str, float] = {}
        while process.poll() is None:
            self._look(seen)
            time.sleep(0.05)
        return seen

    def _look(self, seen: dict[str, float]) -> bool:
        """Note the uploads whose registers show by now; whether none waits."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT batch_id::text FROM tracking_upload WHERE folded_at IS NOT NULL AND batch_id IS NOT NULL"
                " AND id > (SELECT max(id) - 3000 FROM tracking_upload)"
            )
            now = time.monotonic()
            for (batch,) in cursor.fetchall():
                seen.setdefault(batch, now)
            cursor.execute("SELECT NOT EXISTS (SELECT FROM tracking_upload WHERE folded_at IS NULL)")
            return bool(cursor.fetchone()[0])

    def wait_folded(self, seen: dict[str, float] | None = None) -> float:
        """Until no upload waits; the moment it was seen."""
        from django.db import connection

        for _ in range(60_000):
            if seen is not None:
                if self._look(seen):
                    return time.monotonic()
            else:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT count(*) FROM tracking_upload WHERE folded_at IS NULL")
                    if cursor.fetchone()[0] == 0:
                        return time.monotonic()
            time.sleep(0.01)
        raise RuntimeError(f"uploads are still waiting\n{self.tail('worker')}")

    def quiet(self) -> None:
        time.sleep(1)

    def worker_memory(self) -> int:
        """Bytes of the worker and its children, shared pages shared out."""
        pids = [self.processes["worker"].pid]
        for pid in pids:
            with contextlib.suppress(OSError):
                pids += [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        total = 0
        for pid in pids:
            with contextlib.suppress(OSError):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
        return total

    def tail(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]
