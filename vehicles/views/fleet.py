"""Vehicles: what drives today and what doesn't and why, one vehicle with its papers, entering and changing it."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock
from common.errors import NotAllowed, Refused
from common.http import PageRequest
from stations.forms.stations import carried_out, show_refusal
from stations.models import Station
from stations.permissions import require
from stations.scope import may, scope_of
from vehicles import services
from vehicles.forms.fleet import FleetFilter, VehicleForm, VehiclePaperForm, VehicleStateForm
from vehicles.models import Driver, Vehicle
from vehicles.queries.fleet import (
    Usable,
    barred,
    driver_day,
    licences_for,
    papers_for,
    papers_of_driver,
    papers_of_vehicle,
    usable_vehicles,
    without_people,
)
from vehicles.queries.scope import hub_for
from vehicles.states import DriverDocumentKind, VehicleState
from vehicles.views.tabs import tabs

PAGE = 30


def hub_or_refuse(request: PageRequest, action: str) -> Station:
    """The hub somebody may do this for; NotAllowed where their scope holds none."""
    scope = scope_of(request.user, action)
    hub = hub_for(request.user, action) if scope.everywhere or scope.county_codes or scope.station_ids else None
    if hub is None:
        raise NotAllowed(_("This is done at the county hub."))
    return hub


def clock_hour(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}"


@require_GET
@require("fleet.read")
def fleet(request: PageRequest) -> HttpResponse:
    """All vehicles in scope with today's word on each, and what runs out soon."""
    form = FleetFilter(request.GET or None)
    chosen = form.cleaned_data if form.is_valid() else {}
    mine = Vehicle.objects.visible_to(request.user)
    rows = mine.select_related("owner", "hub").prefetch_related("documents").order_by("kind", "plate")
    if not chosen.get("retired"):
        rows = rows.exclude(state=VehicleState.RETIRED)
    if kind := chosen.get("kind"):
        rows = rows.filter(kind=kind)
    if words := chosen.get("q"):
        rows = rows.filter(Q(plate__icontains=words) | Q(owner__name__icontains=words))
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    now = clock.now()
    today = _today(request)
    manages = may(request.user, "fleet.manage") and hub_for(request.user, "fleet.manage") is not None
    context = {
        "form": form,
        "page": page,
        "rows": [
            (vehicle, today.get(vehicle.pk), _hours(today.get(vehicle.pk)), barred(vehicle, at=now)) for vehicle in page
        ],
        "total": page.paginator.count,
        "driving": sum(1 for row in today.values() if row.usable),
        "standing": sum(1 for row in today.values() if not row.usable),
        "names": _sees_people(request),
        "warnings": _warnings(request),
        "actions": [(_("Enter a vehicle"), reverse("vehicles:vehicle-new"), "add")] if manages else [],
        "tabs": tabs(request, "fleet"),
    }
    return render(request, "vehicles/_fleet.html" if request.htmx else "vehicles/fleet.html", context)


def _today(request: PageRequest) -> dict[int, Usable]:
    """Today's word on each vehicle of the hub; a carrier is shown its own vehicles' only."""
    mine = {row.pk: row.hub for row in Vehicle.objects.visible_to(request.user).select_related("hub")}
    day = clock.business_date(clock.now())
    found = [row for hub in set(mine.values()) for row in usable_vehicles(hub, day)]
    told = found if _sees_people(request) else [without_people(row) for row in found]
    return {row.vehicle.pk: row for row in told if row.vehicle.pk in mine}


def _sees_people(request: PageRequest) -> bool:
    """Whether the reader's scope holds the hub, and not just vehicles of their own."""
    scope = scope_of(request.user, "fleet.read")
    return bool(scope.everywhere or scope.county_codes or scope.station_ids)


def _hours(row: Usable | None) -> str:
    return f"{clock_hour(row.window[0])}–{clock_hour(row.window[1])}" if row and row.usable else ""


def _warnings(request: PageRequest) -> list[tuple[str, str, str, str]]:
    """(tone, name, url, sentence) of vehicles' and drivers' papers that have run out or soon will."""
    now = clock.now()
    found: list[tuple[str, str, str, str]] = []
    vehicles = Vehicle.objects.visible_to(request.user).exclude(state=VehicleState.RETIRED)
    for vehicle in vehicles.prefetch_related("documents"):
        for paper in papers_of_vehicle(vehicle, vehicle.documents.all()):
            found += _warning(paper, now, str(vehicle), reverse("vehicles:vehicle", args=[vehicle.pk]))
    drivers = Driver.objects.visible_to(request.user, "fleet.read").filter(ended_on__isnull=True)
    for driver in drivers.select_related("user").prefetch_related("documents"):
        for paper in papers_of_driver(driver, driver.documents.all()):
            found += _warning(paper, now, driver.user.name, reverse("vehicles:driver", args=[driver.pk]))
    return sorted(found, key=lambda row: row[0])


def _warning(paper: Any, now: Any, name: str, url: str) -> list[tuple[str, str, str, str]]:
    state = paper.state(now)
    if state == "valid":
        return []
    if state == "missing":
        return [("bad", name, url, _("%(paper)s: not entered") % {"paper": paper.label})]
    words = {"paper": paper.label, "day": paper.until}
    if state == "expired":
        return [("bad", name, url, _("%(paper)s: expired on %(day)s") % words)]
    days = (clock.business_date(paper.expires_at - timedelta(seconds=1)) - clock.business_date(now)).days
    left = ngettext("in %(count)d day", "in %(count)d days", days) % {"count": days}
    return [("wait", name, url, _("%(paper)s until %(day)s") % words + _(", ") + left)]


def _vehicle(request: PageRequest, pk: int, action: str = "") -> Vehicle:
    rows = Vehicle.objects.visible_to(request.user, action).select_related("owner", "hub")
    return get_object_or_404(rows.prefetch_related("documents"), pk=pk)


@require_GET
@require("fleet.read")
def vehicle(request: PageRequest, pk: int) -> HttpResponse:
    return _page(request, _vehicle(request, pk))


def _page(
    request: PageRequest,
    row: Vehicle,
    paper: forms.Form | None = None,
    state: forms.Form | None = None,
    status: int = 200,
) -> HttpResponse:
    now = clock.now()
    manages = row.state != VehicleState.RETIRED and (
        scope_of(request.user, "fleet.manage").covers_station(row.hub) if may(request.user, "fleet.manage") else False
    )
    today = _today(request).get(row.pk)
    usual = Driver.objects.visible_to(request.user, "fleet.read").filter(usual_vehicle=row, ended_on__isnull=True)
    asked = [str(DriverDocumentKind(kind).label) for kind in papers_for(row)]
    context = {
        "vehicle": row,
        "today": today,
        "hours": _hours(today),
        "barred": barred(row, at=now),
        "papers": [(p, p.state(now)) for p in papers_of_vehicle(row, row.documents.all())],
        "drivers": usual.select_related("user"),
        "facts": [
            (_("Kind"), row.get_kind_display()),
            (_("Owner"), row.owner.name),
            (_("Starts from"), row.hub.name),
            (_("Payload"), f"{row.payload_kg} kg"),
            (
                _("Room"),
                _("%(litres)s litres, %(pieces)s parcels") % {"litres": row.volume_l, "pieces": row.piece_capacity},
            ),
            (_("Carries"), _(", ").join(_carries(row))),
            (_("Worst road it takes"), row.get_worst_road_display()),
            (_("Width"), f"{row.width_cm / 100:.2f} m"),
            (_("Top speed"), f"{row.speed_cap_kmh} km/h"),
            (_("Range"), f"{row.range_km} km" if row.range_km else _("A day's driving")),
            (
                _("Costs"),
                _("%(day)s yuan a day, %(km)s a km, %(hour)s an hour")
                % {"day": f"{row.day_cost:.2f}", "km": f"{row.km_cost:.2f}", "hour": f"{row.hour_cost:.2f}"},
            ),
            (
                _("Asks of its driver"),
                _(", ").join([*(["/".join(licences_for(row))] if licences_for(row) else []), *asked]),
            ),
        ],
        "paper_form": paper or (VehiclePaperForm() if manages else None),
        "state_form": state or (VehicleStateForm(vehicle=row) if manages else None),
        "actions": [(_("Change"), reverse("vehicles:vehicle-edit", args=[row.pk]), "edit")] if manages else [],
        "breadcrumbs": [(_("Fleet"), reverse("vehicles:fleet")), (row.plate, "")],
        "tabs": tabs(request, "fleet"),
    }
    return render(request, "vehicles/vehicle.html", context, status=status)


def _carries(row: Vehicle) -> list[str]:
    found = [_("ordinary goods")]
    if row.cold:
        found.append(_("cold goods"))
    if row.hazard:
        found.append(_("dangerous goods"))
    return found


@require_http_methods(["GET", "POST"])
@require("fleet.manage")
def vehicle_new(request: PageRequest) -> HttpResponse:
    hub = hub_or_refuse(request, "fleet.manage")
    form = VehicleForm(request.POST if request.method == "POST" else None, by=request.user)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                row = services.add_vehicle(hub=hub, fields=form.values(), by=request.user, at=clock.now())
            except Refused as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                messages.success(
                    request, _("The vehicle is entered. Its papers come next: without them it can't drive.")
                )
                return redirect("vehicles:vehicle", row.pk)
    context = {
        "form": form,
        "title": _("Enter a vehicle"),
        "back": reverse("vehicles:fleet"),
        "breadcrumbs": [(_("Fleet"), reverse("vehicles:fleet")), (_("Enter a vehicle"), "")],
    }
    return render(request, "vehicles/vehicle_form.html", context, status=status)


@require_http_methods(["GET", "POST"])
@require("fleet.manage")
def vehicle_edit(request: PageRequest, pk: int) -> HttpResponse:
    row = _vehicle(request, pk, "fleet.manage")
    posted = request.POST if request.method == "POST" else None
    form = VehicleForm(posted, by=request.user, initial=VehicleForm.of(row))
    status = 200
    if posted is not None:
        status = 422
        if form.is_valid():
            try:
                services.change_vehicle(
                    vehicle_id=row.pk,
                    seen=form.cleaned_data.get("version") or 0,
                    fields=form.values(),
                    by=request.user,
                    at=clock.now(),
                )
            except Refused as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("The vehicle is changed."))
                return redirect("vehicles:vehicle", row.pk)
    context = {
        "form": form,
        "title": _("Change %(plate)s") % {"plate": row.plate},
        "back": reverse("vehicles:vehicle", args=[row.pk]),
        "breadcrumbs": [
            (_("Fleet"), reverse("vehicles:fleet")),
            (row.plate, reverse("vehicles:vehicle", args=[row.pk])),
            (_("Change"), ""),
        ],
    }
    return render(request, "vehicles/vehicle_form.html", context, status=status)


@require_POST
@require("fleet.manage")
def vehicle_paper(request: PageRequest, pk: int) -> HttpResponse:
    row = _vehicle(request, pk, "fleet.manage")
    form = VehiclePaperForm(request.POST)

    def enter() -> None:
        services.add_vehicle_document(
            vehicle_id=row.pk,
            kind=form.cleaned_data["kind"],
            number=form.cleaned_data["number"],
            expires_at=form.expires_at(),
            by=request.user,
            at=clock.now(),
        )

    if status := carried_out(form, enter, show_paper_refusal):
        return _page(request, row, paper=form, status=status)
    messages.success(request, _("The paper is entered."))
    return redirect("vehicles:vehicle", row.pk)


def show_paper_refusal(form: forms.Form, refusal: Refused) -> None:
    """The service's `expires_at` is asked for as a day and an hour."""
    pointer = "expires_on" if refusal.pointer == "/expires_at" else refusal.pointer.strip("/")
    form.add_error(pointer if pointer in form.fields else None, str(refusal.message))


@require_POST
@require("fleet.manage")
def vehicle_state(request: PageRequest, pk: int) -> HttpResponse:
    row = _vehicle(request, pk, "fleet.manage")
    form = VehicleStateForm(request.POST, vehicle=row)

    def change() -> None:
        services.set_vehicle_state(
            vehicle_id=row.pk,
            to=form.cleaned_data["to"],
            reason=form.cleaned_data["reason"],
            by=request.user,
            at=clock.now(),
        )

    if status := carried_out(form, change):
        return _page(request, row, state=form, status=status)
    messages.success(request, _("The vehicle is changed."))
    return redirect("vehicles:vehicle", row.pk)


def driver_word(driver: Driver) -> tuple[str, str]:
    """(tone, word) of a driver today."""
    span = driver_day(driver, clock.business_date(clock.now()))
    if span.reasons:
        return "wait", span.reasons[0]
    return "ok", f"{clock_hour(span.start)}–{clock_hour(span.end)}"
