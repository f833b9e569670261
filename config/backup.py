"""`make backup` and `make restore`: the database and the uploaded files, with PostgreSQL's own tools.

A backup is three files of one name: `.dump` (pg_dump's custom format), `.media.tar` and `.json` (when, which
schema, fingerprints of the keys). The keys themselves are not in it: names and phones are unreadable without
FIELD_KEY, so whoever finds a backup finds no person in it. A restore fills a new database and swaps it in
when it is complete: until then the old one is untouched.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("PROCESS_ROLE", "worker")  # patient: no timeout of a page

import django
from django.conf import settings
from django.core.management import call_command, get_commands
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder

from config import prepare, servers
from config.run import RunError, is_running

FOLDER = Path(settings.BASE_DIR) / "backups"
KEYS = ("FIELD_KEY", "TOKEN_PEPPER")


def _environment(database: str) -> dict[str, str]:
    """libpq's variables for a database of our server; no password in the process list."""
    config = settings.DATABASES["default"]
    host = config.get("OPTIONS", {}).get("host") or config.get("HOST")
    given = {
        "PGHOST": host,
        "PGPORT": config.get("PORT"),
        "PGUSER": config.get("USER"),
        "PGPASSWORD": config.get("PASSWORD"),
        "PGSSLMODE": config.get("OPTIONS", {}).get("sslmode"),
        "PGDATABASE": database,
    }
    return {**os.environ, **{key: str(value) for key, value in given.items() if value}}


def _tool(name: str, *args: str | Path, database: str) -> str:
    command = [str(servers.postgres_bin() / name), *map(str, args)]
    done = subprocess.run(command, env=_environment(database), capture_output=True, text=True)
    if done.returncode:
        raise RunError(f"{name} failed: {' '.join(done.stderr.split())[-400:]}")
    return done.stdout.strip()


def _fingerprints() -> dict[str, str]:
    return {key: hashlib.sha256(f"{key}:{getattr(settings, key)}".encode()).hexdigest()[:16] for key in KEYS}


def save() -> Path:
    """Write a backup and hand back the path of its dump; an unfinished one has another name."""
    os.umask(0o077)  # people's data: for the owner's eyes
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.dump"
    draft = path.with_suffix(".part")
    database = settings.DATABASES["default"]["NAME"]
    _tool("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={draft}", database=database)
    media = Path(settings.MEDIA_ROOT)
    with tarfile.open(path.with_suffix(".media.tar"), "w") as archive:
        if media.exists():
            archive.add(media, arcname="media")
    note = {"made_at": datetime.now(UTC).isoformat(), "keys": _fingerprints()}
    path.with_suffix(".json").write_text(json.dumps(note, indent=1))
    draft.rename(path)
    return path


def restore(path: Path, *, confirmed: bool) -> None:
    """Replace the database and the uploaded files by a backup.

    1. Refuse a file that is no backup, other keys, a running application, a database with data in it.
    2. Fill a new database; on any error drop it and leave the old one.
    3. Swap the names, drop the old one, bring the schema up to date, unpack the files, tell the application.
    """
    name = settings.DATABASES["default"]["NAME"]
    _check_backup(path)
    _check_idle(name, confirmed)
    connections.close_all()
    fresh, old = f"{name}_restoring", f"{name}_replaced"
    for leftover in (fresh, old):
        _sql(f'DROP DATABASE IF EXISTS "{leftover}"')
    _sql(f"CREATE DATABASE \"{fresh}\" TEMPLATE template0 ENCODING 'UTF8'")
    try:
        _tool(
            "pg_restore",
            "--exit-on-error",
            "--no-owner",
            f"--dbname={fresh}",
            "--jobs=2",
            path,
            database=fresh,
        )
    except RunError:
        _sql(f'DROP DATABASE IF EXISTS "{fresh}"')
        raise
    _sql(f'ALTER DATABASE "{name}" RENAME TO "{old}"')
    _sql(f'ALTER DATABASE "{fresh}" RENAME TO "{name}"')
    _sql(f'DROP DATABASE "{old}"')
    prepare.migrate()
    _unpack(path.with_suffix(".media.tar"))
    if "after_restore" in get_commands():
        call_command("after_restore")


def _sql(statement: str) -> str:
    # From the postgres database: the one we replace must have no connection.
    return _tool("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, database="postgres")


def _check_backup(path: Path) -> None:
    if not path.is_file():
        kept = ", ".join(str(p.relative_to(settings.BASE_DIR)) for p in sorted(FOLDER.glob("*.dump"))[-3:])
        raise RunError(f"Say which backup: make restore FROM=… (the latest are: {kept or 'none'}).")
    try:
        _tool("pg_restore", "--list", path, database="postgres")
    except RunError:
        raise RunError(f"{path} is no backup made by `make backup`.") from None
    note = path.with_suffix(".json")
    kept_keys: dict[str, Any] = json.loads(note.read_text())["keys"] if note.exists() else {}
    for key, value in _fingerprints().items():
        if kept_keys.get(key, value) != value:
            raise RunError(f"This backup was made with another {key}: set that one first (.env or .local/secrets).")


def _check_idle(name: str, confirmed: bool) -> None:
    if is_running():
        raise RunError("The application is running: stop it (Ctrl-C at `make run`), then restore.")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'",
            [name],
        )
        others = cursor.fetchone()[0]
        cursor.execute("SELECT to_regclass('accounts_user') IS NOT NULL")
        filled = False
        if cursor.fetchone()[0]:
            cursor.execute("SELECT EXISTS (SELECT 1 FROM accounts_user WHERE id > 0)")
            filled = cursor.fetchone()[0]
    if others:
        raise RunError(f"{others} other programs use the database: stop them, then restore.")
    if filled and not confirmed and not _agreed():
        raise RunError("The database holds data: add YES=1 to replace it (`make backup` first keeps it).")


def _agreed() -> bool:
    if not sys.stdin.isatty():
        return False
    return input("The database holds data. Type `replace` to lose it for the backup's: ").strip() == "replace"


def _unpack(archive: Path) -> None:
    if not archive.exists():
        return
    media = Path(settings.MEDIA_ROOT)
    media.mkdir(parents=True, exist_ok=True)
    # Python before 3.11.4 has no filters; the check below fences there too.
    fence: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            inside = Path(member.name).parts
            if member.isfile() and inside[0] == "media" and ".." not in inside:
                member.name = str(Path(*inside[1:]))
                packed.extract(member, media, **fence)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.backup")
    parser.add_argument("action", choices=["save", "restore"])
    parser.add_argument("path", nargs="?", default="")
    parser.add_argument("--yes", action="store_true")
    args = parser.parse_args()
    django.setup()
    try:
        if args.action == "save":
            if not MigrationRecorder(connection).has_table():
                raise RunError("There is nothing to back up yet: the database is empty.")
            path = save()
            print(path.relative_to(settings.BASE_DIR))
            print("The keys are not in it: keep FIELD_KEY and TOKEN_PEPPER (.env or .local/secrets) elsewhere.")
        else:
            restore(Path(args.path), confirmed=args.yes)
            print(f"Restored {args.path}.")
    except RunError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
