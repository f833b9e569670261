"""The dispatcher's day: trips of a day, one trip with its manifest and custody, what a person decides about it."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from common import clock
from common.errors import Refused
from common.http import PageRequest
from orders.models import Parcel
from stations.permissions import require
from stations.scope import may
from vehicles import services
from vehicles.forms.trips import AssignForm, CheckForm, CustodyForm, DayForm, ReasonForm
from vehicles.models import Trip
from vehicles.queries.custody import Holder, handovers, who_had
from vehicles.queries.fleet import drivers_of
from vehicles.queries.sheets import BEFORE, Sheet, moves_of, trip_sheet
from vehicles.queries.trips import day_rows, issued, trips_of_day, trips_run_by
from vehicles.services.checks import items_of
from vehicles.states import TripState
from vehicles.views.tabs import tabs

WITH = ("vehicle", "departure__line", "driver__user", "hub")


@never_cache
@require("trip.read")
@require_GET
def trips(request: PageRequest) -> HttpResponse:
    at = clock.now()
    form = DayForm(request.GET)
    day = (form.cleaned_data["day"] if form.is_valid() else None) or clock.business_date(at)
    found = trips_of_day(request.user, day)
    for county in set(found.order_by().values_list("county_code", flat=True)):
        services.follow(at=at, county_code=county)
    rows = day_rows(found, at)
    context = {
        "rows": rows,
        "day": day,
        "filter_form": DayForm(initial={"day": day}),
        "late": sum(row.late for row in rows),
        "tabs": tabs(request, "trips"),
    }
    return render(request, "vehicles/_trips.html" if request.htmx else "vehicles/trips.html", context)


def _trip(request: PageRequest, code: str) -> Trip:
    """A trip the person may read, as the scans say it is now; 404 for any other."""
    trip = issued(Trip.objects.visible_to(request.user)).select_related(*WITH).filter(code=_code(code)).first()
    if trip is None:
        raise Http404
    services.follow(at=clock.now(), county_code=trip.county_code)
    trip.refresh_from_db(fields=["state", "live", "departed_at", "completed_at"])
    return trip


def _run(request: PageRequest, code: str, action: str) -> Trip:
    """A trip the person dispatches, or for trip.run drives; 404 for any other."""
    trip = trips_run_by(request.user, action).select_related(*WITH).filter(code=_code(code)).first()
    if trip is None:
        raise Http404
    return trip


def _code(code: str) -> str:
    return code[:40].replace("\x00", "")


@never_cache
@require("trip.read")
@require_GET
def trip(request: PageRequest, code: str) -> HttpResponse:
    at = clock.now()
    row = _trip(request, code)
    sheet = trip_sheet(row, at)
    full_names = may(request.user, "user.read")
    asked = CustodyForm(request.GET if "waybill" in request.GET else None, initial={"time": clock_time(at)})
    holder = _holder(sheet, asked, full_names) if asked.is_bound and asked.is_valid() else None
    context = {
        "trip": row,
        "sheet": sheet,
        "handovers": handovers(row, sheet.scans, at, full_names=full_names),
        "custody_form": asked,
        "holder": holder,
        "full_names": full_names,
        "moves": moves_of(row),
        "actions": _actions(request, row),
        "tabs": tabs(request, "trips"),
    }
    return render(request, "vehicles/trip.html", context)


def clock_time(at: datetime) -> str:
    return f"{at.astimezone(clock.SHANGHAI):%H:%M:%S}"


def _holder(sheet: Sheet, form: CustodyForm, full_names: bool) -> Holder | None:
    """Who had the parcel then; an error on the form where the code means none or several of this trip's."""
    code = form.cleaned_data["waybill"]
    found: list[Parcel] = [load.parcel for load in sheet.loads if load.parcel.waybill_no.endswith(code)]
    if len(found) != 1:
        form.add_error(
            "waybill", _("No parcel of this trip ends so.") if not found else _("Several end so: type more.")
        )
        return None
    day = clock.business_date(sheet.trip.departs_at)
    at = datetime.combine(day, form.cleaned_data["time"], clock.SHANGHAI)
    return who_had(found[0], at, full_names=full_names)


def _actions(request: PageRequest, row: Trip) -> list[tuple[str, str, str]]:
    """What the person may do about the trip now, the likeliest first."""
    found = []
    if row.state in BEFORE:
        if trips_run_by(request.user, "trip.run").filter(pk=row.pk).exists():
            found.append((_("Check before departure"), reverse("vehicles:trip-check", args=[row.code]), "ok"))
        if trips_run_by(request.user, "plan.make").filter(pk=row.pk).exists():
            words = _("Change driver") if row.driver_id else _("Give it a driver")
            found.append((words, reverse("vehicles:trip-assign", args=[row.code]), "person"))
            found.append((_("Call off"), reverse("vehicles:trip-cancel", args=[row.code]), "no"))
    found.append((_("Loading list"), reverse("vehicles:trip-manifest", args=[row.code]), "print"))
    if row.departed_at is not None:
        found.append((_("Replay"), reverse("vehicles:replay", args=[row.code]), "undo"))
    if row.state in (*BEFORE, TripState.DEPARTED) and (
        trips_run_by(request.user, "trip.run").filter(pk=row.pk).exists()
    ):
        found.append((_("Breakdown"), reverse("vehicles:trip-breakdown", args=[row.code]), "warning"))
    return found


@never_cache
@require("trip.read")
@require_GET
def manifest(request: PageRequest, code: str) -> HttpResponse:
    """The loading list on paper: stop by stop, a box to tick for each parcel."""
    row = _trip(request, code)
    at = clock.now()
    return render(request, "vehicles/trip_manifest.html", {"trip": row, "sheet": trip_sheet(row, at), "printed_at": at})


@never_cache
@require("plan.make")
@require_http_methods(["GET", "POST"])
def assign(request: PageRequest, code: str) -> HttpResponse:
    row = _run(request, code, "plan.make")
    drivers = drivers_of(row.hub, clock.business_date(row.departs_at))
    form = AssignForm(request.POST or None, drivers=drivers, initial={"driver": str(row.driver_id or "")})
    if request.method == "POST" and form.is_valid():
        try:
            chosen = int(form.cleaned_data["driver"])
            services.assign_driver(trip_id=row.pk, driver_id=chosen, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("driver", str(refusal.message))
        else:
            return _back(request, row, _("The trip has its driver."))
    return _form(request, row, form, _("Driver"), _("Give the trip to this driver"))


@never_cache
@require("plan.make")
@require_http_methods(["GET", "POST"])
def cancel(request: PageRequest, code: str) -> HttpResponse:
    row = _run(request, code, "plan.make")
    words = (_("Call the trip off"), _("Call off"), _("The trip is called off; its parcels can be planned anew."))
    return _with_reason(request, row, services.cancel_trip, words)


@never_cache
@require("trip.run")
@require_http_methods(["GET", "POST"])
def breakdown(request: PageRequest, code: str) -> HttpResponse:
    row = _run(request, code, "trip.run")
    words = (
        _("Breakdown"),
        _("The vehicle can't go on"),
        _("Noted. What is on board stays with the driver until somebody takes it over."),
    )
    return _with_reason(request, row, services.break_down, words)


def _with_reason(request: PageRequest, row: Trip, service: Any, words: tuple[str, str, str]) -> HttpResponse:
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            service(trip_id=row.pk, reason=form.cleaned_data["reason"], by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
        else:
            return _back(request, row, words[2])
    return _form(request, row, form, words[0], words[1], danger=True)


@never_cache
@require("trip.run")
@require_http_methods(["GET", "POST"])
def check(request: PageRequest, code: str) -> HttpResponse:
    """The check list before departure, for the dispatcher and the driver alike."""
    row = _run(request, code, "trip.run")
    at = clock.now()
    items = items_of(row, at)
    form = CheckForm(request.POST or None, items=items)
    if request.method == "POST" and form.is_valid():
        try:
            found = services.check_departure(
                trip_id=row.pk, items=form.answers(), seal_no=form.cleaned_data["seal_no"], by=request.user, at=at
            )
        except Refused as refusal:
            form.add_error(None, str(refusal.message))
        else:
            passed = _("Passed: the trip may leave.")
            failed = _("Not passed: put right what is wrong, then check again.")
            return _back(request, row, passed if found.passed else failed, good=found.passed)
    context = {"trip": row, "items": items, "form": form, "back": _home(request, row), "tabs": tabs(request, "trips")}
    status = 422 if request.method == "POST" else 200
    return render(request, "vehicles/trip_check.html", context, status=status)


def _home(request: PageRequest, row: Trip) -> str:
    """The driver's page for the driver, the trip's page for everybody else."""
    mine = row.driver is not None and row.driver.user_id == request.user.pk
    if mine and not Trip.objects.visible_to(request.user).filter(pk=row.pk).exists():
        return reverse("vehicles:drive")  # it ended before it left: no trip of theirs any more
    return reverse("vehicles:drive-trip" if mine else "vehicles:trip", args=[row.code])


def _back(request: PageRequest, row: Trip, sentence: str, *, good: bool = True) -> HttpResponse:
    (messages.success if good else messages.warning)(request, sentence)
    return redirect(_home(request, row))


def _form(request: PageRequest, row: Trip, form: Any, title: str, submit: str, *, danger: bool = False) -> HttpResponse:
    context = {
        "trip": row,
        "form": form,
        "title": title,
        "submit": submit,
        "cancel_url": _home(request, row),
        "confirm": _("This can't be taken back. Go on?") if danger else "",
        "tabs": tabs(request, "trips"),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "vehicles/trip_form.html", context, status=status)
