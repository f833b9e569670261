"""Roads: the overview with its figures and map, one road, the import."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods

from common import clock, exports
from common.errors import Refused
from common.http import PageRequest
from common.models import Job
from common.services import start_job
from stations.forms.stations import show_refusal
from stations.models import Station
from stations.permissions import require
from stations.queries import counties_named
from stations.scope import may, scope_of
from vehicles.forms.roads import RoadFilterForm, RoadForm, RoadsImportForm
from vehicles.graph import Reach
from vehicles.models import RoadIncident, RoadSegment
from vehicles.queries import incidents as incident_reads
from vehicles.queries import roads as queries
from vehicles.services import segments as services
from vehicles.services.road_files import COLUMNS
from vehicles.states import OPEN_INCIDENTS
from vehicles.views.tabs import tabs

A_PAGE = 50
IMPORT_KIND = "vehicles.import_roads"
SHOWN_AWAY = 60


def county_asked(request: HttpRequest, action: str = "road.read") -> str:
    """The county of the address if it is theirs, else the first of theirs; "" for none."""
    counties = scope_of(request.user, action).counties  # type: ignore[arg-type]
    asked = request.GET.get("county", "")
    return asked if asked in counties else (counties[0] if counties else "")


def crumbs(*more: tuple[str, str]) -> list[tuple[str, str]]:
    return [(pgettext("tab", "Roads"), reverse("vehicles:roads")), *more]


def _why(reach: str) -> str:
    return {
        Reach.NO_ROAD.name: _("no road within 1 km"),
        Reach.CLOSED.name: _("the road is closed"),
        Reach.BARRED.name: _("the road is too narrow or too poor for a van"),
        Reach.OTHER_PIECE.name: _("its road is not joined to the others"),
    }[reach]


@require_GET
@require("road.read")
def roads(request: PageRequest) -> HttpResponse:
    """Figures, the map, and the list of roads; htmx refreshes the list."""
    county = county_asked(request)
    at = clock.now()
    found = queries.road_day(county, clock.business_date(at)) if county else None
    form = RoadFilterForm(request.GET)
    form.is_valid()
    context: dict[str, Any] = {"form": form, "county": county, "may_manage": may(request.user, "road.manage")}
    if found:
        wanted = {
            "words": form.cleaned_data.get("q", ""),
            "road_class": form.cleaned_data.get("road_class", ""),
            "seasonal": form.cleaned_data.get("seasonal", False),
        }
        page = Paginator(queries.roads(found.edition, **wanted), A_PAGE).get_page(request.GET.get("page"))
        context |= {"page": page, "rows": [_road_row(row) for row in page.object_list], "edition": found.edition}
    if request.htmx:
        return render(request, "vehicles/_road_list.html", context)
    if found:
        joined = queries.joined(found, Station.objects.visible_to(request.user).in_service())
        sums = queries.figures(found.edition)
        context |= {
            "figures": sums,
            "classes": [
                {
                    "road_class": c.road_class,
                    "label": c.label,
                    "km": c.metres / 1000,
                    "percent": 100 * c.metres / max(1, sums.metres),
                    "roads": c.roads,
                }
                for c in sums.classes
            ],
            "good_km": round(sums.good_m / 1000),
            "all_km": round(sums.metres / 1000),
            "joined": joined,
            "away": [(pk, name, _why(reach)) for pk, name, reach in joined.away[:SHOWN_AWAY]],
            "open": RoadIncident.objects.visible_to(request.user).filter(state__in=OPEN_INCIDENTS).count(),
        }
    actions = []
    if context["may_manage"]:
        actions = [
            (_("Import roads"), reverse("vehicles:roads-import"), "upload"),
            (_("Enter a road"), reverse("vehicles:road-new"), "add"),
        ]
    return render(request, "vehicles/roads.html", {**context, "actions": actions, "tabs": tabs(request, "roads")})


def _road_row(row: dict[str, Any]) -> dict[str, Any]:
    segment = RoadSegment(road_class=row["road_class"], surface=row["surface"], responsible=row["responsible"])
    return {
        **row,
        "class_word": segment.get_road_class_display(),
        "surface_word": segment.get_surface_display(),
        "responsible_word": segment.get_responsible_display(),
        "km": row["metres"] / 1000,
        "width": row["narrowest_cm"] / 100 if row["narrowest_cm"] else None,
    }


@require_GET
@require("road.read")
def roads_data(request: PageRequest) -> JsonResponse:
    """The roads, open incidents and stations to draw; degrees (WGS 84), texts, never HTML."""
    county = county_asked(request)
    found = queries.road_day(county, clock.business_date(clock.now())) if county else None
    rows = RoadIncident.objects.visible_to(request.user).filter(county_code=county, state__in=OPEN_INCIDENTS)
    spots = incident_reads.spots(rows)
    for spot in spots:
        spot["url"] = reverse("vehicles:incident", args=[spot["id"]])
    return JsonResponse(
        {
            "roads": queries.lines(found.edition, shut=found.shut) if found else [],
            "incidents": spots,
            "stations": [
                {"name": s.name, "lng": float(s.x), "lat": float(s.y), "level": s.level}
                for s in queries.placed(Station.objects.visible_to(request.user).filter(county_code=county))
                if s.x is not None and s.y is not None
            ],
        },
        headers={"Cache-Control": "private, no-store"},
    )


@require_http_methods(["GET", "POST"])
@require("road.manage")
def road_new(request: PageRequest) -> HttpResponse:
    county = county_asked(request, "road.manage")
    form = RoadForm(request.POST or None, new=True)
    if request.method == "POST" and form.is_valid():
        try:
            done = services.add_road(
                county_code=county, cells=form.cells(), name=_("Entered by hand"), by=request.user, at=clock.now()
            )
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            words = _("The road stands there already.") if done.unchanged else _("The road is entered.")
            messages.success(request, words)
            return redirect("vehicles:roads")
    context = {"form": form, "tabs": tabs(request, "roads"), "breadcrumbs": crumbs((_("Enter a road"), ""))}
    return render(request, "vehicles/road_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@require("road.read")
def road(request: PageRequest, pk: int) -> HttpResponse:
    """One road: its facts, or the form where one may change it."""
    segment = get_object_or_404(RoadSegment.objects.visible_to(request.user).select_related("edition"), pk=pk)
    manage = RoadSegment.objects.visible_to(request.user, "road.manage").filter(pk=pk).exists()
    width = segment.width_cm / 100 if segment.width_cm else None
    initial = {name: getattr(segment, name) for name in services.FIELDS if name != "width_cm"} | {"width_m": width}
    form = RoadForm(request.POST or None, initial=initial) if manage else None
    if request.method == "POST":
        if form is None:
            return redirect("vehicles:road", pk=pk)
        if form.is_valid():
            try:
                services.change_road(segment=segment, values=form.values(), by=request.user, at=clock.now())
            except Refused as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, _("Saved."))
                return redirect("vehicles:roads")
    whole = list(queries.way_segments(segment).values_list("length_m", flat=True))
    title = segment.name or _("Road without a name")
    season = f"{segment.closed_from}–{segment.closed_to}" if segment.closed_from else ""
    context = {
        "segment": segment,
        "title": title,
        "facts": [
            (_("Class"), segment.get_road_class_display()),
            (_("Length, km"), f"{sum(whole) / 1000:.2f}"),
            (_("Surface"), segment.get_surface_display()),
            (_("Width, m"), width),
            (_("Closed in months"), season),
            (_("Who is responsible"), segment.get_responsible_display()),
        ],
        "form": form,
        "breadcrumbs": crumbs((title, "")),
        "tabs": tabs(request, "roads"),
    }
    return render(request, "vehicles/road.html", context, status=422 if form is not None and form.errors else 200)


@require_http_methods(["GET", "POST"])
@require("road.manage")
def roads_import(request: PageRequest) -> HttpResponse:
    """Upload an extract or a table; a Job reads it."""
    codes = scope_of(request.user, "road.manage").counties
    counties = [(region.code[:6], region.name) for region in counties_named(codes)]
    form = RoadsImportForm(counties, request.POST or None, request.FILES or None, initial={"source": "osm"})
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        name = cleaned["file"].name.rpartition("/")[2][-70:]
        job = start_job(
            kind=IMPORT_KIND,
            title=_("Roads: %(file)s") % {"file": name},
            user=request.user,
            at=clock.now(),
            params={
                "source": cleaned["source"],
                "name": name,
                "add": cleaned["add"],
                "whole_file": cleaned["whole_file"],
                "language": request.LANGUAGE_CODE,
            },
            input_file=cleaned["file"],
            county_code=cleaned["county"],
        )
        return redirect("common:job", pk=job.pk)
    context = {
        "form": form,
        "jobs": Job.objects.visible_to(request.user).filter(kind=IMPORT_KIND).order_by("-pk")[:10],
        "columns": COLUMNS,
        "tabs": tabs(request, "roads"),
        "breadcrumbs": crumbs((_("Import roads"), "")),
    }
    return render(request, "vehicles/roads_import.html", context, status=422 if form.errors else 200)


@require_GET
@require("road.manage")
def roads_template(request: PageRequest) -> StreamingHttpResponse:
    """A table to fill in: the header and one example row."""
    example = ("同心路", "107.7312 29.8611; 107.7450 29.8702", "IV", "paved", "4.5", "2100", "", "12", "2", "township")
    return exports.csv_response("roads.csv", COLUMNS, [example])
