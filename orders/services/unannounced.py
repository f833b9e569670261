"""Parcels that scans name before any order did."""

from collections.abc import Iterable
from datetime import datetime

from common import sql


def create_unannounced_parcels(*, county_code: str, keys: Iterable[tuple[str, str]], at: datetime) -> int:
    """A row for each (carrier code, waybill) that has none yet, `announced` false; an import fills it in later.
    Rows go in sorted order, so that two callers can't deadlock. Returns how many were new."""
    ordered = sorted(set(keys))
    if not ordered:
        return 0
    return sql.run(
        "orders",
        "create_unannounced_parcels",
        {"county": county_code, "carriers": [c for c, _w in ordered], "waybills": [w for _c, w in ordered], "at": at},
    )
