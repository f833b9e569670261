"""Road incidents: anybody's report, the list, one incident with what may be done about it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.middleware import public
from accounts.models import User
from common import clock, limits, net
from common.errors import Refused
from common.http import PageRequest
from common.ids import uuid7
from stations.forms.stations import show_refusal
from stations.permissions import require
from stations.queries import placed
from stations.scope import scope_of
from vehicles.forms.roads import AssignForm, ConfirmForm, IncidentFilterForm, ReasonForm, ReportForm
from vehicles.models import RoadIncident, RoadSegment
from vehicles.queries import incidents as queries
from vehicles.queries import roads as roads
from vehicles.services import incidents as services
from vehicles.states import INCIDENTS_IN_FORCE, OPEN_INCIDENTS, IncidentState
from vehicles.views.tabs import tabs

A_PAGE = 50
HOUR_S, DAY_S = 3600, 86_400
PER_ADDRESS, PER_COUNTY = 6, 200  # reports in an hour from one address; in a day for one county


@require_GET
@require("road.read")
def incidents(request: PageRequest) -> HttpResponse:
    form = IncidentFilterForm(request.GET)
    form.is_valid()
    state = form.cleaned_data.get("state", "")
    rows = queries.incidents(RoadIncident.objects.visible_to(request.user), state=state)
    page = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {"form": form, "page": page, "state": state}
    if request.htmx:
        return render(request, "vehicles/_incident_list.html", context)
    counties = scope_of(request.user, "incident.report").counties
    if counties:
        url = reverse("vehicles:incident-report", args=[counties[0]])
        context["actions"] = [(_("Report an incident"), url, "add")]
        context["public_url"] = request.build_absolute_uri(url)
    return render(request, "vehicles/incidents.html", {**context, "tabs": tabs(request, "incidents")})


def _may_decide(user: User, incident: RoadIncident) -> bool:
    return RoadIncident.objects.visible_to(user, "incident.decide").filter(pk=incident.pk).exists()


def _road_choices(incident: RoadIncident) -> list[tuple[str, str]]:
    """The roads near the report, nearest first."""
    edition = roads.current_edition(incident.county_code)
    if edition is None or incident.lng is None or incident.lat is None:
        return []
    near = roads.nearest_roads(edition, incident.lng, incident.lat, limit=queries.NEAREST, within_m=3000)
    return [
        (
            str(row.segment.pk),
            _("%(road)s, %(class)s, %(metres)d m away")
            % {
                "road": row.segment.name or _("Road without a name"),
                "class": row.segment.get_road_class_display(),
                "metres": round(row.metres),
            },
        )
        for row in near
    ]


@require_GET
@require("road.read")
def incident(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(RoadIncident.objects.visible_to(request.user).select_related("segment", "station"), pk=pk)
    return _page(request, row)


def _page(
    request: PageRequest, row: RoadIncident, failed: dict[str, forms.Form] | None = None, status: int = 200
) -> HttpResponse:
    shown: dict[str, forms.Form] = {}
    if _may_decide(request.user, row):
        start = {
            "effect": row.effect,
            "slow_factor": f"{row.slow_factor:.2f}".replace("2.00", "2").replace("4.00", "4"),
        }
        if row.state == IncidentState.REPORTED:
            shown["confirm"] = ConfirmForm(roads=_road_choices(row), initial=start)
        if row.state in INCIDENTS_IN_FORCE:
            shown["assign"] = AssignForm(initial={"level": row.responsible})
            shown["reopen"] = ReasonForm(prefix="reopen")
        if row.state in OPEN_INCIDENTS:
            shown["reject"] = ReasonForm(prefix="reject")
    context = {
        "incident": row,
        "title": row.get_kind_display(),
        "facts": [
            (_("Way through"), row.get_effect_display()),
            (_("Road"), (row.segment.name or _("Road without a name")) if row.segment else ""),
            (_("Class"), row.segment.get_road_class_display() if row.segment else ""),
            (_("Near station"), row.station.name if row.station else ""),
            (_("Who is responsible"), row.get_responsible_display() if row.responsible else ""),
            (_("What was said"), row.note),
        ],
        "history": queries.history(row),
        "spots": queries.spots([row]),
        "data_url": f"{reverse('vehicles:roads-data')}?county={row.county_code}",
        "in_force": row.state in INCIDENTS_IN_FORCE and row.segment_id is not None,
        "breadcrumbs": [(_("Incidents"), reverse("vehicles:incidents")), (row.get_kind_display(), "")],
        "tabs": tabs(request, "incidents"),
        **{f"{name}_form": form for name, form in (shown | (failed or {})).items()},
    }
    return render(request, "vehicles/incident.html", context, status=status)


def _act(
    request: PageRequest, pk: int, name: str, make: Callable[[RoadIncident], forms.Form], do: Callable[..., None]
) -> HttpResponse:
    row = get_object_or_404(RoadIncident.objects.visible_to(request.user, "incident.decide"), pk=pk)
    form = make(row)
    if form.is_valid():
        try:
            do(row, form.cleaned_data)
        except Refused as refusal:
            show_refusal(form, refusal)
            row.refresh_from_db()
            return _page(request, row, {name: form}, refusal.status)
        messages.success(request, _("Saved."))
        return redirect("vehicles:incident", pk=pk)
    return _page(request, row, {name: form}, 422)


@require_POST
@require("incident.decide")
def incident_confirm(request: PageRequest, pk: int) -> HttpResponse:
    def do(row: RoadIncident, data: dict[str, Any]) -> None:
        segment = RoadSegment.objects.visible_to(request.user).filter(pk=data["segment"]).first()
        services.confirm_incident(
            incident=row,
            by=request.user,
            at=clock.now(),
            segment=segment,
            effect=data["effect"],
            slow_factor=Decimal(data["slow_factor"]),
            reason=data["reason"],
        )

    return _act(request, pk, "confirm", lambda row: ConfirmForm(request.POST, roads=_road_choices(row)), do)


@require_POST
@require("incident.decide")
def incident_assign(request: PageRequest, pk: int) -> HttpResponse:
    def do(row: RoadIncident, data: dict[str, Any]) -> None:
        services.assign_incident(
            incident=row, level=data["level"], by=request.user, at=clock.now(), reason=data["reason"]
        )

    return _act(request, pk, "assign", lambda _row: AssignForm(request.POST), do)


@require_POST
@require("incident.decide")
def incident_reopen(request: PageRequest, pk: int) -> HttpResponse:
    def do(row: RoadIncident, data: dict[str, Any]) -> None:
        services.reopen_incident(incident=row, by=request.user, at=clock.now(), reason=data["reason"])

    return _act(request, pk, "reopen", lambda _row: ReasonForm(request.POST, prefix="reopen"), do)


@require_POST
@require("incident.decide")
def incident_reject(request: PageRequest, pk: int) -> HttpResponse:
    def do(row: RoadIncident, data: dict[str, Any]) -> None:
        services.reject_incident(incident=row, by=request.user, at=clock.now(), reason=data["reason"])

    return _act(request, pk, "reject", lambda _row: ReasonForm(request.POST, prefix="reject"), do)


@public("whoever stands before a closed road can say so; the form asks for nobody's name")
@never_cache
@require_http_methods(["GET", "POST"])
def incident_report(request: HttpRequest, county_code: str) -> HttpResponse:
    """The report, phone first. Posted twice with the same hidden number it is one report."""
    county = queries.county_of_report(county_code)
    if county is None:
        raise Http404
    stations = queries.stations_to_name(county_code)
    form = ReportForm(request.POST or None, stations=stations, initial={"client_id": uuid7(), "effect": "closed"})
    context: dict[str, Any] = {"form": form, "county": county, "county_code": county_code, "sent": False}
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            data = form.cleaned_data
            by = request.user if isinstance(request.user, User) and _reports_here(request.user, county_code) else None
            try:
                message = _("Too many reports came from here. If it is urgent, call the village or the county.")
                limits.spend(f"incident:{net.client_ip(request)}", limit=PER_ADDRESS, window_s=HOUR_S, message=message)
                limits.spend(f"incident:{county_code}", limit=PER_COUNTY, window_s=DAY_S, message=message)
                services.report_incident(
                    county_code=county_code,
                    kind=data["kind"],
                    effect=data["effect"],
                    at=clock.now(),
                    by=by,
                    lng=data["lng"],
                    lat=data["lat"],
                    station=data["station"],
                    note=data["note"],
                    client_id=data["client_id"],
                )
            except Refused as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                context["sent"], status = True, 200
    return render(request, "vehicles/incident_report.html", {**context, "hide_sign_in": True}, status=status)


def _reports_here(user: User, county_code: str) -> bool:
    return county_code in scope_of(user, "incident.report").counties


@public("the map to point at in a report: roads and stations, nobody's data")
@require_GET
def report_data(request: HttpRequest, county_code: str) -> JsonResponse:
    if queries.county_of_report(county_code) is None:
        raise Http404
    found = roads.road_day(county_code, clock.business_date(clock.now()))
    return JsonResponse(
        {
            "roads": roads.lines(found.edition, shut=found.shut) if found else [],
            "incidents": [],
            "stations": [
                {"name": s.name, "lng": float(s.x), "lat": float(s.y), "level": s.level}
                for s in placed(queries.stations_to_name(county_code))
                if s.x is not None and s.y is not None
            ],
        },
        headers={"Cache-Control": "public, max-age=300"},
    )
