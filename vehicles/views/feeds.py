"""Timetables in and out as GTFS."""

from pathlib import PurePath
from typing import Any

from django.core.files import File
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from common import clock, text
from common.http import PageRequest
from common.ids import uuid7
from common.models import Job, JobProblem
from common.services import start_job
from stations.permissions import require
from stations.queries import counties_named
from stations.scope import scope_of
from vehicles import gtfs
from vehicles.forms.lines import FeedForm
from vehicles.queries.gtfs_sentences import LEVEL_WORDS, OUTCOMES
from vehicles.queries.line_feed import county_feed
from vehicles.views.lines import crumbs
from vehicles.views.tabs import tabs

KIND = "vehicles.import_feed"
SHOWN = 300
TONES = {gtfs.ERROR: "bad", gtfs.WARNING: "wait", gtfs.NOTE: "off"}


def _imports(request: PageRequest) -> Any:
    return Job.objects.visible_to(request.user).filter(kind=KIND, user=request.user).order_by("-pk")


@require_http_methods(["GET", "POST"])
@require("line.manage")
def lines_import(request: PageRequest) -> HttpResponse:
    """Upload a feed: it is checked and, unless only a check is asked for, taken in."""
    counties = scope_of(request.user, "line.manage").counties
    names = [(region.code[:6], region.name) for region in counties_named(counties)]
    form = FeedForm(names, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        shown = text.clean((text.fault(said["file"].name) and "?") or PurePath(said["file"].name).name)[:80]
        job = start_job(
            kind=KIND,
            title=_("Timetable %(name)s") % {"name": shown},
            user=request.user,
            at=clock.now(),
            params={"name": shown, "language": request.LANGUAGE_CODE},
            input_file=File(said["file"], name=f"{uuid7().hex}.zip"),
            dry_run=said["dry_run"],
            county_code=said["county"],
        )
        return redirect("vehicles:lines-import-job", job.pk)
    context = {
        "form": form,
        "jobs": _imports(request)[:10],
        "tabs": tabs(request, "lines"),
        "breadcrumbs": crumbs((_("Import a timetable"), "")),
    }
    return render(request, "vehicles/line_import.html", context, status=422 if request.method == "POST" else 200)


@require_GET
@require("line.manage")
def lines_import_job(request: PageRequest, pk: int) -> HttpResponse:
    """An import of one's own: its progress, then what was found, by file and line; htmx refreshes the same address."""
    job = get_object_or_404(_imports(request), pk=pk)
    found = list(job.problems.order_by("pk")[:SHOWN]) if not job.is_open else []
    context = {
        "job": job,
        "result": job.result,
        "outcome": OUTCOMES.get(job.result.get("outcome", ""), ""),
        "findings": sorted((_finding(one) for one in found), key=lambda one: one["rank"]),
        "breadcrumbs": crumbs((_("Import a timetable"), ""), (job.title, "")),
    }
    template = "vehicles/_line_import_job.html" if request.htmx else "vehicles/line_import_job.html"
    return render(request, template, context)


def _finding(problem: JobProblem) -> dict[str, Any]:
    """The import wrote "error.code" and "file column": apart again for the table."""
    level = problem.code.partition(".")[0]
    file, _space, column = problem.column.partition(" ")
    return {
        "rank": gtfs.LEVELS.index(level) if level in gtfs.LEVELS else len(gtfs.LEVELS),
        "level": LEVEL_WORDS.get(level, level),
        "tone": TONES.get(level, "off"),
        "file": file,
        "line": problem.row or "",
        "column": column,
        "sentence": problem.detail,
    }


@require_GET
@require("line.read")
def lines_export(request: PageRequest) -> HttpResponse:
    """The county's lines as a GTFS zip."""
    counties = scope_of(request.user, "line.read").counties
    county = request.GET.get("county", "")
    county = county if county in counties else counties[0]
    today = clock.business_date(clock.now())
    feed = county_feed(county_code=county, base_url=request.build_absolute_uri("/"), today=today)
    response = HttpResponse(gtfs.write_feed(feed), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="gtfs-{county}-{today:%Y%m%d}.zip"'
    response["Cache-Control"] = "no-store"
    return response
