"""Pages of divisions: search, one division with its history, import of a list."""

from pathlib import Path

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock
from common.errors import Refused
from common.http import PageRequest
from common.models import Job
from common.services import start_job
from common.states import JobState
from stations import queries, services
from stations.forms.divisions import ImportForm, RegionFilter, TerrainForm
from stations.forms.stations import show_refusal
from stations.models import Region, Station
from stations.permissions import require
from stations.scope import may, scope_of
from stations.states import RegionLevel

PAGE_SIZE = 30
IMPORT_KIND = "stations.import_divisions"


@require_GET
@require("region.read")
def regions(request: PageRequest) -> HttpResponse:
    """Searches the reader's own counties, or with ?all=1 the whole list."""
    form = RegionFilter(request.GET or None)
    chosen = form.cleaned_data if form.is_valid() else {}
    own = queries.own_counties(request.user)
    everywhere = not own or request.GET.get("all") == "1"
    found = queries.divisions(
        request.user,
        counties=[] if everywhere else own,
        words=chosen.get("q", ""),
        level=chosen.get("level", ""),
        closed=bool(chosen.get("closed")),
    )
    paginator = Paginator(found, PAGE_SIZE)
    imports = may(request.user, "region.import")
    context = {
        "form": form,
        "page": paginator.get_page(request.GET.get("page")),
        "total": paginator.count,
        "narrowed": bool(own),
        "everywhere": everywhere,
        "import_url": reverse("stations:region-import") if imports else "",
        "actions": [(_("Import a list"), reverse("stations:region-import"), "upload")] if imports else [],
    }
    return render(request, "stations/_regions.html" if request.htmx else "stations/regions.html", context)


@require_http_methods(["GET", "POST"])
@require("region.read")
def region(request: PageRequest, code: str) -> HttpResponse:
    """Facts, what lies below, what the editions changed; whoever changes stations sets the terrain here."""
    row = get_object_or_404(Region.objects.visible_to(request.user).select_related("parent__parent__parent"), pk=code)
    changes = scope_of(request.user, "station.change").covers_county(row.county_code)
    sets_terrain = changes and row.level != RegionLevel.COUNTY
    form = TerrainForm(request.POST or None, initial={"terrain": row.terrain}) if sets_terrain else None
    if request.method == "POST":
        if form is None:
            raise Http404
        if form.is_valid():
            try:
                changed = services.set_terrain(
                    region=row, terrain=form.cleaned_data["terrain"], by=request.user, at=clock.now()
                )
            except Refused as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, _("Terrain set for %(count)d divisions.") % {"count": changed})
                return redirect("stations:region", code=code)
    above: list[tuple[str, str]] = []
    up = row.parent
    while up is not None:
        above.insert(0, (up.name, reverse("stations:region", args=[up.pk])))
        up = up.parent
    context = {
        "region": row,
        "form": form,
        "children": queries.children(row),
        "changes": queries.region_changes(row.pk),
        "stations": list(Station.objects.visible_to(request.user).filter(region=row).order_by("level", "code")[:50]),
        "breadcrumbs": [(_("Divisions"), reverse("stations:regions")), *above, (row.name, "")],
    }
    return render(request, "stations/region.html", context, status=422 if form and form.errors else 200)


@require_http_methods(["GET", "POST"])
@require("region.import")
def region_import(request: PageRequest) -> HttpResponse:
    """Upload a list; a trial run first, the real one from the same file afterwards."""
    form = ImportForm(request.POST or None, request.FILES or None, initial={"dry_run": True})
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        name = Path(cleaned["file"].name).name[-80:]
        job = start_job(
            kind=IMPORT_KIND,
            title=_("Divisions, edition %(edition)s: %(file)s") % {"edition": cleaned["edition"], "file": name},
            user=request.user,
            at=clock.now(),
            params={
                "edition": cleaned["edition"],
                "valid_from": cleaned["valid_from"].isoformat(),
                "language": request.LANGUAGE_CODE,
            },
            input_file=cleaned["file"],
            dry_run=cleaned["dry_run"],
        )
        return redirect("common:job", pk=job.pk)
    jobs = Job.objects.visible_to(request.user).filter(kind=IMPORT_KIND).order_by("-pk")[:10]
    context = {"form": form, "jobs": jobs}
    return render(request, "stations/region_import.html", context, status=422 if form.errors else 200)


@require_POST
@require("region.import")
def region_import_apply(request: PageRequest, pk: int) -> HttpResponse:
    """Carry out what a finished trial run has tried, from the same file."""
    tried = get_object_or_404(
        Job.objects.visible_to(request.user), pk=pk, kind=IMPORT_KIND, dry_run=True, state=JobState.DONE
    )
    job = start_job(
        kind=IMPORT_KIND,
        title=tried.title,
        user=request.user,
        at=clock.now(),
        params=tried.params,
        input_file=tried.input_file,
    )
    return redirect("common:job", pk=job.pk)
