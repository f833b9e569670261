"""Web, worker and beat as processes of their own, started again when they die (as systemd or honcho would), and the
faults' own PostgreSQL and Redis. Only processes this module started, and their children, are ever signalled.
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from config import embedded, servers

PROFILE = "faults"
AFTERLIFE_S = 0.5  # what outlives its main process is killed then, as a service manager does
GONE_S = 20.0


@dataclass
class Service:
    """One line of the process table."""

    name: str
    command: list[str]
    env: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    groups: list[int] = field(default_factory=list)  # every process group it ever had


def _die_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a run that is killed leaves nothing behind


class Supervisor(threading.Thread):
    """Starts services in process groups of their own and starts again what died."""

    def __init__(self, services: list[Service], logs: Path) -> None:
        super().__init__(name="supervisor", daemon=True)
        self.services = {service.name: service for service in services}
        self.logs = logs
        self._over = threading.Event()

    def run(self) -> None:
        for service in self.services.values():
            self._start(service)
        while not self._over.wait(0.1):
            for service in self.services.values():
                if service.process and service.process.poll() is not None and not self._over.is_set():
                    if self._over.wait(AFTERLIFE_S):
                        break
                    _kill_group(service.process.pid)
                    self._start(service)
        for service in self.services.values():  # children die with the thread that made them: end them in order first
            _end(service)

    def _start(self, service: Service) -> None:
        with (self.logs / f"{service.name}.log").open("ab") as log:
            service.process = subprocess.Popen(
                service.command,
                env=dict(service.env),
                cwd=embedded.ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        service.starts += 1
        service.groups.append(service.process.pid)

    def pid(self, name: str) -> int | None:
        """The main process, if it lives."""
        process = self.services[name].process
        return process.pid if process and process.poll() is None else None

    def children(self, name: str) -> list[int]:
        """The processes the main one forked."""
        parent = self.pid(name)
        return children_of(parent) if parent else []

    def stop(self) -> None:
        self._over.set()
        if self.is_alive():
            self.join(timeout=GONE_S * 2)
        for service in self.services.values():
            for group in service.groups:
                _kill_group(group)


def _end(service: Service) -> None:
    process = service.process
    if process is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=3)
    _kill_group(process.pid)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=GONE_S)


def _kill_group(group: int) -> None:
    """SIGKILL what is left of a group we made; a number the system gave to somebody else meanwhile is left alone."""
    for pid in _pids():
        with contextlib.suppress(OSError):
            if os.getpgid(pid) == group and os.getsid(pid) == group:
                os.kill(pid, signal.SIGKILL)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def children_of(parent: int) -> list[int]:
    """Direct children, by /proc."""
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError, IndexError, ValueError):
            stat = Path(f"/proc/{pid}/stat").read_text()
            state, ppid = stat.rpartition(")")[2].split()[:2]
            if int(ppid) == parent and state != "Z":
                found.append(pid)
    return sorted(found)


def alive(pid: int) -> bool:
    """Whether it runs; one that only waits to be buried doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(port: int, crash_dir: Path, folder: Path, sabotage: str | None) -> dict[str, str]:
    """What web, worker and beat see: the faults' servers, nothing of the caller's."""
    database_url, redis_url = embedded.urls(PROFILE)
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "VIRTUAL_ENV", "TMPDIR")}
    return {
        **kept,
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), kept.get("PATH", "")]),
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DEMO": "0",
        "LOG_LEVEL": "WARNING",
        "CRASH_DIR": str(crash_dir),
        "MEDIA_ROOT": str(folder / "media"),
        **({"FAULTS_SABOTAGE": sabotage} if sabotage else {}),
    }


def services(env: Mapping[str, str], folder: Path, sabotage: str | None) -> list[Service]:
    """The process table of the Procfile; a sabotaged run loads the product through benchmarks.faults.sabotage."""
    wsgi = "benchmarks.faults.sabotage.wsgi" if sabotage else "config.wsgi"
    app = "benchmarks.faults.sabotage.app" if sabotage else "config.celery"
    celery = ["celery", "--quiet", "--app", app]
    beat = [*celery, "beat", "--pidfile=", "--schedule", str(folder / "beat-schedule"), "--loglevel", "WARNING"]
    worker = [*celery, "worker", "--concurrency", "3", "--loglevel", "WARNING"]
    return [
        Service("web", ["gunicorn", "--config", "python:config.gunicorn", wsgi], env),
        Service("worker", worker, {**env, "PROCESS_ROLE": "worker", "REMAP_SIGTERM": "SIGQUIT"}),
        Service("beat", beat, {**env, "PROCESS_ROLE": "beat"}),
    ]


# --- PostgreSQL and Redis -------------------------------------------------------------------------------


def connect() -> "psycopg2.extensions.connection":
    """A connection past everything of the product; raises OperationalError while the server is away."""
    connection = psycopg2.connect(
        host=str(embedded.socket_dir(PROFILE)),
        port=embedded.PORT,
        user=embedded.DATABASE,
        dbname=embedded.DATABASE,
        connect_timeout=2,
        application_name="faults",
    )
    connection.autocommit = True
    return connection


def tune() -> None:
    """Log error codes and find deadlocks fast: set once, kept by the server through its crashes."""
    with contextlib.closing(connect()) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET log_line_prefix = '%m [%p] %e '")
        cursor.execute("ALTER SYSTEM SET deadlock_timeout = '50ms'")
        cursor.execute("SELECT pg_reload_conf()")


def postgres_log() -> Path:
    return embedded.home(PROFILE) / "postgres.log"


def postmaster() -> int:
    """The pid of our PostgreSQL, out of its own data folder."""
    return int((embedded.home(PROFILE) / "pgdata" / "postmaster.pid").read_text().split()[0])


def redis_pid() -> int:
    """The pid of our Redis; raises ProcessLookupError where the number is not (or no longer) ours."""
    pid = int((embedded.home(PROFILE) / "redis.pid").read_text())
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        raise ProcessLookupError(pid) from None
    if str(embedded.home(PROFILE)).encode() not in command and b"redis-server" not in command:
        raise ProcessLookupError(pid)
    return pid


def start_servers() -> None:
    servers.ensure(PROFILE)


def discard_servers() -> None:
    """Stop both and delete their data; a frozen Redis is thawed first, or it would never answer."""
    with contextlib.suppress(OSError, ValueError):
        os.kill(redis_pid(), signal.SIGCONT)
    servers.discard(PROFILE)


def wait_until(condition, seconds: float, step_s: float = 0.05) -> bool:  # type: ignore[no-untyped-def]
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(step_s)
    return bool(condition())
