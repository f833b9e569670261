"""Where our own PostgreSQL and Redis are, for a machine that has neither (DATABASE_URL, REDIS_URL unset).

Nothing listens on the network: both servers sit on unix sockets in a folder only their owner can enter, so
that folder's mode is the password. An ordinary user's data lives in `.local/<profile>/`; root's outside the
checkout (config/servers.py says why, and starts and stops them).

`urls()` and `secret()` are read by config/settings.py: they import nothing of Django and start nothing.
"""

import contextlib
import hashlib
import os
import secrets
import tempfile
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
SYSTEM_HOME = Path("/var/lib/rural-logistics")
DATABASE = "rlp"
PORT = 5432  # only part of the socket's file name; given, so that a PGPORT of the user's shell has no say
SOCKET_PATH_BYTES = 107  # what Linux allows
PROFILES = ("dev", "test", "faults")


def checkout_id(root: Path = ROOT) -> str:
    """Twelve hexadecimal digits of the checkout's path."""
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:12]


def home(profile: str = "dev", *, root: Path = ROOT, uid: int | None = None) -> Path:
    """The folder of a profile's data, logs and settings."""
    if (os.geteuid() if uid is None else uid) == 0:
        return SYSTEM_HOME / checkout_id(root) / profile
    return root / ".local" / profile


def socket_dir(profile: str = "dev", *, root: Path = ROOT, uid: int | None = None) -> Path:
    """The folder of both sockets: beside the data, or in /tmp where that path is too long or too odd."""
    uid = os.geteuid() if uid is None else uid
    folder = home(profile, root=root, uid=uid) / "run"
    too_long = len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > SOCKET_PATH_BYTES
    if too_long or set(str(folder)) & set(",'\"\\"):  # a comma parts two servers in an address
        return Path("/tmp") / f"rlp-{uid}-{checkout_id(root)}-{profile}"  # noqa: S108 its owner and mode are checked
    return folder


def urls(profile: str = "dev", *, root: Path = ROOT, uid: int | None = None) -> tuple[str, str]:
    """The database's and the broker's address, as DATABASE_URL and REDIS_URL would hold them."""
    folder = socket_dir(profile, root=root, uid=uid)
    return (
        # The folder as a parameter: libpq reads it in the host's place too, django-environ only here.
        f"postgres://{DATABASE}@:{PORT}/{DATABASE}?host={quote(str(folder))}",
        f"redis+socket://{quote(str(folder / 'redis.sock'))}",
    )


def secret(name: str) -> str:
    """A random secret of this checkout, made at its first use and kept in .local/secrets (mode 600)."""
    path = ROOT / ".local" / "secrets" / name
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(fd, "w") as file:
        file.write(secrets.token_urlsafe(48))
    # Several processes may be first at once: a link, unlike a rename, never replaces what another has made.
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    os.unlink(draft)
    return path.read_text().strip()
