"""Pages of a station: list, facts, new, edit, next step, history. Parse, authorise, call one service, answer."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock, exports
from common.errors import Conflict, Refused
from common.http import PageRequest
from stations import queries, services
from stations.forms.station_filter import StationFilter
from stations.forms.stations import ContactForm, EquipmentForm, MoveForm, StationForm, show_refusal
from stations.models import Device, Membership, Organisation, Station
from stations.permissions import require
from stations.scope import may, scope_of
from stations.states import TRANSITIONS, EquipmentState, StationLevel, StationState

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

PAGE_SIZE = 30
RIGHTS = ("contact", "change", "life")


# --- list ---------------------------------------------------------------------------------------------


@require_GET
@require("station.read")
def station_list(request: PageRequest) -> HttpResponse:
    """The filter stands in the URL; htmx asks for the same URL and gets the fragment."""
    found = StationFilter(request.GET, Station.objects.visible_to(request.user), user=request.user)
    paginator = Paginator(queries.listed(found.qs, on=clock.business_date(clock.now())), PAGE_SIZE)
    page = paginator.get_page(request.GET.get("page"))
    actions = [
        (_("Tree"), reverse("stations:tree"), "tree"),
        (_("Map"), reverse("stations:map"), "map"),
    ]
    if may(request.user, "station.change"):
        actions.insert(0, (_("Add station"), reverse("stations:station-new"), "add"))
    context = {"filter": found, "page": page, "total": paginator.count, "actions": actions}
    return render(request, "stations/_station_list.html" if request.htmx else "stations/station_list.html", context)


@require_GET
@require("station.read")
def station_csv(request: PageRequest) -> StreamingHttpResponse:
    """The filtered list as CSV. Only what is public: no contacts."""
    found = StationFilter(request.GET, Station.objects.visible_to(request.user), user=request.user)
    header = (
        _("Code"), _("Name"), _("Level"), _("State"), _("Township"), _("Division"), _("Division code"),
        _("Station above"), _("Host"), _("Carriers"), _("Services"), _("Opening hours"), _("Parcels a day"),
        _("Longitude"), _("Latitude"),
    )  # fmt: skip
    rows = queries.listed(found.qs, on=clock.business_date(clock.now()))
    return exports.csv_response("stations.csv", header, _csv_rows(rows.iterator(chunk_size=2000)))


def _csv_rows(stations: Iterator["WithAnnotations[Station, queries.Listed]"]) -> Iterator[tuple[Any, ...]]:
    for s in stations:
        yield (
            s.code, s.name, s.get_level_display(), s.get_state_display(), s.township_name, s.region.name, s.region_id,
            s.parent.name if s.parent else "", s.get_host_kind_display(), " ".join(s.brand_names),
            " ".join(queries.service_words(s.service_codes)), s.opening_hours, s.daily_capacity, s.lng, s.lat,
        )  # fmt: skip


# --- one station --------------------------------------------------------------------------------------


@require_GET
@require("station.read")
def station(request: PageRequest, pk: int) -> HttpResponse:
    """Facts, what hangs below, whom it serves; people, handhelds and contact for those whose role reads them."""
    now = clock.now()
    visible = Station.objects.visible_to(request.user)
    listed = queries.listed(visible, on=clock.business_date(now))
    row: WithAnnotations[Station, queries.Listed] = get_object_or_404(listed, pk=pk)
    insider = scope_of(request.user, "station.read").covers_station(row)  # a carrier reads the public part only
    rights = {action: scope_of(request.user, f"station.{action}").covers_station(row) for action in RIGHTS}
    below = queries.listed(visible.filter(parent=row), on=clock.business_date(now)).order_by("township_code", "code")
    people = Membership.objects.visible_to(request.user).filter(station=row).current(now).select_related("user")
    context = {
        "station": row,
        "insider": insider,
        "may_change": rights["change"],
        "actions": _actions(row, rights) if insider else [],
        "services": queries.service_words(row.service_codes),
        "children": [] if row.level == StationLevel.OUTLET else list(below),
        "people": list(people) if may(request.user, "user.read") else None,
        "devices": list(Device.objects.visible_to(request.user).filter(station=row).live().select_related("user"))
        if may(request.user, "device.read")
        else None,
        "equipment": list(row.equipment.order_by("state", "kind", "serial")) if insider else [],
        "equipment_form": EquipmentForm(),
        "equipment_states": EquipmentState.choices,
        **_coverage(row),
    }
    return render(request, "stations/station.html", context)


def _actions(row: Station, rights: dict[str, bool]) -> list[tuple[str, str, str]]:
    actions = []
    if rights["contact"]:
        actions.append((_("Edit"), reverse("stations:station-edit", args=[row.pk]), "edit"))
    if rights["life"] and TRANSITIONS[StationState(row.state)]:
        actions.append((_("Next step"), reverse("stations:station-move", args=[row.pk]), "right"))
    return [*actions, (_("History"), reverse("stations:station-history", args=[row.pk]), "history")]


def _coverage(row: Station) -> dict[str, Any]:
    """The villages a station serves: an outlet's own, a centre's township's, a hub's county's by township."""
    if row.level == StationLevel.HUB:
        townships = queries.cover_by_township(county_code=row.county_code)
        outlets = Station.objects.below(row)  # unscoped: of the visible hub itself
        return {
            "townships": townships,
            "covered": sum(t.covered for t in townships),
            "village_count": sum(t.villages for t in townships),
            "radius": queries.service_radius(outlets),
        }
    if row.level == StationLevel.CENTRE:
        villages = list(queries.villages(county_code=row.county_code, township_code=row.township_code))
        covered = sum(village.has_outlet for village in villages)
        return {"villages": villages, "covered": covered, "village_count": len(villages)}
    return {}


# --- new and edit -------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@require("station.change")
def station_new(request: PageRequest) -> HttpResponse:
    form = _station_form(request, data=request.POST if request.method == "POST" else None, initial=request.GET.dict())
    if request.method == "POST" and form.is_valid():
        made = _call(
            form, lambda: services.create_station(fields=form.station_fields(), by=request.user, at=clock.now())
        )
        if made:
            messages.success(request, _("%(station)s is in the registry, as proposed.") % {"station": made.name})
            return redirect("stations:station", pk=made.pk)
    return render(request, "stations/station_form.html", {"form": form}, status=_status(form))


@require_http_methods(["GET", "POST"])
@require("station.contact")
def station_edit(request: PageRequest, pk: int) -> HttpResponse:
    """All fields for township and county, the contact alone for a station's own people."""
    row = _station_or_404(request, pk, "station.contact")
    stored = services.fields_of(row)
    data = request.POST if request.method == "POST" else None
    initial = {**dataclasses.asdict(stored), "version": row.version}
    whole = scope_of(request.user, "station.change").covers_station(row)
    form: StationForm | ContactForm
    if whole:
        form = _station_form(request, data=data, station=row, initial=initial)
    else:
        form = ContactForm(data, initial=initial)
    meanwhile = []
    if request.method == "POST" and form.is_valid():
        typed = dict(form.cleaned_data)
        seen = typed.pop("version") or 0
        wanted = form.station_fields() if isinstance(form, StationForm) else dataclasses.replace(stored, **typed)
        saved = _call(
            form,
            lambda: services.edit_station(station_id=pk, version=seen, fields=wanted, by=request.user, at=clock.now()),
        )
        if saved:
            messages.success(request, _("Saved."))
            return redirect("stations:station", pk=pk)
        if seen != row.version:  # keep what was typed, show what the other person stored, let the next save win
            meanwhile = [
                (str(field.label), _as_words(field, getattr(stored, name)))
                for name, field in form.fields.items()
                if hasattr(stored, name) and getattr(stored, name) != getattr(wanted, name)
            ]
            again = request.POST.copy()
            again["version"] = str(row.version)
            form.data = again
    context = {"form": form, "station": row, "whole": whole, "meanwhile": meanwhile}
    return render(request, "stations/station_form.html", context, status=_status(form))


@require_GET
@require("station.change")
def station_places(request: PageRequest, pk: int | None = None) -> HttpResponse:
    """The fields that depend on one another, for what is chosen so far (htmx)."""
    row = _station_or_404(request, pk, "station.change") if pk else None
    initial = dataclasses.asdict(services.fields_of(row)) if row else {}
    chosen = {name: request.GET[name] for name in StationForm.PLACE if name in request.GET}
    form = _station_form(request, station=row, initial={**initial, **chosen})
    return render(request, "stations/_station_place.html", {"form": form})


def _station_form(request: PageRequest, **kwargs: Any) -> StationForm:
    carriers = list(Organisation.objects.visible_to(request.user).carriers().order_by("code"))
    station = kwargs.get("station")
    if station is not None:
        kwargs["initial"] = {"county": station.county_code, "township": station.township_code} | kwargs["initial"]
    return StationForm(ground=queries.building_ground(request.user), carriers=carriers, **kwargs)


# --- the next step, history ---------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@require("station.life")
def station_move(request: PageRequest, pk: int) -> HttpResponse:
    """Offers only the steps that the station's life has from here; closing links to the page that counts parcels."""
    row = _station_or_404(request, pk, "station.life")
    following = TRANSITIONS[StationState(row.state)]
    offered = [state for state in StationState if state in following and state != StationState.CLOSED]
    form = MoveForm(request.POST if request.method == "POST" else None, next_states=offered)
    if len(offered) == 1:
        form.initial["to_state"] = offered[0].value
    if request.method == "POST" and form.is_valid():
        moved = _call(
            form, lambda: services.move_station(station_id=pk, by=request.user, at=clock.now(), **form.cleaned_data)
        )
        if moved:
            done = _("%(station)s: %(state)s.") % {"station": moved.name, "state": moved.get_state_display()}
            messages.success(request, done)
            return redirect("stations:station", pk=pk)
    context = {"form": form, "station": row, "offered": offered, "may_close": StationState.CLOSED in following}
    return render(request, "stations/station_move.html", context, status=_status(form))


@require_GET
@require("station.read")
def station_history(request: PageRequest, pk: int) -> HttpResponse:
    """Steps of its life for insiders; changed fields for those who may read the audit. Nothing for carriers."""
    inside = scope_of(request.user, "station.read")
    row = _station_or_404(request, pk, "station.read")
    if not inside.covers_station(row):
        return redirect("stations:station", pk=pk)
    with_audit = scope_of(request.user, "audit.read").covers_station(row)
    steps = queries.history(row, with_audit=with_audit)
    return render(request, "stations/station_history.html", {"station": row, "steps": steps, "with_audit": with_audit})


# --- equipment ----------------------------------------------------------------------------------------


@require_POST
@require("station.change")
def equipment_add(request: PageRequest, pk: int) -> HttpResponse:
    row = _station_or_404(request, pk, "station.change")
    form = EquipmentForm(request.POST)
    if form.is_valid() and _call(
        form, lambda: services.add_equipment(station=row, by=request.user, at=clock.now(), **form.cleaned_data)
    ):
        messages.success(request, _("Saved."))
    else:
        messages.error(request, " ".join(str(message) for found in form.errors.values() for message in found))
    return redirect(reverse("stations:station", args=[pk]) + "#equipment")


@require_POST
@require("station.change")
def equipment_state(request: PageRequest, pk: int, equipment_id: int) -> HttpResponse:
    row = _station_or_404(request, pk, "station.change")
    piece = get_object_or_404(row.equipment.select_related("station"), pk=equipment_id)
    services.set_equipment_state(equipment=piece, state=request.POST.get("state", ""), by=request.user, at=clock.now())
    return redirect(reverse("stations:station", args=[pk]) + "#equipment")


# --- shared -------------------------------------------------------------------------------------------


def _station_or_404(request: PageRequest, pk: int, action: str) -> Station:
    stations = Station.objects.visible_to(request.user, action).select_related("region", "parent", "owner")
    return get_object_or_404(stations, pk=pk)


def _call(form: forms.Form, service: Callable[[], Any]) -> Any:
    """The service's answer; None where it refused, with the sentence in the form."""
    try:
        return service()
    except Refused as refusal:
        show_refusal(form, refusal)
        vars(form)["conflict"] = isinstance(refusal, Conflict)
        return None


def _as_words(field: forms.Field, value: Any) -> str:
    """A stored value as the form's reader would call it."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, tuple):
        return _(", ").join(_as_words(field, item) for item in value)
    named: dict[str, Any] = {}
    for key, label in getattr(field, "choices", ()):
        named |= dict(label) if isinstance(label, list) else {str(key): label}
    return str(named.get(str(value), "" if value is None else value))


def _status(form: forms.Form) -> int:
    if not form.is_bound or form.is_valid():
        return 200
    return 409 if getattr(form, "conflict", False) else 422
