"""Breaks the product on purpose, in the fault run's own processes and database: a checker that stays green then is
worth nothing. The product's code is not touched: `wsgi.py` and `app.py` load it and then change what is in memory.
"""

import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("no-unique-key", "answer-before-commit", "no-sweeper", "unsorted-batches")
COMMIT_LATER_S = 0.4
ROOT = Path(__file__).resolve().parents[3]
_STORE_ONCE = re.compile(r"ON CONFLICT \(county_code, event_id\) DO NOTHING")
_INSERT_ORDER = re.compile(r"(?:ORDER BY [\w., ]+\s+)?(?=ON CONFLICT \(county_code, event_id\))")
_LOCK_ORDER = re.compile(r"ORDER BY [\w., ]+(\s+FOR UPDATE)(?! SKIP)")
_DROP_KEY = """
DO $$ DECLARE key text; BEGIN
    SELECT conname INTO key FROM pg_constraint WHERE conrelid = 'tracking_scanevent'::regclass AND contype = 'p';
    EXECUTE format('ALTER TABLE tracking_scanevent DROP CONSTRAINT %I', key);
END $$
"""


class Blunt(RuntimeError):
    """A sabotage that no longer finds what it breaks: the product has changed, so must the sabotage."""


def without_key(text: str) -> str:
    """A statement that stores events whether they are there or not."""
    return _STORE_ONCE.sub("", text) if "INTO tracking_scanevent" in text else text


def unsorted(text: str) -> str:
    """A statement that stores or locks in any order."""
    if "INTO tracking_scanevent" in text:
        return _INSERT_ORDER.sub("ORDER BY random()\n    ", text, count=1)
    return _LOCK_ORDER.sub(r"ORDER BY random()\1", text)


TEXTS: dict[str, Callable[[str], str]] = {"no-unique-key": without_key, "unsorted-batches": unsorted}


def check_sharp(name: str) -> list[str]:
    """The SQL files a sabotage changes; raises Blunt if it changes none that stores events."""
    change = TEXTS.get(name)
    if change is None:
        return []
    files = sorted((ROOT / "tracking" / "sql").glob("*.sql"))
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    changed = [file for file, text in texts.items() if change(text) != text]
    if not any("INTO tracking_scanevent" in texts[file] for file in changed):
        raise Blunt(f"{name} finds no statement that stores events: see benchmarks/faults/sabotage/__init__.py")
    return changed


def prepare_database(name: str, cursor: Any) -> None:
    """What a sabotage does to the tables, once, before the run."""
    if name == "no-unique-key":
        cursor.execute(_DROP_KEY)


def active() -> str:
    return os.environ.get("FAULTS_SABOTAGE", "")


def change_statements() -> None:
    """Hand out changed SQL texts in this process."""
    change = TEXTS.get(active())
    if change is None:
        return
    from common import sql

    original = sql.statement
    sql.statement = lambda app, name: change(original(app, name))  # type: ignore[assignment]


def answer_before_commit() -> None:
    """Hand back the receipt at once and commit a moment later, in a thread: a kill in between rolls back."""
    if active() != "answer-before-commit":
        return
    from django.db import connections, transaction

    from tracking import services
    from tracking.api import views

    if not hasattr(services, "record_scans") or views.services is not services:
        raise Blunt("answer-before-commit no longer finds the way in of scans")
    original = services.record_scans

    def record(**given: Any) -> Any:
        outer = transaction.atomic()
        outer.__enter__()
        try:
            receipt = original(**given)
        except BaseException as error:
            outer.__exit__(type(error), error, error.__traceback__)
            raise
        connection = connections["default"]
        connection.inc_thread_sharing()
        del connections["default"]  # this thread opens another; the transaction goes on in the next one

        def commit() -> None:
            time.sleep(COMMIT_LATER_S)
            connections["default"] = connection
            try:
                outer.__exit__(None, None, None)
            finally:
                connection.close()

        threading.Thread(target=commit, daemon=True).start()
        return receipt

    services.record_scans = record
