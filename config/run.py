"""`make run`, `make test`, `make bench`: servers up, the work, servers down again.

1. One run per checkout (a lock), a free port: both said before anything is started.
2. PostgreSQL and Redis, where DATABASE_URL and REDIS_URL name none.
3. config/prepare.py: schema, catalogues, static files, demo county.
4. The process table (Procfile) until Ctrl-C, SIGTERM or the end of one of its processes.
5. The servers that step 2 started are stopped; the data stays.
"""

import argparse
import contextlib
import ctypes
import errno
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import environ
from honcho import manager
from honcho.environ import parse_procfile
from honcho.process import Popen, Process

from config import embedded, servers

LOCAL = embedded.ROOT / ".local"
LOGINS = LOCAL / "demo-logins.txt"
DEMO_DECISION = LOCAL / "demo"  # config/prepare.py looks into the database and writes 0 or 1
STOP_PATIENCE_S = 20  # longer than the worker's soft shutdown and the web's graceful timeout
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")


class RunError(RuntimeError):
    """Why nothing was started, in one sentence."""


# --- what is looked at before anything starts --------------------------------------------------------


def load_environment() -> None:
    """.env into the environment, as settings reads it, and our own programs first in the PATH."""
    environ.Env.read_env(embedded.ROOT / ".env", overwrite=False)
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
    os.environ["PYTHONUNBUFFERED"] = "1"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def wanted_servers() -> list[str]:
    """Which servers no environment variable names, so that ours are needed."""
    names = {"PostgreSQL": "DATABASE_URL", "Redis": "REDIS_URL"}
    return [server for server, variable in names.items() if not os.environ.get(variable)]


def parse_port(text: str) -> int:
    """A port number; raises RunError."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise RunError(f"PORT={text} is no port: choose a number from 1 to 65535, such as `make run PORT=8123`.")
    return int(text)


def check_port(host: str, port: int) -> None:
    """Raise RunError unless a server could listen there now."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise RunError(f"HOST={host} is no address of this machine.") from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            why = {
                errno.EADDRINUSE: f"Port {port} is taken by another program",
                errno.EACCES: f"Port {port} is for root only",
                errno.EADDRNOTAVAIL: f"HOST={host} is no address of this machine",
            }.get(error.errno or 0, f"Port {port} can't be used ({error.strerror})")
            raise RunError(
                f"{why}: choose another, such as `make run PORT={8123 if port != 8123 else 8124}`."
            ) from None


@contextlib.contextmanager
def only_one(name: str, command: str) -> Iterator[None]:
    """Hold the lock of a command in this checkout; raises RunError where another process holds it."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / f"{name}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            who = file.read().strip()
            raise RunError(f"`{command}` of this checkout runs already ({who}): stop it there with Ctrl-C.") from None
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        yield


def is_running(name: str = "run") -> bool:
    """Whether a command of this checkout holds its lock."""
    with contextlib.suppress(FileNotFoundError), (LOCAL / f"{name}.lock").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextlib.contextmanager
def up(profile: str) -> Iterator[None]:
    """PostgreSQL and Redis for the time of a block; those that ran before keep running after it."""
    before = servers.running(profile)
    ours = [server for server in wanted_servers() if server not in before]
    try:
        servers.ensure(profile, wanted_servers())
        yield
    finally:
        # A second, impatient Ctrl-C must not leave a server behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if ours:
            servers.stop(profile, ours)


# --- the process table -----------------------------------------------------------------------------------


def process_table() -> dict[str, str]:
    """Name and command of every process, out of the Procfile."""
    return dict(parse_procfile((embedded.ROOT / "Procfile").read_text()).processes)


def _die_with_parent(number: int = signal.SIGTERM) -> None:
    """Linux only: a supervisor that is killed outright takes its processes with it."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, number)  # PR_SET_PDEATHSIG


class _Leader(manager.ProcessManager):
    """SIGTERM to a program alone: sent to its whole group it would kill the worker's children mid-task."""

    def terminate(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


class _Manager(manager.Manager):
    def _system_print(self, data: str) -> None:
        # Also called from the signal handler, where print() fails if the signal came within another print.
        with contextlib.suppress(OSError):
            os.write(sys.stdout.fileno(), data.encode())


class _Process(Process):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._child_ctor = partial(Popen, preexec_fn=_die_with_parent)

    def run(self, *args: Any, **kwargs: Any) -> None:
        _die_with_parent(signal.SIGKILL)  # honcho's go-between ignores SIGTERM
        super().run(*args, **kwargs)


def supervise(host: str, port: int) -> int:
    """Run the process table until it ends; the exit code is 0 for a stop that was asked for."""
    manager.KILL_WAIT = STOP_PATIENCE_S
    table = _Manager()
    table._procmgr, table._process_ctor = _Leader(), _Process
    for name, command in process_table().items():
        # `exec`, so that the signal reaches the program and not a shell around it.
        table.add_process(name, f"exec {command}", env=dict(os.environ), cwd=str(embedded.ROOT))
    threading.Thread(target=_announce, args=(host, port), daemon=True).start()
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))  # a closed terminal
    table.loop()
    return 0 if table.returncode in (0, 130, 143) else table.returncode or 1


def _announce(host: str, port: int) -> None:
    """Print the address and the logins once the page opens."""
    asked = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 a comparison
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(asked, port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                break
        time.sleep(0.2)
    shown = f"[{asked}]" if ":" in asked else asked
    logins = LOGINS.read_text() if LOGINS.exists() else ""
    print(
        f"\n{BOLD}The page is open: http://{shown}:{port}/{PLAIN}\n{logins}Ctrl-C stops everything.\n",
        flush=True,
    )


# --- commands ------------------------------------------------------------------------------------------


def run() -> int:
    """make run"""
    host, port = os.environ.get("HOST") or "127.0.0.1", parse_port(os.environ.get("PORT") or "8000")
    os.environ.update(HOST=host, PORT=str(port))
    with only_one("run", "make run"):
        check_port(host, port)
        with up("dev"):
            prepared = subprocess.run([sys.executable, "-m", "config.prepare"], cwd=embedded.ROOT).returncode
            if prepared:
                return prepared
            os.environ["DEMO"] = DEMO_DECISION.read_text()
            return supervise(host, port)


def work(profile: str, command: list[str]) -> int:
    """Run one command against a profile's servers and hand back its exit code."""
    with only_one(profile, "make test") if profile == "test" else contextlib.nullcontext(), up(profile):
        database_url, redis_url = embedded.urls(profile)
        os.environ["DATABASE_URL"] = os.environ.get("DATABASE_URL") or database_url
        os.environ["REDIS_URL"] = os.environ.get("REDIS_URL") or redis_url
        return subprocess.run(command, cwd=embedded.ROOT).returncode


def _terminated(*_: Any) -> None:
    raise SystemExit(143)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.run", description=__doc__)
    parser.add_argument("what", choices=["run", "test", "dev"], help="run; or servers for a command")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGHUP, _terminated)
    os.chdir(embedded.ROOT)
    load_environment()
    try:
        return run() if args.what == "run" else work(args.what, args.command)
    except (RunError, servers.ServerError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
