"""Departures of a line, calendars with their exceptions, stops and the stations at them."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock
from common.errors import Refused
from common.http import PageRequest
from stations.forms.stations import show_refusal
from stations.permissions import require
from stations.scope import may, scope_of
from vehicles import services
from vehicles.forms.lines import (
    CalendarForm,
    DepartureEditForm,
    DeparturesForm,
    ExceptionForm,
    StopFilterForm,
    StopLinkForm,
    hold_of,
)
from vehicles.models import Departure, LineService, TransitLine, TransitStop
from vehicles.queries import lines as queries
from vehicles.views.lines import clock_of, crumbs
from vehicles.views.tabs import tabs

A_PAGE = 100


@require_http_methods(["GET", "POST"])
@require("line.manage")
def departure_new(request: PageRequest, pk: int) -> HttpResponse:
    """Several departures with the same calls; filled in from the line's newest one, or from `?like=`."""
    row = get_object_or_404(TransitLine.objects.visible_to(request.user, "line.manage"), pk=pk)
    calendars = (
        LineService.objects.visible_to(request.user, "line.manage")
        .filter(county_code=row.county_code)
        .exclude(service_id=queries.NEVER)
    )
    like = _like(request, row)
    form = DeparturesForm(
        request.POST if request.method == "POST" else None,
        calendars=calendars.order_by("service_id"),
        stations=list(queries.stations_for_stops(county_code=row.county_code)),
        stops=queries.line_stops(row),
        rows=_rows(like),
        initial={**hold_of(like), "calendar": like.service_id, "direction": like.direction or 0} if like else None,
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                made = services.add_departures(
                    line_id=row.pk,
                    calendar_id=said["calendar"].pk,
                    starts_s=said["starts"],
                    calls=form.call_fields(),
                    hold=form.hold(),
                    direction=said["direction"],
                    by=request.user,
                    at=clock.now(),
                )
            except Refused as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("%(count)s departures added.") % {"count": len(made)})
                return redirect("vehicles:line", row.pk)
    context = {
        "form": form,
        "line": row,
        "no_calendar": not calendars.exists(),
        "cancel_url": reverse("vehicles:line", args=[row.pk]),
        "breadcrumbs": crumbs((row.name, reverse("vehicles:line", args=[row.pk])), (_("Add departures"), "")),
    }
    return render(request, "vehicles/departure_new.html", context, status=status)


def _like(request: PageRequest, row: TransitLine) -> Departure | None:
    asked = request.GET.get("like", "")
    found = Departure.objects.visible_to(request.user, "line.manage").filter(line=row)
    if asked.isdecimal() and len(asked) < 12:
        return found.filter(pk=asked).first()
    return found.order_by("-pk").first()


def _rows(like: Departure | None) -> list[tuple[str, int, int]]:
    """Stop, minutes after the start and minutes there, of a departure."""
    calls = queries.calls_of(like) if like else ()
    return [
        (
            f"{call.stop.stop_id} {call.stop.name}",
            max(0, call.arrive_s - calls[0].leave_s) // 60,
            (call.leave_s - call.arrive_s) // 60 if number else 0,
        )
        for number, call in enumerate(calls)
    ]


@require_http_methods(["GET", "POST"])
@require("line.manage")
def departure_edit(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(
        Departure.objects.visible_to(request.user, "line.manage").select_related("line", "service"), pk=pk
    )
    calls = queries.calls_of(row)
    calendars = (
        LineService.objects.visible_to(request.user, "line.manage")
        .filter(county_code=row.county_code)
        .exclude(service_id=queries.NEVER)
    )
    start = calls[0].leave_s if calls else 0
    form = DepartureEditForm(
        request.POST if request.method == "POST" else None,
        calendars=calendars.order_by("service_id"),
        initial={
            **hold_of(row),
            "starts": f"{start // 3600:02d}:{start // 60 % 60:02d}",
            "calendar": row.service_id,
            "headsign": row.headsign,
        },
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                services.edit_departure(
                    departure_id=row.pk,
                    calendar_id=said["calendar"].pk,
                    starts_s=said["starts"],
                    headsign=said["headsign"],
                    hold=form.hold(),
                    by=request.user,
                    at=clock.now(),
                )
            except Refused as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("Saved."))
                return redirect("vehicles:line", row.line_id)
    context = {
        "form": form,
        "departure": row,
        "calls": [(call.stop.name, clock_of(call.arrive_s), clock_of(call.leave_s)) for call in calls],
        "cancel_url": reverse("vehicles:line", args=[row.line_id]),
        "breadcrumbs": crumbs((row.line.name, reverse("vehicles:line", args=[row.line_id])), (_("Departure"), "")),
    }
    return render(request, "vehicles/departure_edit.html", context, status=status)


@require_POST
@require("line.manage")
def departure_remove(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Departure.objects.visible_to(request.user, "line.manage"), pk=pk)
    try:
        services.remove_departure(departure_id=row.pk, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal.message))
        return redirect("vehicles:departure-edit", row.pk)
    messages.success(request, _("The departure is gone."))
    return redirect("vehicles:line", row.line_id)


@require_GET
@require("line.read")
def calendars(request: PageRequest) -> HttpResponse:
    actions = [(_("New calendar"), reverse("vehicles:calendar-new"), "add")] if may(request.user, "line.manage") else []
    context = {
        "rows": [(one, _weekday_words(one)) for one in queries.calendars_of(request.user)],
        "may_manage": bool(actions),
        "actions": actions,
        "tabs": tabs(request, "lines"),
        "breadcrumbs": crumbs((_("Calendars"), "")),
    }
    return render(request, "vehicles/calendars.html", context)


def _weekday_words(calendar: LineService) -> str:
    if all(calendar.weekdays):
        return _("Every day")
    if list(calendar.weekdays) == [True] * 5 + [False] * 2:
        return _("Monday to Friday")
    if list(calendar.weekdays) == [False] * 5 + [True] * 2:
        return _("Saturday and Sunday")
    words = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    return _(", ").join(word for word, runs in zip(words, calendar.weekdays, strict=True) if runs)


@require_http_methods(["GET", "POST"])
@require("line.manage")
def calendar_new(request: PageRequest) -> HttpResponse:
    today = clock.business_date(clock.now())
    start = {"start_on": today, "end_on": today + timedelta(days=365), "weekdays": list(range(7))}
    return _calendar_form(request, None, start)


@require_http_methods(["GET", "POST"])
@require("line.manage")
def calendar_edit(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(LineService.objects.visible_to(request.user, "line.manage"), pk=pk)
    days = [number for number, runs in enumerate(row.weekdays) if runs]
    given = {"service_id": row.service_id, "weekdays": days, "start_on": row.start_on, "end_on": row.end_on}
    return _calendar_form(request, row, given)


def _calendar_form(request: PageRequest, row: LineService | None, initial: dict[str, Any]) -> HttpResponse:
    form = CalendarForm(request.POST if request.method == "POST" else None, initial=initial)
    if row is not None:
        form.fields["service_id"].disabled = True
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                saved = services.save_calendar(
                    county_code=row.county_code if row else scope_of(request.user, "line.manage").counties[0],
                    service_id=said["service_id"],
                    weekdays=form.days(),
                    start_on=said["start_on"],
                    end_on=said["end_on"],
                    by=request.user,
                    at=clock.now(),
                )
            except Refused as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, _("Saved."))
                return redirect("vehicles:calendar-edit", saved.pk)
    title = _("Calendar %(name)s") % {"name": row.service_id} if row else _("New calendar")
    context = {
        "form": form,
        "calendar": row,
        "exceptions": list(row.exceptions.order_by("-on")) if row else [],
        "exception_form": ExceptionForm(),
        "title": title,
        "cancel_url": reverse("vehicles:calendars"),
        "breadcrumbs": crumbs((_("Calendars"), reverse("vehicles:calendars")), (title, "")),
    }
    return render(request, "vehicles/calendar_form.html", context, status=status)


@require_POST
@require("line.manage")
def calendar_exception(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(LineService.objects.visible_to(request.user, "line.manage"), pk=pk)
    form = ExceptionForm(request.POST)
    if form.is_valid():
        services.set_exception(
            calendar_id=row.pk, on=form.cleaned_data["on"], runs=form.wanted(), by=request.user, at=clock.now()
        )
        messages.success(request, _("Saved."))
    else:
        messages.error(request, _("Choose a day."))
    return redirect("vehicles:calendar-edit", row.pk)


@require_GET
@require("line.read")
def transit_stops(request: PageRequest) -> HttpResponse:
    """The county's stops, with the station at each; first of all those that have none."""
    form = StopFilterForm(request.GET)
    form.is_valid()
    found = queries.county_stops(
        request.user, only=form.cleaned_data.get("only", ""), text=form.cleaned_data.get("q", "")
    )
    every = TransitStop.objects.visible_to(request.user)
    context = {
        "form": form,
        "page": Paginator(found, A_PAGE).get_page(request.GET.get("page")),
        "linked": every.filter(station__isnull=False).count(),
        "total": every.count(),
        "may_manage": may(request.user, "line.manage"),
        "tabs": tabs(request, "lines"),
        "breadcrumbs": crumbs((_("Stops"), "")),
    }
    return render(request, "vehicles/_stops.html" if request.htmx else "vehicles/stops.html", context)


@require_http_methods(["GET", "POST"])
@require("line.manage")
def transit_stop(request: PageRequest, pk: int) -> HttpResponse:
    """Say which station stands at a stop."""
    row = get_object_or_404(TransitStop.objects.visible_to(request.user, "line.manage"), pk=pk)
    stations = list(queries.stations_for_stops(county_code=row.county_code))
    given = f"{row.station.code} {row.station.name}" if row.station else ""
    form = StopLinkForm(
        request.POST if request.method == "POST" else None, stations=stations, initial={"station": given}
    )
    if request.method == "POST" and form.is_valid():
        station = form.cleaned_data["station"]
        services.link_stop(stop_id=row.pk, station=station, by=request.user, at=clock.now())
        messages.success(request, _("Saved."))
        return redirect(f"{reverse('vehicles:transit-stops')}?only=unlinked")
    context = {
        "form": form,
        "stop": row,
        "offered": [f"{one.code} {one.name}" for one in stations],
        "cancel_url": reverse("vehicles:transit-stops"),
        "breadcrumbs": crumbs((_("Stops"), reverse("vehicles:transit-stops")), (row.name, "")),
    }
    return render(request, "vehicles/stop_form.html", context, status=422 if form.errors else 200)
