"""Reads of the day: the trips somebody may see, the list of a day, and the live map with what is late."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from accounts.models import User
from common import clock
from stations.scope import scope_of
from vehicles import rules
from vehicles.models import DepartureCheck, Position, Trip, TripStop
from vehicles.queries.sheets import BEFORE, delay_min
from vehicles.states import StopState, TripState

# --- which trips ------------------------------------------------------------------------------------------


def issued(trips: QuerySet[Trip]) -> QuerySet[Trip]:
    """Without the trips of drafts and of versions that were replaced before they left."""
    return trips.filter(Q(live=True) | ~Q(state__in=BEFORE))


def trips_of_day(user: User, day: date) -> QuerySet[Trip]:
    """What a person may see of a day, by departure."""
    start, end = clock.day_span(day)
    rows = issued(Trip.objects.visible_to(user)).filter(departs_at__gte=start, departs_at__lt=end)
    return rows.select_related("vehicle", "departure__line", "driver__user", "hub").order_by("departs_at", "pk")


def trips_run_by(user: User, action: str) -> QuerySet[Trip]:
    """Trips of the hubs a person dispatches, and for `trip.run` those they drive: the outlet on the way runs none."""
    mine = Trip.objects.visible_to(user, action)
    at_hub = scope_of(user, action, beyond_own=True).filter_by_station(mine, "hub_id", "county_code")
    if action != "trip.run":
        return issued(at_hub)
    return issued(mine.filter(Q(pk__in=at_hub.order_by().values("pk")) | Q(driver__user=user)))


def trips_of_driver(user: User, at: datetime) -> QuerySet[Trip]:
    """A driver's own trips of the business day; of the day before what isn't over, of the day after what is issued."""
    start, end = clock.day_span(clock.business_date(at))
    rows = issued(Trip.objects.visible_to(user, "trip.run")).filter(driver__user=user)
    today = Q(departs_at__gte=start, departs_at__lt=end)
    open_ones = Q(live=True, departs_at__gte=start - timedelta(days=1), departs_at__lt=end + timedelta(days=1))
    return (
        rows.filter(today | open_ones)
        .select_related("vehicle", "departure__line", "driver__user", "hub")
        .order_by("departs_at", "pk")
    )


# --- the day at a glance ----------------------------------------------------------------------------------


@dataclass
class DayRow:
    """A trip in the list of a day."""

    trip: Trip
    stops: list[TripStop]
    parcels: int
    late_min: int | None
    left_unchecked: bool

    @property
    def called(self) -> int:
        return sum(stop.arrived_at is not None for stop in self.stops[1:])

    @property
    def late(self) -> bool:
        return self.late_min is not None and self.late_min > rules.LATE_MIN


def day_rows(trips: QuerySet[Trip], at: datetime) -> list[DayRow]:
    """The list of a day: three reads whatever their number."""
    passed = DepartureCheck.objects.filter(trip=OuterRef("pk"), passed=True, at__lte=OuterRef("departed_at"))
    rows = trips.annotate(n_parcels=Count("parcels", distinct=True), was_checked=Exists(passed)).prefetch_related(
        Prefetch("stops", TripStop.objects.select_related("station").order_by("seq"))
    )
    found = []
    for trip in rows:
        stops = list(trip.stops.all())
        unchecked = trip.departed_at is not None and not trip.was_checked  # type: ignore[attr-defined]
        found.append(DayRow(trip, stops, trip.n_parcels, delay_min(trip, stops, at), unchecked))  # type: ignore[attr-defined]
    return found


@dataclass
class Live:
    """A trip on the live map. `source`: "position", "scan" (at the stop it was last seen at) or "" (nothing known)."""

    trip: Trip
    late_min: int | None
    next_stop: TripStop | None
    lng: float | None
    lat: float | None
    seen_at: datetime | None
    source: str
    silent: bool

    @property
    def late(self) -> bool:
        return self.late_min is not None and self.late_min > rules.LATE_MIN


def _seen_at(stop: TripStop) -> datetime:
    return stop.left_at or stop.arrived_at or stop.arrives_at


def live_trips(user: User, at: datetime) -> list[Live]:
    """Trips that run now or should, with where they were last seen: by position, else by their last stop."""
    start, end = clock.day_span(clock.business_date(at))
    rows = (
        Trip.objects.visible_to(user)
        .running()
        .filter(departs_at__gte=start - timedelta(days=1), departs_at__lt=end)
        .select_related("vehicle", "departure__line", "driver__user", "hub")
        .prefetch_related(Prefetch("stops", TripStop.objects.select_related("station").order_by("seq")))
        .order_by("departs_at", "pk")
    )
    trips = list(rows)
    newest = {
        p.trip_id: p
        for p in Position.objects.filter(trip__in=[t.pk for t in trips]).order_by("trip", "-at").distinct("trip")
    }
    found = []
    for trip in trips:
        stops = list(trip.stops.all())
        position = newest.get(trip.pk)
        called = [s for s in stops if s.arrived_at or s.left_at]
        last = max(called, key=_seen_at) if called else (stops[0] if stops else None)
        scanned_at = (last.left_at or last.arrived_at) if last and called else None
        by_position = position is not None and (scanned_at is None or position.at >= scanned_at)
        seen_at = position.at if by_position and position else scanned_at
        if by_position and position:
            lng, lat, source = position.lng, position.lat, "position"
        elif last is not None and last.station.lng is not None and last.station.lat is not None:
            lng, lat, source = float(last.station.lng), float(last.station.lat), "scan"
        else:
            lng, lat, source = None, None, ""
        on_road = trip.state == TripState.DEPARTED
        silent = on_road and (seen_at is None or at - seen_at > timedelta(minutes=rules.SILENT_MIN))
        coming = next((s for s in stops[1:] if s.state == StopState.PENDING), None)
        found.append(Live(trip, delay_min(trip, stops, at), coming, lng, lat, seen_at, source, silent))
    return found
