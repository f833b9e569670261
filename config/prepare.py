"""What has to be true before the page opens: schema, catalogues, static files, the demo county."""

import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("PROCESS_ROLE", "worker")  # patient: a migration may take longer than a page

import django
import environ
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.loader import MigrationLoader

from config.bootstrap import digest, stamp, stamped
from config.run import DEMO_DECISION, LOGINS, RunError

ROOT = Path(settings.BASE_DIR)
UNUSED = ["redoc", "rest_framework", "prometheus"]  # static files of packages that no page of ours loads


def newer_schema(applied: set[tuple[str, str]], known: set[tuple[str, str]], ours: set[str]) -> str:
    """The sentence for a database that a newer version of the code has migrated, or an empty string."""
    unknown = sorted(f"{app}.{name}" for app, name in applied - known if app in ours)
    if not unknown:
        return ""
    return (
        f"The database was made by a newer version of this project (it has {unknown[0]}):"
        " update the code with `git pull`, or `make restore` an older backup."
    )


def migrate() -> None:
    """Bring the schema to the code's version; raises RunError for a database that is newer or away."""
    try:
        loader = MigrationLoader(connection, ignore_no_migrations=True)
    except OperationalError as error:
        raise RunError(f"The database does not answer: {' '.join(str(error).split())}") from None
    ours = {config.label for config in apps.get_app_configs()}
    problem = newer_schema(set(loader.applied_migrations), set(loader.disk_migrations), ours)
    if problem:
        raise RunError(problem)
    pending = set(loader.disk_migrations) - set(loader.applied_migrations)
    if pending:
        print(f"Bringing the database up to date ({len(pending)} migrations) ...", flush=True)
        call_command("migrate", verbosity=0, interactive=False)


def compile_catalogues() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "config.messages", "compile"], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise RunError(f"The catalogues could not be compiled: {' '.join(done.stderr.split())[-300:]}")


def collect_static() -> None:
    """Hash and compress the static files, unless they are the ones collected last time."""
    listed = []
    for folder, _, names in os.walk(ROOT / "static"):
        for name in sorted(names):
            status = os.stat(os.path.join(folder, name))
            listed.append(f"{folder}/{name} {status.st_size} {status.st_mtime_ns}")
    wanted = digest("\n".join(sorted(listed)), str(ROOT / "requirements.txt"), str(ROOT / "common" / "static.py"))
    mark = Path(settings.STATIC_ROOT).with_suffix(".collected")
    if stamped(mark, wanted):
        return
    print("Compressing the static files ...", flush=True)
    call_command("collectstatic", verbosity=0, interactive=False, clear=True, ignore_patterns=UNUSED)
    stamp(mark, wanted)


def wants_demo(asked: str, *, demo_people: bool, real_people: bool) -> bool:
    """Whether the demo county belongs into this database: as asked, else never beside a real county."""
    if asked:
        return asked.strip().lower() in environ.Env.BOOLEAN_TRUE_STRINGS
    return demo_people or not real_people


def demo_county() -> None:
    """Load the demo county's first days (a job brings the rest) and note for `make run` what it has to know."""
    people = get_user_model().objects.filter(pk__gt=0)
    wanted = wants_demo(
        os.environ.get("DEMO", ""),
        demo_people=people.filter(is_demo=True).exists(),
        real_people=people.filter(is_demo=False).exists(),
    )
    DEMO_DECISION.write_text("1" if wanted else "0")
    LOGINS.unlink(missing_ok=True)
    if wanted:
        from accounts.services import demo_logins  # models, so only after django.setup()

        call_command("load_demo")
        lines = [f"  {login['username']:<16} {login['password']:<28} {login['name']}" for login in demo_logins()]
        LOGINS.write_text("\n".join(["Demo logins (made-up data; this machine only):", *lines, ""]))
    elif not people.exists():
        command = ".venv/bin/python manage.py create_county CODE --name NAME --admin USER"
        LOGINS.write_text(f"There is no county yet. Make one with its first administrator:\n  {command}\n")


def main() -> int:
    try:
        compile_catalogues()
        django.setup()
        collect_static()
        if "--assets" not in sys.argv:  # what tests need: their database is made by themselves
            migrate()
            demo_county()
    except RunError as error:
        print(error, file=sys.stderr)
        return 1
    except DatabaseError as error:
        print(f"The database could not be prepared: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
