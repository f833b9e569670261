"""The monthly report: what there is, one month's page, the rows behind each number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from common import clock, exports
from common.http import PageRequest
from common.models import Job
from common.services import start_job
from common.templatetags.ui import ratio, yuan
from reports import queries
from reports.definitions import DEFINITIONS, UNKNOWN_REGION, Definition, Source, Unit
from reports.forms import ComputeForm
from reports.models import Indicator, Report
from stations.models import Region
from stations.permissions import require
from stations.scope import may, scope_of

PAGE = 30
CENSUSES = ("coverage", "stations")  # every village, every station: no sample that could be too small


@require_GET
@require("report.read")
def report_list(request: PageRequest) -> HttpResponse:
    """Months with their newest version, and the computation that is running."""
    reports = queries.newest_reports(request.user)
    may_compute = may(request.user, "report.compute")
    job = (
        Job.objects.visible_to(request.user).filter(kind="reports.compute").order_by("-id").first()
        if may_compute
        else None
    )
    names = dict(
        Region.objects.visible_to(request.user)
        .filter(code__in={f"{row.county_code}000000" for row in reports})
        .values_list("code", "name")
    )
    context = {
        "reports": [(row, names.get(f"{row.county_code}000000", "")) for row in reports],
        "form": ComputeForm(at=clock.now()) if may_compute else None,
        "job": job if job and job.is_open else None,
    }
    return render(request, "reports/report_list.html", context)


@require_POST
@require("report.compute")
def report_compute(request: PageRequest) -> HttpResponse:
    """Start the computation of a month of one's county as a job."""
    form = ComputeForm(request.POST, at=clock.now())
    if not form.is_valid():
        messages.error(request, _("Choose a month of the last two years."))
        return redirect("reports:list")
    month = clock.parse_month(form.cleaned_data["month"])
    assert month is not None, "the form offers months only"
    start_job(
        kind="reports.compute",
        title=_("Report of %(month)s") % {"month": date_format(month, "YEAR_MONTH_FORMAT")},
        user=request.user,
        at=clock.now(),
        params={"month": form.cleaned_data["month"], "language": get_language()},
        county_code=scope_of(request.user, "report.compute").counties[0],
    )
    return redirect("reports:list")


def _report(request: PageRequest, pk: int) -> Report:
    return get_object_or_404(Report.objects.visible_to(request.user).select_related("by"), pk=pk)


@dataclass(frozen=True)
class Cell:
    """A number as the page shows it. Rendered here and not by an include: a page has over three hundred of them."""

    definition: Definition
    number: Indicator | None
    shown: SafeString | str
    address: str  # of the lists behind it, without the part


def _cells(row: queries.Row, report_url: str) -> list[Cell]:
    cells = []
    for definition, number in row.cells:
        address = f"{report_url}{definition.code}/{row.region_code}/"
        cells.append(Cell(definition, number, _shown(definition, number, f"{address}num/"), address))
    return cells


def _shown(definition: Definition, number: Indicator | None, address: str) -> SafeString | str:
    if number is None or (definition.unit is Unit.KM and not number.numerator):  # nothing measured is not 0.0 km
        return "—"
    if definition.unit is Unit.KM:
        return _("%(mean)s km, nine in ten within %(p90)s km") % {
            "mean": number.extra["mean_km"],
            "p90": number.extra["p90_km"],
        }
    if definition.unit is Unit.SHARE:
        small = 1 if definition.code in CENSUSES else queries.ENOUGH
        return format_html('<a href="{}">{}</a>', address, ratio(number.numerator, number.denominator, small))
    if definition.unit is Unit.YUAN:
        parcels = ngettext("%(count)s parcel", "%(count)s parcels", number.numerator) % {"count": number.numerator}
        words = '<span class="share"><a href="{}">{}</a><small>{}</small></span>'
        return format_html(words, address, yuan(number.amount), parcels)
    return format_html('<a href="{}">{}</a>', address, number.numerator)


@require_GET
@require("report.read")
def report(request: PageRequest, pk: int) -> HttpResponse:
    """A month as a bulletin: sums, townships by rank, definitions, how complete it is. Reads stored rows only."""
    row = _report(request, pk)
    table = queries.table_of(row, request.user)
    versions = list(
        Report.objects.visible_to(request.user)
        .filter(county_code=row.county_code, month=row.month)
        .order_by("-version")[:20]
    )
    url = reverse("reports:report", args=[row.pk])
    context = {
        "report": row,
        "table": table,
        "county_cells": _cells(table.county, url) if table.county else [],
        "townships": [
            (one, [cell for cell in _cells(one, url) if cell.definition.source is not Source.RADIUS])
            for one in (*table.ranked, *table.few, table.unknown)
            if one
        ],
        "definitions": DEFINITIONS,
        "township_definitions": [one for one in DEFINITIONS if one.source is not Source.RADIUS],
        "versions": versions,
        "newest": versions[0],
        "county_name": table.county.name if table.county else "",
        "actions": [(_("Download as a table"), reverse("reports:report-csv", args=[row.pk]), "download")],
        "breadcrumbs": [(_("Reports"), reverse("reports:list")), (date_format(row.month, "YEAR_MONTH_FORMAT"), "")],
    }
    return render(request, "reports/report.html", context)


@require_GET
@require("report.read")
def report_csv(request: PageRequest, pk: int) -> StreamingHttpResponse:
    """Every number the reader may see, one a row."""
    row = _report(request, pk)
    header = (
        _("Division"),
        _("Code"),
        _("Indicator"),
        _("Numerator"),
        _("Denominator"),
        _("Percent"),
        _("Not known"),
        _("Yuan"),
        _("Mean, km"),
        _("Nine in ten below, km"),
    )
    name = f"report-{row.county_code}-{row.month:%Y-%m}-v{row.version}.csv"
    return exports.csv_response(name, header, _csv_rows(queries.table_of(row, request.user)))


def _csv_rows(table: queries.Table) -> Iterator[Sequence[Any]]:
    rows = [one for one in (table.county, *table.ranked, *table.few, table.unknown) if one]
    for row in rows:
        for definition, number in row.cells:
            if number is None:
                continue
            share = ""
            if definition.unit is Unit.SHARE and number.denominator:
                share = f"{number.numerator * 100 / number.denominator:.1f}"
            yield (
                row.name or _("Township not known"),
                "" if row.region_code == UNKNOWN_REGION else row.region_code,
                definition.label,
                number.numerator,
                number.denominator,
                share,
                number.extra.get("unknown"),
                number.amount,
                number.extra.get("mean_km"),
                number.extra.get("p90_km"),
            )


@require_GET
@require("report.read")
def drill(request: PageRequest, pk: int, code: str, region: str, part: str) -> HttpResponse:
    """What stands behind one number: parcels, stations or villages; says so if it would be another number by now."""
    row = _report(request, pk)
    definition = queries.definition_of(code)
    if definition is None or definition.source is Source.RADIUS or not _has_part(definition, part):
        raise Http404
    number = queries.number_of(row, request.user, code=code, region_code=region)
    if number is None:
        raise Http404
    context = {
        "report": row,
        "definition": definition,
        "part": part,
        "stored": queries.stored_part(number, part),
        "region_name": _region_name(request, number),
        "breadcrumbs": [
            (_("Reports"), reverse("reports:list")),
            (date_format(row.month, "YEAR_MONTH_FORMAT"), reverse("reports:report", args=[row.pk])),
            (definition.label, ""),
        ],
    }
    found: Sequence[Any]
    if definition.source is Source.STATIONS:
        counted, found = queries.stations_behind(row, request.user, region_code=region, part=part)
        context |= {"kind": "stations", "counted": counted, "readable": len(found), "found": found}
    elif definition.source is Source.VILLAGES:
        found = queries.villages_behind(row, region_code=region, part=part)
        context |= {"kind": "villages", "counted": len(found), "readable": len(found), "found": found}
    else:
        counted, parcels = queries.parcels_behind(
            row, request.user, definition=definition, region_code=region, part=part
        )
        paginator = Paginator(parcels.select_related("carrier", "village", "station").order_by("pk"), PAGE)
        page = paginator.get_page(request.GET.get("page"))
        context |= {"kind": "parcels", "counted": counted, "readable": paginator.count, "page": page}
    return render(request, "reports/_drill.html" if request.htmx else "reports/drill.html", context)


def _has_part(definition: Definition, part: str) -> bool:
    has = {"num": True, "den": bool(definition.denominator), "unknown": bool(definition.unknown)}
    return has.get(part, False)


def _region_name(request: PageRequest, number: Indicator) -> str:
    region = Region.objects.visible_to(request.user).filter(code=number.region_code).first()
    return region.name if region else _("Township not known")
