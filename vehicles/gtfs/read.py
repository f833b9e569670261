"""The door: a folder or a zip in, a feed that holds together and its findings out.

1. files.py: what there is, in UTF-8, with the columns that are needed, in rows of the right length.
2. rows.py: each row on its own, ids that stand twice.
3. Here: files that are missing, references that point nowhere, timetables that go backwards; what hangs on a row that
   was left out is left out too, with a note.
"""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from vehicles.gtfs import rows
from vehicles.gtfs.feed import (
    ERROR,
    NOTE,
    WARNING,
    Agency,
    DayException,
    Feed,
    Frequency,
    Route,
    Service,
    Stop,
    StopTime,
    Trip,
)
from vehicles.gtfs.files import Limits, Notebook, Row, Sheet, raw_files, sheets
from vehicles.gtfs.tables import NEEDED

PARENTS = {0: 1, 2: 1, 3: 1, 4: 0}  # which kind of stop may stand above which


def read_feed(source: Path | str | bytes, limits: Limits | None = None) -> Feed:
    """Read and check. Never raises over what a feed says: look at `Feed.refused` and `Feed.findings`."""
    limits = limits or Limits()
    notes = Notebook(limits.alike)
    files = raw_files(source, limits, notes)
    if not files:
        if not notes.found:
            notes.add(ERROR, "not_a_feed", "")
        return Feed(findings=notes.closed())
    read = sheets(files, limits, notes)
    _missing(files, notes)
    feed = _Reading(read, notes).feed()
    return replace(feed, findings=notes.closed())


def _missing(files: dict[str, bytes], notes: Notebook) -> None:
    for name in NEEDED:
        if name not in files:
            notes.add(ERROR, "missing_file", name)
    if "stops.txt" not in files and "locations.geojson" not in files:
        notes.add(ERROR, "missing_file", "stops.txt")
    if "calendar.txt" not in files and "calendar_dates.txt" not in files:
        notes.add(ERROR, "missing_calendar", "calendar.txt")


class _Reading:
    """One feed under way: the sheets, and the notebook all findings go into."""

    def __init__(self, read: dict[str, Sheet | None], notes: Notebook) -> None:
        self.read = read
        self.notes = notes

    def of(self, name: str) -> tuple[Row, ...]:
        sheet = self.read.get(name)
        return sheet.rows if sheet else ()

    def known(self, *names: str) -> bool:
        """One of the files is there, and all that are there could be read: only then is a reference checked."""
        there = [self.read[name] for name in names if name in self.read]
        return bool(there) and all(there)

    def feed(self) -> Feed:
        notes = self.notes
        agencies, agency_ids = rows.agencies(self.of("agency.txt"), notes)
        stops, stop_ids = rows.stops(self.of("stops.txt"), notes)
        routes, route_ids = rows.routes(self.of("routes.txt"), notes)
        services, service_ids = rows.services(self.of("calendar.txt"), notes)
        exceptions, by_day = rows.exceptions(self.of("calendar_dates.txt"), notes)
        trips, trip_ids = rows.trips(self.of("trips.txt"), notes)
        times, broken = rows.stop_times(self.of("stop_times.txt"), notes)
        stops = self._parents(stops, stop_ids)
        routes = self._agencies(routes, agencies, agency_ids)
        self._strange_trips(times, trip_ids)
        seen_services: dict[object, int] = {**service_ids.seen, **dict.fromkeys(by_day, 0)}
        sound_services = {one.id for one in services} | {
            one.service for one in exceptions if one.service not in service_ids.seen
        }
        sound_routes = {one.id for one in routes}
        trips = [
            trip
            for trip in trips
            if self._points(trip, "route_id", trip.route, route_ids.seen, sound_routes, "routes.txt")
            and self._points(
                trip, "service_id", trip.service, seen_services, sound_services, "calendar.txt", "calendar_dates.txt"
            )
        ]
        trips, times = self._timetables(trips, times, stops, stop_ids, broken)
        frequencies = self._frequencies(rows.frequencies(self.of("frequencies.txt"), notes), trips, trip_ids)
        self._idle(routes, services, exceptions, trips)
        return Feed(
            tuple(agencies),
            tuple(stops),
            tuple(routes),
            tuple(services),
            tuple(one for one in exceptions if one.service in sound_services),
            tuple(trips),
            tuple(times),
            tuple(frequencies),
            rows.feed_info(self.of("feed_info.txt"), notes),
        )

    def _parents(self, stops: list[Stop], ids: rows.Ids) -> list[Stop]:
        kinds = {one.id: one.kind for one in stops}
        kept = []
        for stop in stops:
            wrong = ""
            if stop.parent and stop.parent not in ids.seen:
                wrong = "points_nowhere"
            elif stop.parent and stop.parent in kinds and kinds[stop.parent] != PARENTS.get(stop.kind):
                wrong = "wrong_parent"
            elif not stop.parent and stop.kind in (2, 3, 4):
                wrong = "parent_needed"
            if wrong:
                self.notes.add(
                    ERROR, wrong, "stops.txt", stop.line, "parent_station", value=stop.parent, other="stops.txt"
                )
            kept.append(replace(stop, parent="") if wrong or stop.parent not in kinds else stop)
        return kept

    def _agencies(self, routes: list[Route], agencies: list[Agency], ids: rows.Ids) -> list[Route]:
        if not self.known("agency.txt"):
            return routes
        kept = []
        for route in routes:
            if not route.agency and len(ids.seen) > 1:
                self.notes.add(ERROR, "agency_id_needed", "routes.txt", route.line, "agency_id", n=len(ids.seen))
            elif route.agency and route.agency not in ids.seen:
                self.notes.add(
                    ERROR,
                    "points_nowhere",
                    "routes.txt",
                    route.line,
                    "agency_id",
                    value=route.agency,
                    other="agency.txt",
                )
            # A line whose operator isn't clear still runs: it stays, without one.
            kept.append(route if route.agency in {one.id for one in agencies} else replace(route, agency=""))
        return kept

    def _points(
        self, trip: Trip, column: str, value: str, seen: dict[object, int], sound: set[str], *files: str
    ) -> bool:
        """Whether the trip's route or service is there and sound. A file that can't be read has been told already."""
        if value in sound:
            return True
        if self.known(*files):
            if value in seen:
                self.notes.add(NOTE, "left_out", "trips.txt", trip.line, column, value=value)
            else:
                self.notes.add(ERROR, "points_nowhere", "trips.txt", trip.line, column, value=value, other=files[0])
        return False

    def _strange_trips(self, times: list[StopTime], ids: rows.Ids) -> None:
        told: set[str] = set()
        for one in times if self.known("trips.txt") else ():
            if one.trip not in ids.seen and one.trip not in told:
                told.add(one.trip)
                at = ("stop_times.txt", one.line, "trip_id")
                self.notes.add(ERROR, "points_nowhere", *at, value=one.trip, other="trips.txt")

    def _timetables(
        self, trips: list[Trip], times: list[StopTime], stops: list[Stop], ids: rows.Ids, broken: dict[str, int]
    ) -> tuple[list[Trip], list[StopTime]]:
        kinds = {one.id: one.kind for one in stops}
        by_trip: dict[str, list[StopTime]] = {}
        for one in times:
            by_trip.setdefault(one.trip, []).append(one)
        # Every timetable is checked, also of a trip that is left out for another reason: all faults are told at once.
        fine = {trip: self._timetable(sorted(calls, key=_order), kinds, ids) for trip, calls in by_trip.items()}
        kept, kept_times = [], []
        for trip in trips:
            calls = sorted(by_trip.get(trip.id, ()), key=_order)
            if trip.id in broken:
                self.notes.add(
                    NOTE, "trip_broken", "trips.txt", trip.line, "trip_id", value=trip.id, at=broken[trip.id]
                )
            elif not calls:
                if self.known("stop_times.txt"):
                    self.notes.add(WARNING, "no_stop_times", "trips.txt", trip.line, "trip_id", value=trip.id)
            elif len(calls) < 2:
                self.notes.add(WARNING, "one_stop", "trips.txt", trip.line, "trip_id", value=trip.id)
            elif fine[trip.id]:
                kept.append(trip)
                kept_times += calls
        return kept, kept_times

    def _timetable(self, calls: list[StopTime], kinds: dict[str, int], ids: rows.Ids) -> bool:
        """One trip's calls in their order: known stops, times at both ends, never backwards."""
        sound = True
        for call in calls:
            if call.stop in kinds and kinds[call.stop] == 0:
                continue
            sound = False
            if call.stop in kinds:
                self.notes.add(ERROR, "not_a_stop", "stop_times.txt", call.line, "stop_id", value=call.stop)
            elif call.stop not in ids.seen and self.known("stops.txt"):
                self.notes.add(
                    ERROR, "points_nowhere", "stop_times.txt", call.line, "stop_id", value=call.stop, other="stops.txt"
                )
        for end, column in ((calls[0], "departure_time"), (calls[-1], "arrival_time")):
            if end.arrive is None and end.depart is None:
                self.notes.add(ERROR, "no_end_time", "stop_times.txt", end.line, column, value=end.trip)
                sound = False
        timed = [one for one in calls if one.arrive is not None or one.depart is not None]
        for before, after in pairwise(timed):
            if _arrives(after) < _leaves(before):
                self.notes.add(
                    ERROR,
                    "goes_backwards",
                    "stop_times.txt",
                    after.line,
                    "arrival_time",
                    value=clock(_arrives(after)),
                    before=clock(_leaves(before)),
                    at=before.line,
                )
                sound = False
        return sound

    def _frequencies(self, found: list[Frequency], trips: list[Trip], ids: rows.Ids) -> list[Frequency]:
        sound = {one.id for one in trips}
        last: dict[str, Frequency] = {}
        kept = []
        for one in sorted(found, key=lambda each: (each.trip, each.start)):
            if one.trip not in ids.seen and self.known("trips.txt"):
                self.notes.add(
                    ERROR, "points_nowhere", "frequencies.txt", one.line, "trip_id", value=one.trip, other="trips.txt"
                )
            before = last.get(one.trip)
            if before is not None and one.start < before.end:
                self.notes.add(
                    ERROR, "overlap", "frequencies.txt", one.line, "start_time", value=one.trip, at=before.line
                )
                continue
            last[one.trip] = one
            if one.trip in sound:
                kept.append(one)
        return kept

    def _idle(
        self, routes: list[Route], services: list[Service], exceptions: list[DayException], trips: list[Trip]
    ) -> None:
        """What is sound and does nothing."""
        driven, added = {one.route for one in trips}, {one.service for one in exceptions if one.added}
        if not self.of("trips.txt"):
            return
        named = {row["route_id"] for row in self.of("trips.txt")}
        for route in routes:
            if route.id not in driven and route.id not in named:
                self.notes.add(WARNING, "no_trips", "routes.txt", route.line, "route_id", value=route.id)
        for service in services:
            if not any(service.weekdays) and service.id not in added:
                self.notes.add(WARNING, "never_runs", "calendar.txt", service.line, "service_id", value=service.id)


def _order(call: StopTime) -> int:
    return call.sequence


def _arrives(call: StopTime) -> int:
    return call.arrive if call.arrive is not None else call.depart or 0


def _leaves(call: StopTime) -> int:
    return call.depart if call.depart is not None else call.arrive or 0


def clock(seconds: int) -> str:
    """8:05:00 of 29100, past midnight 25:10:00."""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
