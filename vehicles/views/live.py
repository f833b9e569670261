"""Where vehicles are now, and where one was: the map without tiles, fed by JSON."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from common import clock, text
from common.http import PageRequest
from stations.permissions import require
from stations.scope import may
from vehicles.models import Position, Trip
from vehicles.queries.custody import carrier_of
from vehicles.queries.sheets import trip_sheet
from vehicles.queries.trips import Live, issued, live_trips
from vehicles.views.tabs import tabs

MOST_POINTS = 5_000


@require("trip.read")
@require_GET
def live(request: PageRequest) -> HttpResponse:
    return render(request, "vehicles/live.html", {"tabs": tabs(request, "live")})


@never_cache
@require("trip.read")
@require_GET
def live_data(request: PageRequest) -> HttpResponse:
    """Polled every ten seconds: trips with their last place and what is wrong, and the stations they call at."""
    at = clock.now()
    rows = live_trips(request.user, at)
    full_names = may(request.user, "user.read")
    stations = {stop.station_id: stop.station for row in rows for stop in row.trip.stops.all()}
    return JsonResponse(
        {
            "trips": [_trip_json(row, full_names) for row in rows],
            "stations": [
                {"name": s.name, "level": s.level, "lng": float(s.lng), "lat": float(s.lat)}
                for s in stations.values()
                if s.lng is not None and s.lat is not None
            ],
            "at": _clock(at),
        }
    )


def _trip_json(row: Live, full_names: bool) -> dict[str, Any]:
    trip = row.trip
    name = trip.driver.user.name if trip.driver else ""
    alerts = []
    if row.late:
        alerts.append(_("%(minutes)d minutes late") % {"minutes": row.late_min or 0})
    if row.silent:
        alerts.append(_("Nothing heard of it for over 20 minutes"))
    if row.next_stop is not None:
        coming = _("%(time)s %(station)s") % {
            "time": _clock(row.next_stop.arrives_at)[:5], "station": row.next_stop.station.name
        }  # fmt: skip
    else:
        coming = ""
    return {
        "code": trip.code,
        "url": reverse("vehicles:trip", args=[trip.code]),
        "vehicle": carrier_of(trip),
        "driver": name if full_names else text.masked_name(name),
        "state": trip.state,
        "label": trip.get_state_display(),
        "next": coming,
        "lng": row.lng,
        "lat": row.lat,
        "seen": _clock(row.seen_at) if row.seen_at else "",
        "source": row.source,
        "alerts": alerts,
    }


def _clock(at: datetime) -> str:
    return f"{at.astimezone(clock.SHANGHAI):%H:%M:%S}"


@never_cache
@require("trip.read")
@require_GET
def replay(request: PageRequest, code: str) -> HttpResponse:
    """A trip over again: its positions in order beside what was scanned."""
    rows = issued(Trip.objects.visible_to(request.user)).select_related("vehicle", "departure__line", "driver__user")
    trip = rows.filter(code=code[:40].replace("\x00", "")).first()
    if trip is None:
        raise Http404
    sheet = trip_sheet(trip, clock.now())
    # unscoped: the trip came through visible_to
    points = Position.objects.filter(trip=trip).order_by("at").values_list("at", "lng", "lat")[:MOST_POINTS]
    data = {
        "points": [[int(at.timestamp()), lng, lat] for at, lng, lat in points],
        "stops": [
            {
                "name": row.stop.station.name,
                "lng": float(row.stop.station.lng),
                "lat": float(row.stop.station.lat),
                "arrived": _epoch(row.stop.arrived_at),
                "left": _epoch(row.stop.left_at),
            }
            for row in sheet.stops
            if row.stop.station.lng is not None and row.stop.station.lat is not None
        ],
    }
    context = {"trip": trip, "data": data, "n_points": len(points), "tabs": tabs(request, "trips")}
    return render(request, "vehicles/live_replay.html", context)


def _epoch(at: datetime | None) -> int | None:
    return int(at.timestamp()) if at else None
