"""A draft's way into force: reviewed, issued, replaced by the next, closed; or thrown away.

Issuing goes hub by hub, one after another, and moves states by compare-and-set: of two dispatchers one issues, the
other is told. What the database won't have (a parcel on two live trips, a vehicle or driver on two at once, with a
quarter of an hour between) comes back as a sentence, and nothing has changed.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import User
from common import clock
from common.errors import Conflict, Refused
from common.services import cancel_job
from vehicles.models import Plan, PlanParcel, PlanProblem, Trip
from vehicles.queries.demand import ON_THE_ROAD
from vehicles.queries.fleet import barred, missing_for
from vehicles.services.continuing import go_on
from vehicles.services.locks import lock_hub
from vehicles.services.moves import move
from vehicles.services.trips import hold_still
from vehicles.states import PlanState, TripState

_OPEN = (PlanState.SOLVING, PlanState.DRAFT, PlanState.REVIEWED)


def review_plan(*, plan_id: int, by: User, at: datetime, seen: int | None = None) -> Plan:
    """Say that a draft is good to go. Conflict "state_changed", "plan_changed" (`seen`: the last change looked at)."""
    with transaction.atomic():
        plan = _locked(plan_id)
        newest = plan.changes.order_by("-pk").values_list("pk", flat=True).first() or 0
        if seen is not None and seen != newest:
            raise Conflict("plan_changed", _("Somebody else has changed this plan meanwhile: look again."))
        if not plan.trips.exists():
            raise Refused("plan_empty", _("There is no trip in this plan: nothing to issue."))
        move(plan, to=PlanState.REVIEWED, by=by, at=at, allowed=[PlanState.DRAFT], reviewed_by=by, reviewed_at=at)
    return plan


def reopen_plan(*, plan_id: int, by: User, at: datetime) -> Plan:
    """Back to a draft, to be changed."""
    with transaction.atomic():
        plan = _locked(plan_id)
        move(plan, to=PlanState.DRAFT, by=by, at=at, allowed=[PlanState.REVIEWED], reviewed_by=None, reviewed_at=None)
    return plan


def issue_plan(*, plan_id: int, by: User, at: datetime) -> Plan:
    """Put a reviewed plan into force in place of the one before of its hub, day and wave. Refused "day_passed",
    "trip_passed", "vehicle_barred"; Conflict "state_changed", "parcel_in_live_plan", "trip_overlaps"."""
    hub_id = Plan.objects.values_list("hub_id", flat=True).get(pk=plan_id)
    try:
        with transaction.atomic():
            lock_hub(hub_id)
            plan = _locked(plan_id)
            hold_still(plan.county_code)  # what leaves at this moment stays on the road
            if plan.state != PlanState.REVIEWED:
                raise Conflict("state_changed", _not_reviewed(plan))
            trips = list(
                plan.trips.select_related("vehicle", "driver__user")
                .prefetch_related("vehicle__documents", "driver__documents")
                .order_by("pk")
            )
            _still_newest(plan, trips)
            _still_possible(plan, trips, at)
            _supersede(plan, trips, by=by, at=at)
            go_on(plan, [trip for trip in trips if trip.continues_id is not None])
            _put_in_force(plan, [trip for trip in trips if trip.continues_id is None], by=by, at=at)
    except IntegrityError as clash:
        raise _conflict(clash) from clash
    plan.refresh_from_db()
    return plan


def _not_reviewed(plan: Plan) -> str:
    if plan.state == PlanState.ISSUED:
        return _("Somebody else has just issued this plan.")
    if plan.state == PlanState.DRAFT:
        return _("This plan is a draft: review it first.")
    return _("This plan can't be issued: it is in the state “%(state)s”.") % {"state": plan.get_state_display()}


def _still_newest(plan: Plan, trips: Sequence[Trip]) -> None:
    """The rest of a day goes on from the plan in force: of two rests made of one plan, the first issued holds."""
    if any(trip.continues_id for trip in trips) and (plan.base is None or plan.base.state != PlanState.ISSUED):
        raise Conflict("other_issued", _("Another plan of this wave has just been issued: look again."))


def _still_possible(plan: Plan, trips: Sequence[Trip], at: datetime) -> None:
    """What may have changed since it was reckoned: the hour, papers, drivers."""
    if plan.service_date < clock.business_date(at):
        raise Refused("day_passed", _("The day of this plan is over."))
    for trip in trips:
        if trip.continues_id is None and trip.departs_at <= at:
            raise Refused(
                "trip_passed",
                _("Trip %(code)s should have left at %(hour)s: plan anew.")
                % {"code": trip.code, "hour": f"{trip.departs_at.astimezone(clock.SHANGHAI):%H:%M}"},
            )
        if trip.vehicle is None:
            continue
        reasons = barred(trip.vehicle, at=trip.departs_at) or barred(trip.vehicle, at=trip.ends_at)
        if not reasons and trip.driver is not None:
            reasons = missing_for(trip.driver, trip.vehicle, at=trip.ends_at)
        if reasons:
            raise Refused(
                "vehicle_barred",
                _("%(plate)s can't drive trip %(code)s: %(reason)s.")
                % {"plate": trip.vehicle, "code": trip.code, "reason": reasons[0]},
            )


def _supersede(plan: Plan, trips: Sequence[Trip], *, by: User, at: datetime) -> None:
    """The plan before loses what isn't on the road yet; what is, stays its own, live. A trip that is just the same
    keeps its code, since it may stand on paper already."""
    before = (
        Plan.objects.select_for_update()
        .filter(hub=plan.hub_id, service_date=plan.service_date, wave=plan.wave, state=PlanState.ISSUED)
        .first()
    )
    if before is None:
        return
    # trips before their parcels, as whoever calls one off or reports a breakdown
    waiting = list(before.trips.select_for_update().filter(live=True).exclude(state__in=ON_THE_ROAD).order_by("pk"))
    PlanParcel.objects.filter(plan=before, trip__in=waiting).update(live=False)
    Trip.objects.filter(pk__in=[trip.pk for trip in waiting]).update(live=False)
    keep_codes(waiting, trips)
    move(before, to=PlanState.SUPERSEDED, by=by, at=at, allowed=[PlanState.ISSUED])
    PlanProblem.objects.filter(plan=before).delete()


def keep_codes(old: Sequence[Trip], new: Sequence[Trip]) -> None:
    """Swap the codes of trips that are the same in vehicle, departure, stops and goods."""
    faces = {_face(trip): trip for trip in old}
    for trip in new:
        same = faces.pop(_face(trip), None)
        if same is None:
            continue
        code, former = same.code, trip.code
        for row, value in ((same, f"{former}-X"), (trip, code), (same, former)):
            row.code = value
            row.save(update_fields=["code"])


def _face(trip: Trip) -> tuple[object, ...]:
    stops = tuple(trip.stops.order_by("seq").values_list("station_id", "down_pieces", "up_pieces"))
    parcels = frozenset(trip.parcels.values_list("parcel_id", flat=True))
    return (trip.vehicle_id, trip.departure_id, trip.departs_at, stops, parcels)


def _put_in_force(plan: Plan, trips: Sequence[Trip], *, by: User, at: datetime) -> None:
    ids = [trip.pk for trip in trips]
    Trip.objects.filter(pk__in=ids).update(live=True)
    PlanParcel.objects.filter(plan=plan, trip__in=ids).update(live=True)
    driven = [trip for trip in trips if trip.driver_id is not None and trip.state == TripState.PLANNED]
    move(driven, to=TripState.ASSIGNED, by=by, at=at, allowed=[TripState.PLANNED])
    move(plan, to=PlanState.ISSUED, by=by, at=at, allowed=[PlanState.REVIEWED], issued_by=by, issued_at=at)


def _conflict(clash: IntegrityError) -> Conflict:
    """In the words of the constraint that was met."""
    name = getattr(getattr(clash.__cause__, "diag", None), "constraint_name", "") or ""
    if name == "planparcel_in_one_live_plan":
        return Conflict("parcel_in_live_plan", _("Parcels of this plan are on another plan's trips by now: plan anew."))
    if name == "trip_vehicle_once_at_a_time":
        return Conflict(
            "trip_overlaps",
            _("A vehicle of this plan is on another trip then, or within 15 minutes of it: plan anew."),
        )
    if name == "trip_driver_once_at_a_time":
        return Conflict(
            "trip_overlaps",
            _("A driver of this plan is on another trip then, or within 15 minutes of it: plan anew."),
        )
    return Conflict("other_issued", _("Another plan of this wave has just been issued: look again."))


def discard_plan(*, plan_id: int, by: User, at: datetime) -> Plan:
    """Throw away what isn't in force: its trips stay to be looked at, its parcels and its problem go. Stops the
    reckoning, if it still runs. Conflict "state_changed"."""
    with transaction.atomic():
        plan = _locked(plan_id)
        move(plan, to=PlanState.DISCARDED, by=by, at=at, allowed=_OPEN)
        plan.parcels.all().delete()
        PlanProblem.objects.filter(plan=plan).delete()
    if plan.job is not None and plan.job.is_open:
        try:
            cancel_job(job_id=plan.job.pk, user=plan.job.user, at=at)
        except Conflict:  # it has ended this very moment
            plan.refresh_from_db()
    return plan


def close_plan(*, plan_id: int, by: User | None, at: datetime) -> Plan:
    """When the day has been driven: what never left is let go. Conflict "trips_on_the_road"."""
    with transaction.atomic():
        plan = _locked(plan_id)
        hold_still(plan.county_code)
        trips = list(plan.trips.select_for_update().filter(live=True).order_by("pk"))
        if any(trip.state == TripState.DEPARTED for trip in trips):
            raise Conflict("trips_on_the_road", _("Trips of this plan are still on the road."))
        move(plan, to=PlanState.CLOSED, by=by, at=at, allowed=[PlanState.ISSUED])
        idle = plan.trips.filter(live=True).filter(~Q(state__in=ON_THE_ROAD))
        PlanParcel.objects.filter(plan=plan, live=True).update(live=False)
        idle.update(live=False)
        PlanProblem.objects.filter(plan=plan).delete()
    return plan


def _locked(plan_id: int) -> Plan:
    return Plan.objects.select_for_update(of=("self",)).select_related("hub", "job").get(pk=plan_id)
