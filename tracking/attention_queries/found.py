"""The lines before they are dressed: one statement a kind, from an index over what is rare, over a window of days."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import transaction

from common import clock, sql
from stations.models import Station
from stations.scope import Scope
from tracking.attention_queries.kinds import Kind
from tracking.models import Dismissal
from tracking.states import RULES, Node

MOST = 501  # one more than is counted: "500+"
TWO_PLACES_LONGEST = timedelta(days=7)  # over a whole county every arrival is read for it
KEEP_TWO_PLACES_S = 300
FEW_STATIONS = 3
_ENDS = [node.value for node in Node if RULES[node].t]
_PLACES = [node.value for node in Node if RULES[node].s and node != Node.LOST] + _ENDS
_QUIET = (Node.PREADVICE, Node.SENSOR, Node.CANCELLED, Node.CORRECTION, Node.DEPARTED, Node.ARRIVED)
_AFTER = [node.value for node in Node if node not in _QUIET and not RULES[node].t]
# A rare thing is looked for by the index over what is rare, whatever the statistics say of a table that grew today.
_PLAN: dict[str, str | int] = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}
_PLAN_COUNTY: dict[str, str | int] = {
    "enable_seqscan": "off", "enable_indexscan": "off", "enable_hashjoin": "on", "enable_mergejoin": "on", "jit": "off",
    "work_mem": "64MB", "parallel_setup_cost": 0, "parallel_tuple_cost": 0, "min_parallel_table_scan_size": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Ground:
    """A county, whole (`station_ids` None) or some of its stations: what one statement looks at."""

    county_code: str
    station_ids: tuple[int, ...] | None


@dataclass(frozen=True)
class Window:
    """Effective times from `start` to before `end`, seen at `at`."""

    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class Finding:
    """A line before it is dressed: the scan that looks wrong, the one it is compared with, how many it stands for."""

    kind: str
    county_code: str
    event_id: UUID
    other_id: UUID | None
    at: datetime
    number: int = 1


def grounds(scope: Scope, station: Station | None = None) -> list[Ground]:
    """What a scope covers, or the one station chosen out of it."""
    if station is not None:
        return [Ground(station.county_code, (station.pk,))]
    whole = [Ground(code, None) for code in scope.county_codes]
    return whole + [Ground(c, scope.station_ids) for c in scope.station_counties if c not in scope.county_codes]


def findings(kind: str, where: Iterable[Ground], window: Window) -> list[Finding]:
    """At most 501 lines of a kind, newest first."""
    return findings_of([kind], where, window)[kind]


def findings_of(kinds: Iterable[str], where: Iterable[Ground], window: Window) -> dict[str, list[Finding]]:
    """The same of several kinds; the planner is pinned once for all of them."""
    where = list(where)
    with _pinned(_PLAN):
        found = {kind: [one for ground in where for one in _findings(kind, ground, window)] for kind in kinds}
    return {
        kind: sorted(lines, key=lambda one: (one.at, one.event_id), reverse=True)[:MOST]
        for kind, lines in found.items()
    }


def counted_elsewhere(kind: str, where: Sequence[Ground]) -> bool:
    """Whether counting this kind costs a second: it is counted where it is listed, not for every tab."""
    return kind == Kind.TWO_PLACES and any(_is_wide(ground) for ground in where)


def _is_wide(ground: Ground) -> bool:
    """Whether reading the county's arrivals once is cheaper than comparing each arrival of these stations."""
    return ground.station_ids is None or len(ground.station_ids) > FEW_STATIONS


def _findings(kind: str, ground: Ground, window: Window) -> list[Finding]:
    params: dict[str, Any] = {
        "county": ground.county_code,
        "stations": list(ground.station_ids) if ground.station_ids is not None else None,
        "start": window.start,
        "end": window.end,
        "at": window.at,
        "kind": kind,
        "most": MOST,
    }
    rows = _two_places_of_county(params) if counted_elsewhere(kind, [ground]) else _rows(kind, params)
    return [
        Finding(kind, ground.county_code, UUID(str(row["event_id"])), row["other_id"] and UUID(str(row["other_id"])),
                row["at"], row.get("number", 1))
        for row in rows
    ]  # fmt: skip


def _rows(kind: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    if kind == Kind.SECOND_END:
        return sql.rows("tracking", "attention_ends", {**params, "types": _ENDS})
    if kind == Kind.AFTER_END:
        return sql.rows("tracking", "attention_ends", {**params, "types": _AFTER})
    if kind == Kind.FOUND:
        return sql.rows("tracking", "attention_found", {**params, "types": _PLACES})
    if kind == Kind.CLOCK:
        return sql.rows("tracking", "attention_clocks", {**params, "zone": clock.SHANGHAI.key})
    return sql.rows("tracking", _STATEMENTS[kind], params)


_STATEMENTS: dict[str, str] = {
    Kind.CANCELLED: "attention_cancelled",
    Kind.GAP: "attention_gap",
    Kind.ONE_SIDED: "attention_handovers",
    Kind.UNANNOUNCED: "attention_unannounced",
    Kind.TWO_PLACES: "attention_two_places",
    Kind.CORRECTED: "attention_corrected",
    Kind.DISMISSED: "attention_dismissed",
}


def _two_places_of_county(params: dict[str, Any]) -> list[dict[str, Any]]:
    """Every arrival of up to seven days is read, and kept for five minutes; what was dealt with since is left out."""
    start = max(params["start"], params["end"] - TWO_PLACES_LONGEST)
    key = f"two_places:{params['county']}:{start:%Y%m%d%H}:{params['end']:%Y%m%d%H}"
    rows = cache.get(key)
    if rows is None:
        with _pinned(_PLAN_COUNTY):
            rows = sql.rows("tracking", "attention_two_places_county", {**params, "start": start})
        cache.set(key, rows, timeout=KEEP_TWO_PLACES_S)
    ids = [row["event_id"] for row in rows]
    let_stand = Dismissal.objects.filter(county_code=params["county"], kind=Kind.TWO_PLACES, event_id__in=ids)
    stood = set(let_stand.values_list("event_id", flat=True))
    void = standing(params["county"], ids + [row["other_id"] for row in rows])
    mine = set(params["stations"] or ())
    return [
        row
        for row in rows
        if UUID(str(row["event_id"])) not in stood
        and not {UUID(str(row["event_id"])), UUID(str(row["other_id"]))} & void.keys()
        and (params["stations"] is None or {row["station_id"], row["other_station_id"]} & mine)
    ]


@contextmanager
def _pinned(plan: dict[str, str | int]) -> Iterator[None]:
    with transaction.atomic(), sql.local_settings(**plan):
        yield


def standing(county_code: str, event_ids: Iterable[Any]) -> dict[UUID, tuple[UUID, datetime]]:
    """Scan → (the correction that voids it, since when)."""
    wanted = [str(event_id) for event_id in event_ids]
    if not wanted:
        return {}
    rows = sql.rows("tracking", "attention_standing", {"county": county_code, "event_ids": wanted})
    return {UUID(str(r["event_id"])): (UUID(str(r["by_event_id"])), r["since"]) for r in rows}
