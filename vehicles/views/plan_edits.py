"""Changing a draft by hand: each action is a form's POST, whether a button, the keyboard or a drag sent it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from common import clock
from common.errors import Refused
from common.http import PageRequest
from stations.forms.stations import show_refusal
from stations.permissions import require
from vehicles import services
from vehicles.forms.plans import MoveForm
from vehicles.models import Plan, Trip, TripStop
from vehicles.queries.plans import last_change
from vehicles.views.plan_words import hour, trip_name
from vehicles.views.plans import plan_name, plan_of, seen_of


def _back(plan: Plan, trip_id: int | None = None, stop: TripStop | None = None, by: str = "") -> HttpResponse:
    """To the plan's page, at the trip, with the focus on the button that was pressed."""
    url = reverse("vehicles:plan", args=[plan.pk])
    if trip_id is None:
        return redirect(url)
    moved = f"{trip_id}-{stop.station_id}-{by if by in ('up', 'down') else 'move'}" if stop else f"{trip_id}"
    return redirect(f"{url}?moved={moved}#trip-{trip_id}")


def _trip(request: PageRequest, pk: int) -> tuple[Plan, Trip]:
    plans = Plan.objects.visible_to(request.user, "plan.make")
    trip = get_object_or_404(Trip.objects.visible_to(request.user).select_related("plan__hub"), pk=pk, plan__in=plans)
    return trip.plan, trip


def _stop(request: PageRequest, pk: int) -> tuple[Plan, TripStop]:
    trips = Trip.objects.visible_to(request.user)
    plans = Plan.objects.visible_to(request.user, "plan.make")
    rows = TripStop.objects.filter(trip__in=trips, trip__plan__in=plans)  # unscoped: by the trips in scope
    stop = get_object_or_404(rows.select_related("trip__plan__hub", "station"), pk=pk)
    return stop.trip.plan, stop


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 10 else None


@require_http_methods(["GET", "POST"])
@require("plan.make")
def stop_move(request: PageRequest, pk: int) -> HttpResponse:
    """GET: the form with all trips of the plan. POST: there it goes; `by` says which button, for the focus."""
    plan, stop = _stop(request, pk)
    trips = Trip.objects.visible_to(request.user).filter(plan=plan)
    choices = [
        (trip, f"{trip.seq} · {trip_name(trip)} · {hour(trip.departs_at)}–{hour(trip.ends_at)}")
        for trip in trips.select_related("vehicle", "departure__line").order_by("departs_at", "seq")
    ]
    initial = {"to_trip": stop.trip_id, "seq": stop.seq, "seen": last_change(plan)}
    form = MoveForm(request.POST if request.method == "POST" else None, trips=choices, initial=initial)
    status, pressed = 200, request.POST.get("by", "")
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = form.cleaned_data
            try:
                services.move_stop(
                    plan_id=plan.pk,
                    stop_id=stop.pk,
                    to_trip_id=values["to_trip"],
                    seq=values["seq"],
                    by=request.user,
                    at=clock.now(),
                    seen=values["seen"],
                )
            except Refused as refusal:
                if pressed:
                    messages.error(request, str(refusal.message))
                    return _back(plan, stop.trip_id, stop, pressed)
                show_refusal(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("%(name)s is moved.") % {"name": stop.station.name})
                return _back(plan, values["to_trip"], stop, pressed)
        elif pressed:
            messages.error(request, _("It can't go there."))
            return _back(plan, stop.trip_id)
    context = {
        "form": form,
        "plan": plan,
        "stop": stop,
        "back": f"{reverse('vehicles:plan', args=[plan.pk])}#trip-{stop.trip_id}",
        "breadcrumbs": [
            (_("Plan"), reverse("vehicles:plans")),
            (plan_name(plan), reverse("vehicles:plan", args=[plan.pk])),
            (_("Move a stop"), ""),
        ],
    }
    return render(request, "vehicles/plan_move.html", context, status=status)


@require_POST
@require("plan.make")
def trip_reorder(request: PageRequest, pk: int) -> HttpResponse:
    """`stops`: the ids in their new order, with commas."""
    plan, trip = _trip(request, pk)
    ids = [_number(part) for part in request.POST.get("stops", "")[:6000].split(",")]
    if None in ids:
        messages.error(request, _("It can't go there."))
        return _back(plan, trip.pk)
    wanted = [each for each in ids if each is not None]
    return _do(request, plan, trip.pk, services.reorder, _("The order is changed."), trip_id=trip.pk, stop_ids=wanted)


def _do(request: PageRequest, plan: Plan, at_trip: int | None, call: Any, done: str, **values: Any) -> HttpResponse:
    try:
        call(by=request.user, at=clock.now(), seen=seen_of(request), **values)
    except Refused as refusal:
        messages.error(request, str(refusal.message))
    else:
        messages.success(request, done)
    return _back(plan, at_trip)


@require_POST
@require("plan.make")
def stop_lock(request: PageRequest, pk: int) -> HttpResponse:
    """Locks an open stop, opens a locked one: `locked` says which."""
    plan, stop = _stop(request, pk)
    locked = request.POST.get("locked") == "1"
    done = _("The stop stays with its vehicle.") if locked else _("The stop may move again.")
    return _do(request, plan, stop.trip_id, services.lock_stop, done, stop_id=stop.pk, locked=locked)


@require_POST
@require("plan.make")
def trip_lock(request: PageRequest, pk: int) -> HttpResponse:
    plan, trip = _trip(request, pk)
    locked = request.POST.get("locked") == "1"
    done = _("The trip stays as it is.") if locked else _("The trip may change again.")
    return _do(request, plan, trip.pk, services.lock_trip, done, trip_id=trip.pk, locked=locked)


@require_POST
@require("plan.make")
def plan_undo(request: PageRequest, pk: int) -> HttpResponse:
    plan = plan_of(request, pk, "plan.make")
    return _do(request, plan, None, services.undo, _("The last change is taken back."), plan_id=plan.pk)
