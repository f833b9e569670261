"""Which lines run on a day, where they call with what room, and which townships they bring parcels to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Count, Min, Prefetch, Q, QuerySet

from accounts.models import User
from stations.models import Region, Station
from stations.states import RegionLevel
from vehicles.models import Departure, LineService, ServiceException, StopTime, TransitLine, TransitStop
from vehicles.states import LineKind

CARRIES_PARCELS = (LineKind.INTEGRATED, LineKind.FREIGHT)
NEVER = "-"  # the calendar of departures that plans count on and their feed no longer has: it has no days
COVER_DAYS = 7  # a township is reached where a line calls within that many days


class Call(NamedTuple):
    """A departure's stop: seconds after midnight of the service day; `station_id` where a station stands there."""

    station_id: int | None
    stop: TransitStop
    arrive_s: int
    leave_s: int
    pickup_ok: bool
    dropoff_ok: bool


@dataclass(frozen=True)
class Run:
    """A departure on a day, with the room it has for parcels and its tariff (yuan a parcel)."""

    departure: Departure
    calls: tuple[Call, ...]
    hold_kg: int
    hold_l: int
    hold_pieces: int
    cold: bool
    tariff: Decimal
    starts_s: int


def running_services(*, county_code: str, first: date, last: date | None = None) -> set[int]:
    """Calendars that run on `first`, or on any day until `last`: an exception of a day decides, else its weekday."""
    days = [first + timedelta(days=n) for n in range(((last or first) - first).days + 1)]
    exceptions: dict[int, dict[date, bool]] = {}
    for service_id, on, runs in ServiceException.objects.filter(
        service__county_code=county_code, on__in=days
    ).values_list("service_id", "on", "runs"):
        exceptions.setdefault(service_id, {})[on] = runs
    return {
        service.pk
        for service in LineService.objects.filter(county_code=county_code)
        if any(_runs(service, day, exceptions.get(service.pk, {})) for day in days)
    }


def _runs(service: LineService, day: date, exceptions: dict[date, bool]) -> bool:
    if day in exceptions:
        return exceptions[day]
    if service.start_on is None or service.end_on is None or not service.start_on <= day <= service.end_on:
        return False
    return bool(service.weekdays[day.weekday()])


def departures_on(*, county_code: str, day: date, line_id: int | None = None, carrying: bool = True) -> list[Run]:
    """The county's departures of a service day, by time. `carrying`: only those with room for parcels, of lines that
    take them."""
    found = Departure.objects.filter(
        county_code=county_code,
        line__is_active=True,
        service_id__in=running_services(county_code=county_code, first=day),
    ).select_related("line", "service")
    if line_id is not None:
        found = found.filter(line_id=line_id)
    if carrying:
        found = found.filter(line__kind__in=CARRIES_PARCELS, hold_pieces__gt=0)
    departures = {one.pk: one for one in found}
    calls = calls_by_departure(departures)
    runs = [
        Run(
            departure=one,
            calls=calls[pk],
            hold_kg=one.hold_kg,
            hold_l=one.hold_l,
            hold_pieces=one.hold_pieces,
            cold=one.cold,
            tariff=one.line.tariff,
            starts_s=calls[pk][0].leave_s,
        )
        for pk, one in departures.items()
        if len(calls.get(pk, ())) > 1
    ]
    return sorted(runs, key=lambda run: (run.starts_s, run.departure.line.code, run.departure.trip_id))


def calls_by_departure(departures: Iterable[int]) -> dict[int, tuple[Call, ...]]:
    """Each departure's calls in order; the stops are read once."""
    times = list(
        StopTime.objects.filter(departure__in=list(departures))
        .order_by("departure_id", "seq")
        .values_list("departure_id", "stop_id", "arrive_s", "leave_s", "pickup", "drop_off")
    )
    stops = TransitStop.objects.in_bulk({stop for _departure, stop, *_rest in times})
    found: dict[int, list[Call]] = {}
    for departure, stop_id, arrive, leave, pickup, drop_off in times:
        stop = stops[stop_id]
        call = Call(stop.station_id, stop, arrive, leave, pickup != 1, drop_off != 1)
        found.setdefault(departure, []).append(call)
    return {departure: tuple(calls) for departure, calls in found.items()}


def calls_of(departure: Departure) -> tuple[Call, ...]:
    return calls_by_departure([departure.pk]).get(departure.pk, ())


@dataclass(frozen=True)
class LineCover:
    """Townships (of the newest division list) in which an active passenger and freight line with room for parcels calls
    at a station within seven days, of all townships."""

    covered: tuple[Region, ...]
    without: tuple[Region, ...]

    @property
    def total(self) -> int:
        return len(self.covered) + len(self.without)


def township_cover(*, county_code: str, day: date) -> LineCover:
    running = running_services(county_code=county_code, first=day, last=day + timedelta(days=COVER_DAYS - 1))
    reached = set(
        StopTime.objects.filter(
            departure__county_code=county_code,
            departure__service_id__in=running,
            departure__line__is_active=True,
            departure__line__kind=LineKind.INTEGRATED,
            departure__hold_pieces__gt=0,
            stop__station__isnull=False,
        )
        .order_by()
        .values_list("stop__station__township_code", flat=True)
        .distinct()
    )
    townships = Region.objects.current().of_county(county_code).filter(level=RegionLevel.TOWNSHIP).order_by("code")
    covered = tuple(one for one in townships if one.code[:9] in reached)
    return LineCover(covered, tuple(one for one in townships if one.code[:9] not in reached))


@dataclass(frozen=True)
class LineRow:
    """A line on the list, with what runs on the day."""

    line: TransitLine
    departures: int
    stops: int
    first_s: int | None
    last_s: int | None
    hold_pieces: int


def lines_of(user: User, *, kind: str = "", text: str = "") -> QuerySet[TransitLine]:
    found = TransitLine.objects.visible_to(user).select_related("operator").order_by("-is_active", "code")
    if kind:
        found = found.filter(kind=kind)
    if text:
        found = found.filter(Q(code__icontains=text) | Q(name__icontains=text))
    return found


def line_rows(lines: Iterable[TransitLine], *, day: date) -> list[LineRow]:
    """How often each runs that day, between which hours, with how much room."""
    lines = list(lines)
    running: set[int] = set()
    for county in {line.county_code for line in lines}:
        running |= running_services(county_code=county, first=day)
    starts: dict[int, list[int]] = {}
    holds: dict[int, int] = {}
    for line_id, pieces, start in (
        Departure.objects.filter(line__in=lines, service_id__in=running)
        .annotate(start=Min("stop_times__leave_s"))
        .values_list("line_id", "hold_pieces", "start")
    ):
        starts.setdefault(line_id, []).append(start or 0)
        holds[line_id] = holds.get(line_id, 0) + pieces
    stops = dict(
        StopTime.objects.filter(departure__line__in=lines)
        .order_by()
        .values_list("departure__line_id")
        .annotate(n=Count("stop", distinct=True))
    )
    rows = []
    for line in lines:
        times = starts.get(line.pk, []) if line.is_active else []
        room = holds.get(line.pk, 0) if times and line.kind in CARRIES_PARCELS else 0
        rows.append(
            LineRow(line, len(times), stops.get(line.pk, 0), min(times, default=None), max(times, default=None), room)
        )
    return rows


def line_stops(line: TransitLine) -> list[TransitStop]:
    """Every stop the line calls at, in the order of its calls on the way out."""
    place: dict[int, tuple[bool, int]] = {}
    for stop_id, direction, seq in (
        StopTime.objects.filter(departure__line=line)
        .order_by()
        .values_list("stop_id", "departure__direction")
        .annotate(first=Min("seq"))
    ):
        here = (direction == 1, seq)
        place[stop_id] = min(place.get(stop_id, here), here)
    found = TransitStop.objects.filter(pk__in=place).select_related("station", "station__region")
    return sorted(found, key=lambda stop: (place[stop.pk], stop.stop_id))


def county_stops(user: User, *, only: str = "", text: str = "") -> QuerySet[TransitStop]:
    """The county's stops; `only` "unlinked": those at which no station is known to stand."""
    found = TransitStop.objects.visible_to(user).select_related("station").order_by("name", "stop_id")
    if only == "unlinked":
        found = found.filter(station__isnull=True)
    if text:
        found = found.filter(Q(name__icontains=text) | Q(stop_id__icontains=text) | Q(station__name__icontains=text))
    return found


def calendars_of(user: User) -> QuerySet[LineService]:
    return (
        LineService.objects.visible_to(user)
        .exclude(service_id=NEVER)
        .annotate(departure_count=Count("departures", distinct=True))
        .prefetch_related(Prefetch("exceptions", ServiceException.objects.order_by("on")))
        .order_by("county_code", "service_id")
    )


def stations_for_stops(*, county_code: str) -> QuerySet[Station]:
    """Stations a stop may be linked to."""
    return Station.objects.filter(county_code=county_code).in_service().order_by("level", "code")
