"""From the rows of each file to the feed's parts: each row on its own, and ids that stand twice.

A row with a fault in what it needs is left out with its finding; `Ids.seen` keeps its id, so that rows that name it are
not said to point nowhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from vehicles.gtfs import cells
from vehicles.gtfs.feed import (
    ERROR,
    NOTE,
    WARNING,
    Agency,
    DayException,
    FeedInfo,
    Frequency,
    Route,
    Service,
    Stop,
    StopTime,
    Trip,
)
from vehicles.gtfs.files import Notebook, Row
from vehicles.gtfs.tables import DAYS

# Plain route types, and the hundreds of the extended list.
ROUTE_TYPES = frozenset({*range(8), 11, 12, *range(100, 1800)})


@dataclass(slots=True)
class Ids:
    """The keys of one file and the line each stood on first."""

    seen: dict[object, int] = field(default_factory=dict)

    def first(self, key: object, row: Row, column: str, notes: Notebook) -> bool:
        """True the first time; the second is an error and left out."""
        if key in self.seen:
            said = " · ".join(str(part) for part in key) if isinstance(key, tuple) else str(key)
            notes.add(ERROR, "duplicate", row.file, row.line, column, value=said, first=self.seen[key])
            return False
        self.seen[key] = row.line
        return True


def agencies(rows: Iterable[Row], notes: Notebook) -> tuple[list[Agency], Ids]:
    rows, ids, kept = list(rows), Ids(), list[Agency]()
    for row in rows:
        if not row["agency_id"] and len(rows) > 1:
            notes.add(ERROR, "agency_id_needed", row.file, row.line, "agency_id", n=len(rows))
        name, url = cells.needed(row, "agency_name", notes), cells.url(row, "agency_url", notes)
        zone = cells.timezone(row, "agency_timezone", notes)
        new = ids.first(row["agency_id"], row, "agency_id", notes)
        if not new or name is None or (not row["agency_id"] and len(rows) > 1):
            continue
        if kept and zone and zone != kept[0].timezone:
            notes.add(
                ERROR, "other_timezone", row.file, row.line, "agency_timezone", value=zone, first=kept[0].timezone
            )
        said = (row["agency_lang"], row["agency_phone"])
        kept.append(Agency(row["agency_id"], name, url or "", zone or "", *said, line=row.line))
    return kept, ids


def stops(rows: Iterable[Row], notes: Notebook) -> tuple[list[Stop], Ids]:
    ids, kept = Ids(), []
    for row in rows:
        stop_id = cells.needed(row, "stop_id", notes)
        if stop_id is None or not ids.first(stop_id, row, "stop_id", notes):
            continue
        kind = cells.whole(row, "location_type", notes, range(5), empty=0)
        place = kind in (0, 1, 2)
        name = cells.needed(row, "stop_name", notes) if place else row["stop_name"]
        lat = cells.degrees(row, "stop_lat", 90, notes) if place or row["stop_lat"] else None
        lon = cells.degrees(row, "stop_lon", 180, notes) if place or row["stop_lon"] else None
        if kind is None or name is None or (place and (lat is None or lon is None)):
            continue
        if lat is not None and lon is not None and abs(lat) < 1 and abs(lon) < 1:
            notes.add(WARNING, "point_at_zero", row.file, row.line, "stop_lat")
        kept.append(Stop(stop_id, name, lat, lon, row["stop_code"], kind, row["parent_station"], line=row.line))
    return kept, ids


def routes(rows: Iterable[Row], notes: Notebook) -> tuple[list[Route], Ids]:
    ids, kept = Ids(), []
    for row in rows:
        route_id = cells.needed(row, "route_id", notes)
        kind = cells.whole(row, "route_type", notes)
        if kind is not None and kind not in ROUTE_TYPES:
            notes.add(ERROR, "bad_number", row.file, row.line, "route_type", value=kind)
            kind = None
        short, long = row["route_short_name"], row["route_long_name"]
        if not short and not long:
            notes.add(ERROR, "no_route_name", row.file, row.line, "route_short_name")
        elif short == long:
            notes.add(WARNING, "same_names", row.file, row.line, "route_long_name", value=short)
        if route_id is None or not ids.first(route_id, row, "route_id", notes) or kind is None or not (short or long):
            continue
        kept.append(Route(route_id, kind, row["agency_id"], short, long, row["route_desc"], line=row.line))
    return kept, ids


def services(rows: Iterable[Row], notes: Notebook) -> tuple[list[Service], Ids]:
    ids, kept = Ids(), []
    for row in rows:
        service_id = cells.needed(row, "service_id", notes)
        days = [cells.whole(row, column, notes, range(2)) for column in DAYS]
        start, end = cells.day(row, "start_date", notes), cells.day(row, "end_date", notes)
        if service_id is None or not ids.first(service_id, row, "service_id", notes):
            continue
        if start is None or end is None or None in days:
            continue
        if end < start:
            notes.add(ERROR, "end_before_start", row.file, row.line, "end_date", value=row["end_date"], start=start)
            continue
        mon, tue, wed, thu, fri, sat, sun = (one == 1 for one in days)
        kept.append(Service(service_id, (mon, tue, wed, thu, fri, sat, sun), start, end, line=row.line))
    return kept, ids


def exceptions(rows: Iterable[Row], notes: Notebook) -> tuple[list[DayException], set[str]]:
    ids, kept, named = Ids(), [], set()
    for row in rows:
        service_id, on = cells.needed(row, "service_id", notes), cells.day(row, "date", notes)
        kind = cells.whole(row, "exception_type", notes, range(1, 3))
        if service_id is not None:
            named.add(service_id)
        if service_id is None or on is None or kind is None:
            continue
        if ids.first((service_id, row["date"]), row, "date", notes):
            kept.append(DayException(service_id, on, kind == 1, line=row.line))
    return kept, named


def trips(rows: Iterable[Row], notes: Notebook) -> tuple[list[Trip], Ids]:
    ids, kept = Ids(), []
    for row in rows:
        trip_id = cells.needed(row, "trip_id", notes)
        route_id, service_id = cells.needed(row, "route_id", notes), cells.needed(row, "service_id", notes)
        direction = cells.whole(row, "direction_id", notes, range(2)) if row["direction_id"] else None
        if trip_id is None or not ids.first(trip_id, row, "trip_id", notes) or not route_id or not service_id:
            continue
        said = (row["trip_headsign"], row["trip_short_name"], direction, row["block_id"])
        kept.append(Trip(trip_id, route_id, service_id, *said, line=row.line))
    return kept, ids


def stop_times(rows: Iterable[Row], notes: Notebook) -> tuple[list[StopTime], dict[str, int]]:
    """The rows, and the trips of which one can't be read, with its line: a timetable with a hole is none."""
    ids, kept, broken = Ids(), list[StopTime](), dict[str, int]()
    for row in rows:
        trip_id = cells.needed(row, "trip_id", notes)
        sequence = cells.whole(row, "stop_sequence", notes)
        times: list[int | None] = []
        sound = trip_id is not None and sequence is not None
        if not row["stop_id"] and (row["location_id"] or row["location_group_id"]):
            notes.add(NOTE, "on_demand", row.file, row.line, "stop_id")
            sound = False
        elif cells.needed(row, "stop_id", notes) is None:
            sound = False
        for column in ("arrival_time", "departure_time"):
            times.append(cells.time(row, column, notes) if row[column] else None)
            sound = sound and (times[-1] is not None or not row[column])
        board = [cells.whole(row, column, notes, range(4), empty=0) for column in ("pickup_type", "drop_off_type")]
        arrive, depart = times
        if arrive is not None and depart is not None and depart < arrive:
            notes.add(
                ERROR, "leaves_before_arriving", row.file, row.line, "departure_time", value=row["departure_time"]
            )
            sound = False
        if sound and not ids.first((trip_id, sequence), row, "stop_sequence", notes):
            sound = False
        if trip_id is not None and not sound:
            broken.setdefault(trip_id, row.line)
        if sound and trip_id is not None and sequence is not None:
            said = (arrive, depart, board[0] or 0, board[1] or 0)
            kept.append(StopTime(trip_id, sequence, row["stop_id"], *said, line=row.line))
    return kept, broken


def frequencies(rows: Iterable[Row], notes: Notebook) -> list[Frequency]:
    kept = []
    for row in rows:
        trip_id = cells.needed(row, "trip_id", notes)
        start, end = cells.time(row, "start_time", notes), cells.time(row, "end_time", notes)
        headway = cells.whole(row, "headway_secs", notes, range(1, 86_401))
        exact = cells.whole(row, "exact_times", notes, range(2), empty=0)
        if trip_id is None or start is None or end is None or headway is None or exact is None:
            continue
        if end <= start:
            notes.add(
                ERROR,
                "end_before_start",
                row.file,
                row.line,
                "end_time",
                value=row["end_time"],
                start=row["start_time"],
            )
            continue
        kept.append(Frequency(trip_id, start, end, headway, exact == 1, line=row.line))
    return kept


def feed_info(rows: Iterable[Row], notes: Notebook) -> FeedInfo | None:
    for row in rows:
        name, url = cells.needed(row, "feed_publisher_name", notes), cells.url(row, "feed_publisher_url", notes)
        lang = cells.needed(row, "feed_lang", notes)
        start = cells.day(row, "feed_start_date", notes) if row["feed_start_date"] else None
        end = cells.day(row, "feed_end_date", notes) if row["feed_end_date"] else None
        if start and end and end < start:
            notes.add(
                ERROR, "end_before_start", row.file, row.line, "feed_end_date", value=row["feed_end_date"], start=start
            )
            end = None
        if name is None or lang is None:
            return None
        return FeedInfo(name, url or "", lang, start, end, row["feed_version"], line=row.line)
    return None
