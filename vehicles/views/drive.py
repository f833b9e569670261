"""The driver's phone: my trips today, and one trip with the next stop big. GET is the page, POST one act.

With JavaScript an act answers with the fragment and the page stays; without, with the whole page. The act's id comes
from the page, so an act sent twice is one.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from common import clock, ids
from common.http import PageRequest
from stations.permissions import require
from tracking.states import Method, Node
from vehicles import services
from vehicles.forms.trips import ActForm
from vehicles.models import Trip
from vehicles.queries.custody import offered_to
from vehicles.queries.sheets import Sheet, trip_sheet
from vehicles.queries.trips import issued, trips_of_driver
from vehicles.services import driving
from vehicles.services.driving import Act, Done
from vehicles.states import TripState

LAST_SCANS = 8


@never_cache
@require("trip.run")
@require_GET
def drive(request: PageRequest) -> HttpResponse:
    at = clock.now()
    mine = trips_of_driver(request.user, at)
    for county in set(mine.order_by().values_list("county_code", flat=True)):
        services.follow(at=at, county_code=county)
    rows = mine.annotate(n_parcels=Count("parcels", distinct=True), n_stops=Count("stops", distinct=True))
    return render(request, "vehicles/drive.html", {"rows": list(rows), "day": clock.business_date(at)})


@never_cache
@require("trip.run")
@require_http_methods(["GET", "POST"])
def drive_trip(request: PageRequest, code: str) -> HttpResponse:
    rows = issued(Trip.objects.visible_to(request.user, "trip.run")).filter(driver__user=request.user)
    rows = rows.select_related("vehicle", "departure__line", "driver__user", "hub")
    trip = rows.filter(code=code[:40].replace("\x00", "")).first()
    if trip is None:
        raise Http404
    done = None
    if request.method == "POST":
        form = ActForm(request.POST)
        if form.is_valid():
            done = _act(request, trip, form.cleaned_data)
        else:
            done = Done("error", _("Not recorded"), _("The page is out of date: load it again."))
    else:
        services.follow(at=clock.now(), county_code=trip.county_code)
    trip.refresh_from_db(fields=["state", "live", "departed_at", "completed_at"])
    template = "vehicles/_drive.html" if request.htmx else "vehicles/drive_trip.html"
    return render(request, template, _context(request, trip, done))


def _act(request: PageRequest, trip: Trip, data: dict[str, Any]) -> Done:
    act = Act(
        event_id=data["event_id"],
        occurred_at=data["occurred_at"],
        device_now=data["device_now"],
        method=Method(data["method"] or Method.TYPED),
        lng=data["lng"],
        lat=data["lat"],
        accuracy_m=data["accuracy_m"],
    )
    common: dict[str, Any] = {"trip": trip, "user": request.user, "act": act, "at": clock.now()}
    acts: dict[str, Callable[[], Done]] = {
        "arrive": lambda: driving.arrive(stop_id=data["stop"] or 0, **common),
        "leave": lambda: driving.leave(**common),
        "scan": lambda: driving.scan(code=data["code"], force=data["force"], carrier=data["carrier"], **common),
        "unload_all": lambda: driving.unload_all(**common),
        "load_all": lambda: driving.load_all(**common),
        "problem": lambda: driving.problem(code=data["code"], reason=data["reason"], **common),
        "give": lambda: driving.give(to=data["to"], code=data["code"], **common),
        "take": lambda: driving.take(**common),
        "undo": lambda: driving.undo(target=data["target"] or act.event_id, **common),
    }
    return acts[data["act"]]()


def _context(request: PageRequest, trip: Trip, done: Done | None) -> dict[str, Any]:
    at = clock.now()
    sheet = trip_sheet(trip, at)
    return {
        "trip": trip,
        "sheet": sheet,
        "done": done,
        "new_id": ids.uuid7,  # a template calls it anew for each form
        "problems": driving.PROBLEMS,
        "offers": offered_to(trip, at) if trip.live else [],
        "takers": _takers(trip),
        "recent": _recent(sheet, request.user.pk),
        "over": trip.state in (TripState.CANCELLED, TripState.COMPLETED, TripState.BROKEN_DOWN),
    }


def _takers(trip: Trip) -> list[tuple[str, str]]:
    """(code, words) of whom what is on board can be given to: the hub's other trips that run."""
    # unscoped: the driver meets them on the road; only plates are shown
    others = Trip.objects.running().filter(hub=trip.hub_id, driver__isnull=False).exclude(pk=trip.pk)
    rows = others.select_related("vehicle").order_by("departs_at")[:60]
    return [(row.code, f"{row.vehicle or ''} {row.code}".strip()) for row in rows]


def _recent(sheet: Sheet, user_id: int) -> list[dict[str, Any]]:
    """The driver's own last scans on this trip, newest first, to be taken back."""
    mine = [scan for scan in sheet.scans if scan["actor_id"] == user_id][-LAST_SCANS:]
    places = {row.stop.station_id: row.stop.station.name for row in sheet.stops}
    return [
        {**scan, "label": Node(scan["type"]).label, "place": places.get(scan["station_id"], "")}
        for scan in reversed(mine)
    ]
