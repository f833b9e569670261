"""Set-based statements live in `<app>/sql/*.sql`, one a file; its head says what it does and by which index."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

ROOT = Path(__file__).resolve().parent.parent


@cache
def statement(app: str, name: str) -> str:
    """The text of `<app>/sql/<name>.sql`; parameters are psycopg2's `%(name)s`."""
    return (ROOT / app / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def run(app: str, name: str, params: Mapping[str, Any]) -> int:
    """Execute a statement, return the row count."""
    with connection.cursor() as cursor:
        cursor.execute(statement(app, name), params)
        return cursor.rowcount


def rows(app: str, name: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Execute a statement, return its rows as dicts by column name."""
    with connection.cursor() as cursor:
        cursor.execute(statement(app, name), params)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def value(app: str, name: str, params: Mapping[str, Any]) -> Any:
    """The first column of the first row, or None."""
    with connection.cursor() as cursor:
        cursor.execute(statement(app, name), params)
        row = cursor.fetchone()
        return row[0] if row else None


@contextmanager
def local_settings(**settings: str | int) -> Iterator[None]:
    """SET LOCAL inside the caller's transaction, put back behind the block: what the planner may choose, how long a
    statement may wait. After an error the transaction (or savepoint) is rolled back, and the settings with it."""
    names = [name.replace("__", ".") for name in settings]
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join("current_setting(%s, true)" for _ in names), names)
        before = cursor.fetchone()
        _set(cursor, names, map(str, settings.values()))
        yield
        _set(cursor, names, before)


def _set(cursor: CursorWrapper, names: list[str], values: Iterable[str | None]) -> None:
    pairs = [part for pair in zip(names, values, strict=True) for part in pair]
    cursor.execute("SELECT " + ", ".join("set_config(%s, %s, true)" for _ in names), pairs)
