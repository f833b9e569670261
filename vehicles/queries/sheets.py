"""One trip with its manifest against the scans: what is missing, left over, late or in the wrong place.

The plan's parcels stand beside what was scanned with the trip's code. All of it is worked out when read and never
stored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from common import sql
from orders.models import Parcel
from orders.states import TERMINAL, CustodianKind
from stations.models import Station
from tracking.counter_queries import key_time
from tracking.states import Node
from vehicles import rules
from vehicles.models import DepartureCheck, PlanParcel, Transition, Trip, TripStop
from vehicles.states import Direction, LoadState, StopState, TripState

BEFORE = (TripState.PLANNED, TripState.ASSIGNED, TripState.CHECKED)
_PASSED_BY = (StopState.DEPARTED, StopState.SKIPPED)


@dataclass
class Load:
    """A parcel of a trip. `start`, `end`: the stops where it should be loaded and unloaded; None: at none of them."""

    parcel: Parcel
    start: TripStop | None
    end: TripStop | None
    state: LoadState
    extra: bool = False  # loaded though it isn't on the list
    loaded_at: datetime | None = None
    dropped_at: datetime | None = None
    place: str = ""  # where it was unloaded, or the trip that has it, if that isn't as planned

    @property
    def on_board(self) -> bool:
        return self.state in (LoadState.ON_BOARD, LoadState.LEFT_ON)

    @property
    def label(self) -> str:
        return str(self.state.label)

    @property
    def tone(self) -> str:
        return _TONES[self.state]

    @property
    def tail(self) -> str:
        return self.parcel.waybill_no[-4:]


_TONES = {
    LoadState.TO_LOAD: "wait",
    LoadState.ON_BOARD: "busy",
    LoadState.DONE: "ok",
    LoadState.NOT_LOADED: "bad",
    LoadState.LEFT_ON: "bad",
    LoadState.WRONG_STOP: "bad",
    LoadState.GIVEN: "off",
}
_ODD = (LoadState.NOT_LOADED, LoadState.LEFT_ON, LoadState.WRONG_STOP)


@dataclass
class StopRow:
    """A stop with its parcels. `late_min`: minutes behind the plan by its arrival, or as reckoned now."""

    stop: TripStop
    first: bool
    last: bool
    late_min: int | None = None
    drop: list[Load] = field(default_factory=list)
    collect: list[Load] = field(default_factory=list)

    @property
    def to_drop(self) -> list[Load]:
        return [load for load in self.drop if load.on_board]

    @property
    def to_collect(self) -> list[Load]:
        return [load for load in self.collect if load.state in (LoadState.TO_LOAD, LoadState.NOT_LOADED)]

    @property
    def dropped(self) -> int:
        return sum(load.state == LoadState.DONE for load in self.drop)

    @property
    def collected(self) -> int:
        return len(self.collect) - len(self.to_collect)

    @property
    def late(self) -> bool:
        return self.late_min is not None and self.late_min > rules.LATE_MIN

    @property
    def tone(self) -> str:
        return {"pending": "wait", "arrived": "busy", "departed": "ok", "skipped": "bad"}[self.stop.state]


@dataclass
class Sheet:
    """Everything about one trip at one instant."""

    trip: Trip
    at: datetime
    stops: list[StopRow]
    loads: list[Load]
    scans: list[dict[str, Any]]
    checks: list[DepartureCheck]

    @cached_property
    def check(self) -> DepartureCheck | None:
        """The newest."""
        return self.checks[0] if self.checks else None

    @property
    def may_leave(self) -> bool:
        return self.check is not None and self.check.passed

    @property
    def left_unchecked(self) -> bool:
        """It left by its scans, and the last check before that hadn't passed, or there was none."""
        left = self.trip.departed_at
        if left is None:
            return False
        before = next((check for check in self.checks if check.at <= left), None)
        return before is None or not before.passed

    @cached_property
    def here(self) -> StopRow | None:
        """Where the vehicle stands by its scans; None on the road."""
        if self.trip.departed_at is None:
            return self.stops[0] if self.stops else None
        return next((row for row in self.stops if row.stop.state == StopState.ARRIVED and not row.first), None)

    @cached_property
    def next(self) -> StopRow | None:
        """Where it should go next; None when all is done."""
        coming = [row for row in self.stops if not row.first and row.stop.state == StopState.PENDING]
        return coming[0] if coming else None

    @property
    def on_board(self) -> list[Load]:
        return [load for load in self.loads if load.on_board]

    @property
    def odd(self) -> list[Load]:
        return [load for load in self.loads if load.state in _ODD or load.extra]

    def count(self, state: str) -> int:
        return sum(load.state == state for load in self.loads)

    @property
    def counts(self) -> list[tuple[str, str, int]]:
        """(label, tone, number) of each state there is."""
        return [(str(s.label), _TONES[s], n) for s in LoadState if (n := self.count(s))]

    @property
    def late_min(self) -> int | None:
        """How far behind the plan the trip is now; None before it should have left, and once it is over."""
        return delay_min(self.trip, [row.stop for row in self.stops], self.at)

    @property
    def extras(self) -> int:
        return sum(load.extra for load in self.loads)


def delay_min(trip: Trip, stops: Sequence[TripStop], at: datetime) -> int | None:
    """Minutes behind the plan: as of the last stop it called at, or as the clock says of the next one."""
    if trip.state not in (*BEFORE, TripState.DEPARTED) or not stops:
        return None
    if trip.departed_at is None:
        return _minutes(at - trip.departs_at) if at > trip.departs_at else None
    called = [s for s in stops if s.arrived_at is not None]
    known = _minutes(called[-1].arrived_at - called[-1].arrives_at) if called else None  # type: ignore[operator]
    if known is None:
        known = _minutes(trip.departed_at - trip.departs_at)
    coming = next((s for s in stops[1:] if s.state == StopState.PENDING), None)
    overdue = _minutes(at - coming.arrives_at) if coming else known
    return max(known, overdue)


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)


def trip_sheet(trip: Trip, at: datetime) -> Sheet:
    """The trip with its stops, parcels, scans and checks, in five or six reads."""
    stops = list(TripStop.objects.filter(trip=trip).select_related("station").order_by("seq"))
    rows = [StopRow(stop, n == 0, n == len(stops) - 1) for n, stop in enumerate(stops)]
    planned = list(PlanParcel.objects.filter(trip=trip).select_related("parcel__carrier").order_by("station", "pk"))
    scans = scans_of(trip.county_code, [trip.code])
    loads = [_planned(trip, row, rows) for row in planned]
    loads += [Load(p, None, _stop_at(rows, p.destination_id), LoadState.ON_BOARD, extra=True)
              for p in _extras(trip, scans, loads)]  # fmt: skip
    _judge(trip, loads, scans)
    for load in loads:
        for row in rows:
            if load.end is not None and row.stop.pk == load.end.pk:
                row.drop.append(load)
            if load.start is not None and row.stop.pk == load.start.pk:
                row.collect.append(load)
    delay = delay_min(trip, stops, at)
    for row in rows:
        stop = row.stop
        if row.first:
            row.late_min = _minutes(trip.departed_at - trip.departs_at) if trip.departed_at else delay
        elif stop.arrived_at is not None:
            row.late_min = _minutes(stop.arrived_at - stop.arrives_at)
        elif stop.state == StopState.PENDING:
            row.late_min = delay
    checks = list(trip.checks.select_related("by").order_by("-at", "-pk"))
    return Sheet(trip, at, rows, loads, scans, checks)


def scans_of(county_code: str, codes: list[str]) -> list[dict[str, Any]]:
    """The scans that count of these trips, in the fold's order."""
    return sql.rows("vehicles", "trip_scans", {"county": county_code, "trips": codes})


def _stop_at(rows: Sequence[StopRow], station_id: int | None) -> TripStop | None:
    """The stop at a station that isn't the end of the trip."""
    return next((r.stop for r in rows if r.stop.station_id == station_id and not r.first and not r.last), None)


def _planned(trip: Trip, row: PlanParcel, rows: Sequence[StopRow]) -> Load:
    out = _stop_at(rows, row.station_id)
    first, last = (rows[0].stop, rows[-1].stop) if rows else (None, None)
    start, end = (first, out or last) if row.direction == Direction.DOWN else (out or first, last)
    return Load(row.parcel, start, end, LoadState.TO_LOAD)


def _extras(trip: Trip, scans: Iterable[dict[str, Any]], loads: Iterable[Load]) -> list[Parcel]:
    """Parcels that came on board and aren't on the list."""
    known = {(load.parcel.carrier_id, load.parcel.waybill_no) for load in loads}
    came = {
        (scan["carrier"], scan["waybill_no"])
        for scan in scans
        if scan["waybill_no"] and (scan["type"] == Node.LOADED or scan["side"] == "take")
    } - known
    if not came:
        return []
    rows = Parcel.objects.filter(county_code=trip.county_code, waybill_no__in=[waybill for _c, waybill in came])
    newest = {(p.carrier_id, p.waybill_no): p for p in rows.select_related("carrier").order_by("leg_no")}
    return [newest[key] for key in sorted(came) if key in newest]


def _judge(trip: Trip, loads: Iterable[Load], scans: Iterable[dict[str, Any]]) -> None:
    """What became of each parcel, by the trip's scans and by where the parcel is now."""
    of: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for scan in scans:
        if scan["waybill_no"]:
            of.setdefault((scan["carrier"], scan["waybill_no"]), []).append(scan)
    stations: dict[int, str] = {}
    for load in loads:
        parcel, where = load.parcel, None
        for scan in of.get((parcel.carrier_id, parcel.waybill_no), ()):
            if scan["type"] == Node.LOADED or scan["side"] == "take":
                load.loaded_at, load.dropped_at, where = scan["at"], None, None
            elif scan["type"] == Node.UNLOADED:
                load.dropped_at, where = scan["at"], scan["station_id"]
        held = parcel.c_kind == CustodianKind.ACTOR and parcel.t_k is None
        if where is None and held and parcel.c_trip == trip.code:  # its bag was loaded, not the parcel itself
            load.loaded_at = load.loaded_at or key_time(parcel.c_k)
        elif where is None and load.loaded_at is not None and held and parcel.c_trip:
            load.state, load.place = LoadState.GIVEN, parcel.c_trip
            continue
        elif where is None and (load.loaded_at is not None or _is_there(load)):  # a station scanned it without the trip
            where, load.dropped_at = parcel.s_station_id, key_time(parcel.s_k)
            if parcel.state in TERMINAL and load.end is not None:
                where = load.end.station_id
        if where is not None:
            right = load.end is None or where == load.end.station_id
            load.state = LoadState.DONE if right else LoadState.WRONG_STOP
            if not right:
                stations[where] = ""
                load.place = str(where)
        elif load.loaded_at is not None:
            past = trip.state == TripState.COMPLETED or (load.end is not None and load.end.state in _PASSED_BY)
            load.state = LoadState.LEFT_ON if past else LoadState.ON_BOARD
        else:
            gone = trip.state == TripState.COMPLETED or (load.start is not None and load.start.state in _PASSED_BY)
            load.state = LoadState.NOT_LOADED if gone else LoadState.TO_LOAD
    _name_places(loads, stations)


def _is_there(load: Load) -> bool:
    """Whether a parcel that this trip never loaded has come to the end of its way all the same."""
    parcel = load.parcel
    if parcel.state in TERMINAL:
        return True
    return load.end is not None and load.start is not None and parcel.station_id == load.end.station_id != (
        load.start.station_id
    ) and parcel.c_kind == CustodianKind.STATION  # fmt: skip


def _name_places(loads: Iterable[Load], stations: dict[int, str]) -> None:
    if not stations:
        return
    stations.update(Station.objects.filter(pk__in=stations).values_list("pk", "name"))
    for load in loads:
        if load.state == LoadState.WRONG_STOP:
            load.place = stations.get(int(load.place), "")


def moves_of(trip: Trip) -> list[tuple[Transition, str]]:
    """What happened to a trip, in order: (move, the state it led to in words)."""
    labels = dict(TripState.choices)
    rows = Transition.objects.filter(county_code=trip.county_code, entity="trip", entity_id=trip.pk)
    return [(move, str(labels.get(move.to_state, ""))) for move in rows.select_related("by").order_by("at", "id")]
