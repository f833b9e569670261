"""Issuing what a plan of the rest of a day says of trips on the road: their stops to come are replaced, in place.

The draft's row is the rest of the trip (Trip.continues, Trip.continues_after). What the vehicle has on board keeps its
row of the plan that sent it out; what is to be collected from now on comes along, what others collect goes away.
"""

from collections.abc import Sequence

from django.db.models import Q
from django.utils.translation import gettext as _

from common.errors import Conflict
from vehicles import rules
from vehicles.models import Plan, PlanParcel, Trip, TripStop
from vehicles.states import Direction, StopState, TripState


def go_on(plan: Plan, rests: Sequence[Trip]) -> None:
    """Conflict "trip_moved_on" where a trip is farther than the plan took it to be. Inside issue_plan's transaction,
    when the waiting trips of the plan before are not live any more."""
    olds = {
        trip.pk: trip
        for trip in Trip.objects.select_for_update().filter(pk__in=[rest.continues_id for rest in rests]).order_by("pk")
    }
    # What others carry now, and what nobody collects any more: only the latter has no trip.
    moved = Q(trip__isnull=False) & ~Q(trip__in=rests) | Q(trip__isnull=True, direction=Direction.UP)
    elsewhere = PlanParcel.objects.filter(moved, plan=plan).values("parcel_id")
    PlanParcel.objects.filter(trip__in=olds, live=True, parcel_id__in=elsewhere).update(live=False)
    for rest in rests:
        _go_on(plan, rest, olds[rest.continues_id or 0])


def _go_on(plan: Plan, rest: Trip, old: Trip) -> None:
    to_come = TripStop.objects.filter(trip=old, seq__gt=rest.continues_after or 0)
    if old.state != TripState.DEPARTED or not old.live or to_come.exclude(state=StopState.PENDING).exists():
        raise Conflict(
            "trip_moved_on",
            _("Trip %(code)s is farther by now than this plan took it to be: plan anew.") % {"code": old.code},
        )
    to_come.delete()
    stops = [stop for stop in rest.stops.order_by("seq") if stop.seq or stop.station_id != plan.hub_id]
    for number, stop in enumerate(stops, (rest.continues_after or 0) + 1):
        stop.pk, stop.trip, stop.seq = None, old, number
    TripStop.objects.bulk_create(stops)
    rows = PlanParcel.objects.filter(plan=plan, trip=rest)
    rows.filter(parcel_id__in=PlanParcel.objects.filter(trip=old, live=True).values("parcel_id")).delete()
    rows.update(trip=old, live=True)
    old.ends_at, old.busy_until = rest.ends_at, rest.ends_at + rules.BUFFER
    old.save(update_fields=["ends_at", "busy_until"])
    rest.delete()
