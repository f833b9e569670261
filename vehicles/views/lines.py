"""Lines: the list with its coverage, one line with the timetable of a day, its contract and its hold."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock
from common.errors import Refused
from common.http import PageRequest
from stations.forms.stations import show_refusal
from stations.permissions import require
from stations.queries import counties_named
from stations.scope import may, scope_of
from vehicles import services
from vehicles.forms.lines import HoldForm, LineFilterForm, LineForm, hold_of
from vehicles.models import Departure, LineService, TransitLine
from vehicles.queries import lines as queries
from vehicles.views.tabs import tabs

A_PAGE = 50


def clock_of(seconds: int | None) -> str:
    """08:10, and after midnight 24:30 as people write it."""
    if seconds is None:
        return ""
    if seconds < 86_400:
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
    late = seconds - 86_400
    return _("%(time)s next day") % {"time": f"{late // 3600:02d}:{late // 60 % 60:02d}"}


def day_asked(request: HttpRequest) -> date:
    """The day of the address, else today."""
    try:
        asked = parse_date(request.GET.get("day", "")[:10])
    except ValueError:
        asked = None
    if asked is not None and 2000 <= asked.year <= 2100:
        return asked
    return clock.business_date(clock.now())


def _money(yuan: Decimal) -> str:
    """At least fen, at most the four places of a rate."""
    return f"{yuan:.2f}" if yuan == round(yuan, 2) else f"{yuan.normalize():f}"


def crumbs(*more: tuple[str, str]) -> list[tuple[str, str]]:
    return [(pgettext("tab", "Lines"), reverse("vehicles:lines")), *more]


@require_GET
@require("line.read")
def lines(request: PageRequest) -> HttpResponse:
    """The list; htmx refreshes the same address and gets the fragment."""
    form = LineFilterForm(request.GET)
    form.is_valid()
    wanted = {"kind": form.cleaned_data.get("kind", ""), "text": form.cleaned_data.get("q", "")}
    page = Paginator(queries.lines_of(request.user, **wanted), A_PAGE).get_page(request.GET.get("page"))
    today = clock.business_date(clock.now())
    context: dict[str, Any] = {
        "form": form,
        "page": page,
        "rows": [
            {
                "line": row.line,
                "departures": row.departures,
                "stops": row.stops,
                "hours": " – ".join(clock_of(at) for at in dict.fromkeys((row.first_s, row.last_s)) if at is not None),
                "hold": row.hold_pieces,
            }
            for row in queries.line_rows(page.object_list, day=today)
        ],
        "filtered": any(wanted.values()),
        "may_manage": may(request.user, "line.manage"),
    }
    if request.htmx:
        return render(request, "vehicles/_lines.html", context)
    counties = scope_of(request.user, "line.read").counties
    names = {region.code[:6]: region.name for region in counties_named(counties)}
    context |= {
        "today": today,
        "covers": [
            (names.get(code, code) if len(counties) > 1 else "", queries.township_cover(county_code=code, day=today))
            for code in counties
        ],
        "actions": _list_actions(request, found=bool(page.paginator.count or context["filtered"])),
        "tabs": tabs(request, "lines"),
    }
    return render(request, "vehicles/lines.html", context)


def _list_actions(request: PageRequest, *, found: bool) -> list[tuple[str, str, str]]:
    actions = []
    if may(request.user, "line.manage"):
        actions += [
            (_("New line"), reverse("vehicles:line-new"), "add"),
            (_("Import a timetable"), reverse("vehicles:lines-import"), "upload"),
        ]
    if found:
        actions.append((_("Export as GTFS"), reverse("vehicles:lines-export"), "download"))
    actions += [
        (_("Calendars"), reverse("vehicles:calendars"), "list"),
        (_("Stops"), reverse("vehicles:transit-stops"), "map"),
    ]
    return actions


@require_GET
@require("line.read")
def line(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(TransitLine.objects.visible_to(request.user).select_related("operator"), pk=pk)
    return _line_page(request, row, None)


def _line_page(request: PageRequest, row: TransitLine, hold_form: HoldForm | None, status: int = 200) -> HttpResponse:
    day = day_asked(request)
    may_manage = scope_of(request.user, "line.manage").covers_county(row.county_code)
    runs = queries.departures_on(county_code=row.county_code, day=day, line_id=row.pk, carrying=False)
    every = Departure.objects.visible_to(request.user).filter(line=row)
    if hold_form is None and may_manage:
        first = every.order_by("-hold_pieces", "pk").first()
        hold_form = HoldForm(initial=hold_of(first) if first else None)
    shown = {run.departure.pk for run in runs}
    context = {
        "line": row,
        "day": day,
        "runs": [_run(run) for run in runs],
        "others": list(
            every.exclude(pk__in=shown)
            .exclude(service__service_id=queries.NEVER)
            .select_related("service")
            .order_by("service", "trip_id")[:200]
        ),
        "stops": queries.line_stops(row),
        "calendars": list(
            LineService.objects.visible_to(request.user)
            .filter(departures__line=row)
            .exclude(service_id=queries.NEVER)
            .distinct()
            .order_by("service_id")
        ),
        "shares": [(one.get_role_display(), one.share * 100) for one in row.shares.order_by("-share")],
        "facts": [
            (_("Line number"), row.code),
            (_("Operator"), row.operator.name if row.operator else ""),
            (_("Contract number"), row.contract_no),
            (_("Who answers for loss and damage"), row.liability),
            (_("Tariff, yuan a parcel"), _money(row.tariff)),
        ],
        "carries": row.kind in queries.CARRIES_PARCELS,
        "hold_form": hold_form,
        "may_manage": may_manage,
        "actions": [
            (_("Edit"), reverse("vehicles:line-edit", args=[row.pk]), "edit"),
            (_("Add departures"), reverse("vehicles:departure-new", args=[row.pk]), "add"),
        ]
        if may_manage
        else [],
        "tabs": tabs(request, "lines"),
        "breadcrumbs": crumbs((row.name, "")),
    }
    return render(request, "vehicles/line.html", context, status=status)


def _run(run: queries.Run) -> dict[str, Any]:
    """A departure as the page shows it."""
    return {
        "departure": run.departure,
        "starts": clock_of(run.starts_s),
        "ends": clock_of(run.calls[-1].arrive_s),
        "first": run.calls[0].stop.name,
        "last": run.calls[-1].stop.name,
        "calls": [(call.stop.name, clock_of(call.arrive_s), clock_of(call.leave_s)) for call in run.calls],
        "kg": run.hold_kg,
        "litres": run.hold_l,
        "pieces": run.hold_pieces,
        "cold": run.cold,
    }


@require_http_methods(["GET", "POST"])
@require("line.manage")
def line_new(request: PageRequest) -> HttpResponse:
    form = LineForm(request.POST if request.method == "POST" else None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_line(
                county_code=scope_of(request.user, "line.manage").counties[0],
                fields=form.line_fields(),
                by=request.user,
                at=clock.now(),
            )
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("The line is there. Now give it its departures."))
            return redirect("vehicles:departure-new", made.pk)
    context = {
        "form": form,
        "title": _("New line"),
        "cancel_url": reverse("vehicles:lines"),
        "breadcrumbs": crumbs((_("New line"), "")),
    }
    return render(request, "vehicles/line_form.html", context, status=422 if request.method == "POST" else 200)


@require_http_methods(["GET", "POST"])
@require("line.manage")
def line_edit(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(TransitLine.objects.visible_to(request.user, "line.manage"), pk=pk)
    form = LineForm(request.POST if request.method == "POST" else None, user=request.user, line=row)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.edit_line(
                    line_id=row.pk,
                    seen=form.cleaned_data["version"] or 0,
                    fields=form.line_fields(),
                    by=request.user,
                    at=clock.now(),
                )
            except Refused as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("Saved."))
                return redirect("vehicles:line", row.pk)
    context = {
        "form": form,
        "title": _("Edit the line"),
        "cancel_url": reverse("vehicles:line", args=[row.pk]),
        "breadcrumbs": crumbs((row.name, reverse("vehicles:line", args=[row.pk])), (_("Edit"), "")),
    }
    return render(request, "vehicles/line_form.html", context, status=status)


@require_POST
@require("line.manage")
def line_hold(request: PageRequest, pk: int) -> HttpResponse:
    """The same room on all departures."""
    row = get_object_or_404(TransitLine.objects.visible_to(request.user, "line.manage"), pk=pk)
    form = HoldForm(request.POST)
    if not form.is_valid():
        return _line_page(request, row, form, status=422)
    changed = services.set_hold(line_id=row.pk, hold=form.hold(), by=request.user, at=clock.now())
    messages.success(request, _("All %(count)s departures have this hold now.") % {"count": changed})
    return redirect("vehicles:line", row.pk)
