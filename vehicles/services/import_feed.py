"""Take in a GTFS feed: the county's lines, calendars, departures and stops become what the feed says.

1. Read and check (vehicles.gtfs). A feed that is refused changes nothing; a faulty row is left out and told.
2. Under the county's lock, in one transaction: upsert by the feed's own ids: the same feed twice is the feed once.
   What GTFS doesn't know stays as people entered it: kind, tariff, split, safety items, hold, a stop's station.
3. Departures of the feed's lines that the feed no longer has go; where a plan counts on one, it stays, on a calendar
   that never runs.
4. Stops that are new, or have moved, are linked: to the station of their code, else to the nearest within 300 m.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common import clock, text
from common.errors import Refused
from common.models import JobProblem
from common.services import Progress
from stations.models import Organisation, Station
from vehicles import gtfs
from vehicles.graph import straight_m
from vehicles.models import Departure, LineService, ServiceException, StopTime, TransitLine, TransitStop, Trip
from vehicles.queries.gtfs_sentences import outcome_of, sentence_of
from vehicles.queries.lines import NEVER
from vehicles.services.timetables import hold_timetable
from vehicles.states import LineKind

NEAR_M = 300
MOST_DEPARTURES = 20_000
MOST_CALLS = 600_000
Step = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Imported:
    """What a feed came to. `notes`: about stops and stations, for a person to look at, as findings."""

    lines: int
    calendars: int
    departures: int
    stops: int
    removed: int
    unlinked: int
    notes: tuple[gtfs.Finding, ...]


def import_feed(*, progress: Progress) -> dict[str, Any]:
    """Run the job: the feed is its input file, the county its own. Findings become its problems, by file and line."""
    job = progress.job
    progress.step(0, 4, _("Reading the timetable"))
    with job.input_file.open("rb") as packed:
        feed = gtfs.read_feed(packed.read())
    levels = {one.level for one in feed.findings}
    outcome = outcome_of(refused=feed.refused, levels=levels)
    if feed.refused:
        progress.problems(_problems(progress, feed.findings))
        raise Refused(
            "feed_refused", _("The timetable can't be taken in; see what is wrong below. Nothing was changed.")
        )
    try:
        done = take_in(
            feed=feed,
            county_code=job.county_code,
            by=job.user,
            at=clock.now(),
            dry_run=job.dry_run,
            step=lambda done, total, words: progress.step(done, total, words),
        )
    except Refused:
        progress.problems(_problems(progress, feed.findings))
        raise
    progress.problems(_problems(progress, (*feed.findings, *done.notes)))
    return {
        "outcome": outcome,
        "message": _("%(lines)s lines, %(departures)s departures, %(stops)s stops.")
        % {"lines": done.lines, "departures": done.departures, "stops": done.stops},
        "lines": done.lines,
        "calendars": done.calendars,
        "departures": done.departures,
        "stops": done.stops,
        "removed": done.removed,
        "unlinked": done.unlinked,
        **{level: sum(one.level == level for one in feed.findings) for level in gtfs.LEVELS},
    }


def _problems(progress: Progress, findings: Iterable[gtfs.Finding]) -> list[JobProblem]:
    """`column` says file and column, `code` begins with the level: the page takes them apart again."""
    return [
        JobProblem(
            job=progress.job,
            row=one.line,
            column=f"{one.file} {one.field}".strip()[:60],
            code=f"{one.level}.{one.code}"[:60],
            detail=sentence_of(one)[:400],
            value=dict(one.params).get("value", "")[:200],
        )
        for one in findings
    ]


def take_in(*, feed: gtfs.Feed, county_code: str, by: User | None, at: datetime, dry_run: bool, step: Step) -> Imported:
    """Make the rows. Refused "too_many_departures". With `dry_run` everything is undone at the end."""
    departures = list(_departures(feed))
    if len(departures) > MOST_DEPARTURES or sum(len(calls) for _trip, calls in departures) > MOST_CALLS:
        raise Refused("too_many_departures", _("There are more departures in it than a county has."))
    with transaction.atomic():
        hold_timetable(county_code)
        step(1, 4, _("Stops and stations"))
        stops, notes, unlinked = _stops(feed, county_code)
        step(2, 4, _("Lines and calendars"))
        lines = _lines(feed, county_code)
        calendars = _calendars(feed, county_code)
        step(3, 4, _("Departures"))
        rows = _save_departures(departures, lines, calendars, county_code)
        _save_calls(departures, rows, stops)
        removed = _remove_others(lines, rows, county_code)
        audit(
            actor=by,
            action="feed.imported",
            entity="feed",
            entity_id=county_code,
            at=at,
            county_code=county_code,
            after={"lines": str(len(lines)), "departures": str(len(rows)), "removed": str(removed)},
        )
        step(4, 4, "")
        if dry_run:
            transaction.set_rollback(True)
    return Imported(len(lines), len(calendars), len(rows), len(stops), removed, unlinked, notes)


def _key(ident: str) -> str:
    """A feed's id as ours: 80 characters; a longer one keeps its head and gets a digest."""
    if len(ident) <= 80:
        return ident
    return f"{ident[:60]}~{hashlib.sha256(ident.encode()).hexdigest()[:16]}"


def _said(words: str, most: int = 120) -> str:
    return " ".join(text.clean(words).split())[:most]


def _departures(feed: gtfs.Feed) -> Iterable[tuple[gtfs.Trip, list[tuple[gtfs.StopTime, int, int]]]]:
    """Each run once, its empty times filled; a trip that repeats becomes one run for each time."""
    by_trip: dict[str, list[gtfs.StopTime]] = {}
    for one in feed.stop_times:
        by_trip.setdefault(one.trip, []).append(one)
    repeats: dict[str, list[gtfs.Frequency]] = {}
    for frequency in feed.frequencies:
        repeats.setdefault(frequency.trip, []).append(frequency)
    for trip in feed.trips:
        calls = by_trip.get(trip.id, [])
        timed = [(call, *times) for call, times in zip(calls, gtfs.interpolated(calls), strict=True)]
        if not timed:
            continue
        if trip.id not in repeats:
            yield trip, timed
            continue
        first = timed[0][2]
        for frequency in repeats[trip.id]:
            for start in gtfs.starts(frequency):
                shift = start - first
                moved = [(call, max(0, arrive + shift), max(0, leave + shift)) for call, arrive, leave in timed]
                yield replace(trip, id=f"{trip.id}@{start // 3600:02d}{start // 60 % 60:02d}{start % 60:02d}"), moved


def _stops(feed: gtfs.Feed, county_code: str) -> tuple[dict[str, TransitStop], tuple[gtfs.Finding, ...], int]:
    """The stops that are called at, by the feed's id; what a person should look at; how many have no station."""
    called = {one.stop for one in feed.stop_times}
    wanted = {one.id: one for one in feed.stops if one.id in called}
    there = {
        stop.stop_id: stop
        for stop in TransitStop.objects.filter(county_code=county_code, stop_id__in=[_key(ident) for ident in wanted])
    }
    stations = list(Station.objects.filter(county_code=county_code).in_service().order_by("code"))
    rows, notes, unlinked = [], [], 0
    for ident, one in wanted.items():
        row = there.get(_key(ident)) or TransitStop(county_code=county_code, stop_id=_key(ident))
        moved = row.pk is None or (row.lat, row.lng) != (one.lat, one.lon)
        row.name, row.lat, row.lng = _said(one.name) or _key(ident), one.lat, one.lon
        if moved and row.station_id is None:
            row.station, away = _station_of(one, stations)
            if row.station is not None and away:
                params = (("station", row.station.name), ("metres", str(away)))
                notes.append(gtfs.Finding(gtfs.NOTE, "near_station", "stops.txt", one.line, "stop_id", params))
        if row.station_id is None:
            unlinked += 1
        rows.append(row)
    saved = TransitStop.objects.bulk_create(
        rows,
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["county_code", "stop_id"],
        update_fields=["name", "lat", "lng", "station"],
    )
    return dict(zip(wanted, saved, strict=True)), tuple(notes), unlinked


def _station_of(stop: gtfs.Stop, stations: list[Station]) -> tuple[Station | None, int]:
    """By code, else the nearest within 300 m, with its distance in metres (0: by code)."""
    codes = {stop.code.upper(), stop.id.upper()} - {""}
    for station in stations:
        if station.code in codes:
            return station, 0
    if stop.lat is None or stop.lon is None:
        return None, 0
    near = [
        (float(straight_m(*np.array([stop.lon, stop.lat, one.lng, one.lat], dtype=float))), one.code, one)
        for one in stations
        if one.lng is not None
        and one.lat is not None
        and abs(float(one.lat) - stop.lat) < 0.01
        and abs(float(one.lng) - stop.lon) < 0.02
    ]
    away, _code, found = min(near, default=(NEAR_M + 1.0, "", None), key=lambda pair: pair[:2])
    return (found, max(1, round(away))) if found is not None and away <= NEAR_M else (None, 0)


def _lines(feed: gtfs.Feed, county_code: str) -> dict[str, TransitLine]:
    agencies = {one.id: one for one in feed.agencies}
    operators = {one.code: one for one in Organisation.objects.filter(code__in=[_key(ident) for ident in agencies])}
    by_name = {one.name: one for one in Organisation.objects.filter(name__in=[one.name for one in feed.agencies])}
    there = {one.code: one for one in TransitLine.objects.filter(county_code=county_code)}
    rows = {}
    for route in feed.routes:
        agency = agencies.get(route.agency) or (feed.agencies[0] if len(feed.agencies) == 1 else None)
        row = there.get(_key(route.id)) or TransitLine(
            county_code=county_code, code=_key(route.id), kind=LineKind.PASSENGER
        )
        names = [_said(name) for name in (route.short_name, route.long_name) if name]
        row.name = (" ".join(dict.fromkeys(names)) or _key(route.id))[:120]
        row.route_type, row.agency_id = route.type, _key(agency.id if agency else "")
        if row.operator_id is None and agency is not None:
            row.operator = operators.get(agency.id) or by_name.get(agency.name)
        rows[route.id] = row
    saved = TransitLine.objects.bulk_create(
        rows.values(),
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["county_code", "code"],
        update_fields=["name", "route_type", "agency_id", "operator"],
    )
    return dict(zip(rows, saved, strict=True))


def _calendars(feed: gtfs.Feed, county_code: str) -> dict[str, LineService]:
    """Calendars with their exceptions: those of the feed, no others, for the calendars it names."""
    rows = {
        one.id: LineService(
            county_code=county_code,
            service_id=_key(one.id),
            weekdays=list(one.weekdays),
            start_on=one.start,
            end_on=one.end,
        )
        for one in feed.services
    }
    for one in feed.exceptions:
        if one.service not in rows:
            rows[one.service] = LineService(
                county_code=county_code, service_id=_key(one.service), weekdays=[False] * 7, start_on=None, end_on=None
            )
    saved = LineService.objects.bulk_create(
        rows.values(),
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["county_code", "service_id"],
        update_fields=["weekdays", "start_on", "end_on"],
    )
    found = dict(zip(rows, saved, strict=True))
    ServiceException.objects.filter(service__in=[row.pk for row in saved]).delete()
    ServiceException.objects.bulk_create(
        [ServiceException(service=found[one.service], on=one.day, runs=one.added) for one in feed.exceptions],
        batch_size=1000,
    )
    return found


Timed = list[tuple[gtfs.Trip, list[tuple[gtfs.StopTime, int, int]]]]


def _save_departures(
    departures: Timed, lines: dict[str, TransitLine], calendars: dict[str, LineService], county_code: str
) -> dict[str, Departure]:
    rows = {
        trip.id: Departure(
            county_code=county_code,
            line=lines[trip.route],
            service=calendars[trip.service],
            trip_id=_key(trip.id),
            headsign=_said(trip.headsign),
            direction=trip.direction,
        )
        for trip, _calls in departures
    }
    saved = Departure.objects.bulk_create(
        rows.values(),
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["county_code", "trip_id"],
        update_fields=["line", "service", "headsign", "direction"],
    )
    return dict(zip(rows, saved, strict=True))


def _save_calls(departures: Timed, rows: dict[str, Departure], stops: dict[str, TransitStop]) -> None:
    """Nothing points at a stop time, so they are laid anew."""
    StopTime.objects.filter(departure__in=[row.pk for row in rows.values()]).delete()
    StopTime.objects.bulk_create(
        [
            StopTime(
                departure=rows[trip.id],
                seq=number,
                stop=stops[call.stop],
                arrive_s=arrive,
                leave_s=leave,
                pickup=call.pickup,
                drop_off=call.drop_off,
            )
            for trip, calls in departures
            for number, (call, arrive, leave) in enumerate(calls, start=1)
        ],
        batch_size=2000,
    )


def _remove_others(lines: dict[str, TransitLine], rows: dict[str, Departure], county_code: str) -> int:
    gone = Departure.objects.filter(line__in=list(lines.values())).exclude(pk__in=[row.pk for row in rows.values()])
    used = set(Trip.objects.filter(departure__in=gone).values_list("departure_id", flat=True))
    ids = list(gone.exclude(service__service_id=NEVER).values_list("pk", flat=True))
    if used:
        never, _new = LineService.objects.get_or_create(
            county_code=county_code, service_id=NEVER, defaults={"weekdays": [False] * 7}
        )
        Departure.objects.filter(pk__in=used).update(service=never)
    Departure.objects.filter(pk__in=[pk for pk in ids if pk not in used]).delete()
    return len(ids)
