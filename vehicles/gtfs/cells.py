"""One cell at a time: what it says, or a finding and None."""

import math
import re
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vehicles.gtfs.feed import ERROR, WARNING
from vehicles.gtfs.files import Notebook, Row

_TIME = re.compile(r"([0-9]{1,3}):([0-5][0-9]):([0-5][0-9])")
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_WHOLE = re.compile(r"[0-9]{1,9}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,9}(\.[0-9]{0,30})?([eE][-+]?[0-9]{1,3})?")
_URL = re.compile(r"https?://[^\s/]+.*", re.IGNORECASE)
LAST_HOUR = 95  # no trip lasts to the fourth day


def needed(row: Row, column: str, notes: Notebook) -> str | None:
    """The text, which may not be empty."""
    value = row[column]
    if not value:
        notes.add(ERROR, "empty_value", row.file, row.line, column)
        return None
    return value


def time(row: Row, column: str, notes: Notebook) -> int | None:
    """Seconds after midnight. Ask only where the cell isn't empty."""
    match = _TIME.fullmatch(row[column])
    if match is None or int(match[1]) > LAST_HOUR:
        notes.add(ERROR, "bad_time", row.file, row.line, column, value=row[column])
        return None
    return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])


def day(row: Row, column: str, notes: Notebook) -> date | None:
    match = _DATE.fullmatch(row[column])
    try:
        if match is not None:
            return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        pass
    notes.add(ERROR, "bad_date", row.file, row.line, column, value=row[column])
    return None


def whole(row: Row, column: str, notes: Notebook, allowed: range | None = None, empty: int | None = None) -> int | None:
    """A whole number from 0, among `allowed`; `empty` is what an empty cell means (None: it may not be empty)."""
    value = row[column]
    if not value and empty is not None:
        return empty
    if not _WHOLE.fullmatch(value) or (allowed is not None and int(value) not in allowed):
        notes.add(ERROR, "bad_number", row.file, row.line, column, value=value)
        return None
    return int(value)


def degrees(row: Row, column: str, most: float, notes: Notebook) -> float | None:
    value = row[column]
    if _NUMBER.fullmatch(value):
        number = float(value)
        if math.isfinite(number) and abs(number) <= most:
            return number
    notes.add(ERROR, "bad_point", row.file, row.line, column, value=value)
    return None


def url(row: Row, column: str, notes: Notebook) -> str | None:
    value = needed(row, column, notes)
    if value and not _URL.fullmatch(value):
        notes.add(WARNING, "bad_url", row.file, row.line, column, value=value)
    return value


def timezone(row: Row, column: str, notes: Notebook) -> str | None:
    value = needed(row, column, notes)
    if value is None:
        return None
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        notes.add(ERROR, "bad_timezone", row.file, row.line, column, value=value)
    return value
